import type { ModelName, ModelOptions, WorldOptions } from '@agl/simulated-world'

/*
 * What both sides get in the contest of prompt optimization: the world, the tasks, the models' speed, and the reference's
 * settings. Figures in python-reference.json hold for exactly this; whoever changes it measures anew.
 */

/** Beside the seed. */
export const contestWorld: Omit<WorldOptions, 'seed'> = Object.freeze({
  variant: 'drawn',
  kinds: 4,
  helpful: 6,
  harmful: 3,
  neutral: 5,
  interactions: 2,
  seedScore: 0.4,
  noise: 1,
  difficulty: 1,
  criticError: 0.3,
  editorError: 0.1,
})

/** As of hosted models: an agent's small model in a second, the larger ones of the optimizer in two. */
export const contestModels: Required<Pick<ModelOptions, 'latencySpread'>> & {
  readonly latencyMs: Readonly<Record<ModelName, number>>
} = Object.freeze({
  latencyMs: Object.freeze({ actor: 1000, critic: 2000, editor: 2000 }),
  latencySpread: 0.4,
})

/** As in the reference's example of room booking: the first `train` tasks of the world, then `val` more. */
export const contestTasks: { readonly train: number; readonly val: number } = Object.freeze({ train: 28, val: 29 })

export const contestRunners = 8

/** The reference's parameters by their own names. */
export interface ReferenceSettings {
  readonly beam_width: number
  readonly branch_factor: number
  readonly beam_rounds: number
  readonly val_batch_size: number
  readonly gradient_batch_size: number
}

/** `example`: of its example of room booking. `defaults`: what its APO does when told nothing. */
export const referenceSettings: Readonly<Record<'example' | 'defaults', ReferenceSettings>> = Object.freeze({
  example: { beam_width: 2, branch_factor: 2, beam_rounds: 2, val_batch_size: 10, gradient_batch_size: 4 },
  defaults: { beam_width: 4, branch_factor: 4, beam_rounds: 3, val_batch_size: 16, gradient_batch_size: 4 },
})
