import { AglError, parseOptions } from '@agl/types'
import { z } from 'zod'

/** What a world is drawn from. */
export interface WorldOptions {
  readonly seed: number
  /** `null`: no sentence changes anything. `planted`: one does, by `plantedGain`. Default `drawn`: all have effects of their own. */
  readonly variant?: 'drawn' | 'null' | 'planted'
  /** Kinds of tasks, 1 to 8. Default 4. */
  readonly kinds?: number
  /** Rules that help the tasks of their kinds, 1 to 12. Default 6. */
  readonly helpful?: number
  /** Rules that do harm to all tasks, 1 to 6. Default 3. */
  readonly harmful?: number
  /** Rules without effect, 1 to 8. Default 5. */
  readonly neutral?: number
  /** Pairs of helpful rules that together are worth more or less than their sum. Default 2. */
  readonly interactions?: number
  /** True score of the seed prompt, in (0, 1). Default 0.4. */
  readonly seedScore?: number
  /** How much chance decides: 0.1 makes nearly every task sure to succeed or to fail, 1 leaves much to luck. Default 1. */
  readonly noise?: number
  /** Standard deviation of the difficulty of tasks within a kind, in the unit of the rules' effects. Default 1. */
  readonly difficulty?: number
  /** What the one rule of `planted` adds to the true score. Default 0.1. */
  readonly plantedGain?: number
  /** Probability that the critic names something that is no flaw. Default 0.3. */
  readonly criticError?: number
  /** Probability that the editor botches an edit. Default 0.1. */
  readonly editorError?: number
}

export type WorldSettings = Required<WorldOptions>

export const worldDefaults: Omit<WorldSettings, 'seed'> = Object.freeze({
  variant: 'drawn',
  kinds: 4,
  helpful: 6,
  harmful: 3,
  neutral: 5,
  interactions: 2,
  seedScore: 0.4,
  noise: 1,
  difficulty: 1,
  plantedGain: 0.1,
  criticError: 0.3,
  editorError: 0.1,
})

const probability = z.number().min(0).max(1)
const schema = z.strictObject({
  seed: z.int(),
  variant: z.enum(['drawn', 'null', 'planted']).optional(),
  kinds: z.int().min(1).max(8).optional(),
  helpful: z.int().min(1).max(12).optional(),
  harmful: z.int().min(1).max(6).optional(),
  neutral: z.int().min(1).max(8).optional(),
  interactions: z.int().min(0).optional(),
  seedScore: z.number().gt(0).lt(1).optional(),
  noise: z.number().min(0.1).optional(),
  difficulty: z.number().min(0).optional(),
  plantedGain: z.number().gt(0).lt(1).optional(),
  criticError: probability.optional(),
  editorError: probability.optional(),
})

/** @throws AglError `invalid_argument` */
export function readWorldOptions(options: WorldOptions): WorldSettings {
  const settings = parseOptions(schema, options, worldDefaults, 'createWorld')
  if (settings.variant === 'planted' && settings.helpful < 2) {
    throw new AglError({
      code: 'invalid_argument',
      message: 'createWorld: `planted` needs `helpful` of 2 or more, got 1: the first stands in the seed prompt already.',
    })
  }
  if (settings.variant === 'planted' && settings.seedScore + settings.plantedGain >= 1) {
    throw new AglError({
      code: 'invalid_argument',
      message: `createWorld: expected seedScore + plantedGain below 1, the best score that there is, got ${settings.seedScore} + ${settings.plantedGain}.`,
    })
  }
  return settings
}
