import { parseOptions } from '@agl/types'
import { z } from 'zod'

export interface BaselineOptions {
  /** Passes over both datasets; at least 1. */
  readonly epochs?: number
  /** The queue of the store never gets longer than this by what is enqueued here, others' rollouts counted; at least 1. */
  readonly maxQueueLength?: number
  /** What is logged (`debug`) of each span: its name and the `keys` of its attributes, their values too, or nothing. */
  readonly spanVerbosity?: 'keys' | 'key_values' | 'none'
  /** What counts for an agent that failed or ran out of time. */
  readonly worstReward?: number
}

/** The defaults of {@link BaselineOptions}. */
export const baselineDefaults: Readonly<Required<BaselineOptions>> = Object.freeze({
  epochs: 1,
  maxQueueLength: 4,
  spanVerbosity: 'keys',
  worstReward: 0,
})

const optionsSchema = z.strictObject({
  epochs: z.int().min(1).optional(),
  maxQueueLength: z.int().min(1).optional(),
  spanVerbosity: z.enum(['keys', 'key_values', 'none']).optional(),
  worstReward: z.number().optional(),
})

export function resolveBaselineOptions(options: BaselineOptions): Required<BaselineOptions> {
  return parseOptions(optionsSchema, options, baselineDefaults, 'options of createBaseline')
}
