import { AglError, parseOptions } from '@agl/types'
import { z } from 'zod'
import { criticize, noTask, observe } from './critic.ts'
import { draw, drawLogNormal } from './draw.ts'
import { edit, readEditRequest } from './editor.ts'
import { replyTo } from './tasks.ts'
import { placeholder } from './laws.ts'
import type { World } from './world.ts'

export const modelNames = ['actor', 'critic', 'editor'] as const
export type ModelName = (typeof modelNames)[number]

export interface ModelOptions {
  /** Median of the time a call takes, milliseconds. Default 0 for each: at once. */
  readonly latencyMs?: Readonly<Partial<Record<ModelName, number>>>
  /** Standard deviation of the logarithm of that time. Default 0.4: nine of ten calls within half and double the median. */
  readonly latencySpread?: number
  /** Probability that a call is refused, half with 429 and half with 500. Default 0. */
  readonly failureRate?: number
}

export const modelDefaults: Required<ModelOptions> = Object.freeze({
  latencyMs: Object.freeze({}),
  latencySpread: 0.4,
  failureRate: 0,
})

const schema = z.strictObject({
  latencyMs: z.partialRecord(z.enum(modelNames), z.number().min(0)).optional(),
  latencySpread: z.number().min(0).optional(),
  failureRate: z.number().min(0).max(1).optional(),
})

export interface ModelCall {
  readonly model: ModelName
  /** Everything that was said, in order. */
  readonly text: string
  /** Equal calls with equal seeds get equal replies. Without one, the first call of its content gets the first reply, and so on. */
  readonly seed?: number
}

export interface ModelReply {
  readonly text: string
  /** What the call takes; waiting for it is the caller's business. */
  readonly latencyMs: number
  /** Null where it was answered. */
  readonly failure: 429 | 500 | null
}

export interface ModelUse {
  readonly answered: Readonly<Record<ModelName, number>>
  readonly refused: number
}

/** The three models of a world. They count calls; everything else they know is in the world. */
export interface Models {
  readonly world: World
  call(call: ModelCall): ModelReply
  use(): ModelUse
}

/** @throws AglError `invalid_argument` */
export function createModels(world: World, options: ModelOptions = {}): Models {
  const { latencyMs, latencySpread, failureRate } = parseOptions(schema, options, modelDefaults, 'createModels')
  const { seed: worldSeed } = world.settings
  const counts = new Map<string, number>()
  const answered = { actor: 0, critic: 0, editor: 0 }
  let refused = 0

  const count = (what: string): number => {
    const number = counts.get(what) ?? 0
    counts.set(what, number + 1)
    return number
  }

  return {
    world,
    use: () => ({ answered: { ...answered }, refused }),
    call({ model, text, seed }) {
      // Line breaks and indentation differ between templates and mean nothing.
      const request = read(world, model, text)
      // Calls of one content are interchangeable, so numbering them as they come does not make the order of calls matter.
      const content = `${model} ${request.content} ${seed ?? ''}`
      const delivery = count(`delivered ${content}`)
      const lasts = drawLogNormal(latencyMs[model] ?? 0, latencySpread, worldSeed, 'latency', content, delivery)
      if (draw(worldSeed, 'failure', content, delivery) < failureRate) {
        refused += 1
        const failure = draw(worldSeed, 'status', content, delivery) < 0.5 ? 429 : 500
        return { text: '', latencyMs: lasts, failure }
      }
      answered[model] += 1
      const key = [request.content, seed === undefined ? `call ${count(`answered ${content}`)}` : seed]
      return { text: request.reply(key), latencyMs: lasts, failure: null }
    },
  }
}

type Key = readonly (string | number)[]

/** What a model makes of a text: all that its reply depends on, and the reply. */
function read(world: World, model: ModelName, text: string): { readonly content: string; readonly reply: (key: Key) => string } {
  switch (model) {
    case 'actor': {
      const task = world.findTask(text)
      if (task === null) return { content: text, reply: () => noTask }
      const prompt = text.replaceAll(task.text, placeholder)
      const success = world.successProbability(prompt, task)
      const reply = (key: Key): string => {
        const isRight = draw(world.settings.seed, 'actor', ...key) < success
        return replyTo(task, isRight, draw(world.settings.seed, 'wrong', ...key))
      }
      return { content: JSON.stringify([prompt, task.id]), reply }
    }
    case 'critic': {
      const observed = observe(world, text)
      const content = [observed.present.map(({ wording }) => wording.sentence), observed.answers, observed.isTaskMissing]
      return { content: JSON.stringify(content), reply: (key) => criticize(world, observed, key) }
    }
    case 'editor': {
      const request = readEditRequest(world, text)
      return { content: JSON.stringify(request), reply: (key) => edit(world, request, key) }
    }
    default:
      throw new AglError({
        code: 'invalid_argument',
        message: `Expected a model of ${modelNames.join(', ')}, got ${model satisfies never}.`,
      })
  }
}
