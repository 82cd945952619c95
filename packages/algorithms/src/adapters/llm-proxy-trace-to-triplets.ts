import { parseOptions } from '@agl/types'
import { z } from 'zod'
import {
  createTripletAdapter,
  readTriplets,
  traceToTripletsDefaults,
  type TraceToTripletsOptions,
  type TripletAdapter,
  tripletOptionsShape,
} from './trace-to-triplets.ts'

export type LlmProxyTraceToTripletsOptions = Pick<TraceToTripletsOptions, 'callMatch' | 'dedupe' | 'finalReward' | 'onFinding'>

/** The defaults of {@link LlmProxyTraceToTripletsOptions}. */
export const llmProxyTraceToTripletsDefaults: Readonly<Required<Omit<LlmProxyTraceToTripletsOptions, 'onFinding'>>> =
  Object.freeze({ callMatch: null, dedupe: true, finalReward: null })

const { callMatch, dedupe, finalReward, onFinding } = tripletOptionsShape
const optionsSchema = z.strictObject({ callMatch, dedupe, finalReward, onFinding })

/**
 * Triplets of a trace that gateways and emitters on several machines wrote: sequence ids alone order it, no clock is
 * trusted and no tree is used. Calls without token ids are left out. A reward goes to the latest call with a strictly
 * smaller sequence id that has none yet, so that later rewards fill in earlier calls.
 */
export function llmProxyTraceToTriplets(options: LlmProxyTraceToTripletsOptions = {}): TripletAdapter {
  const defaults = llmProxyTraceToTripletsDefaults
  const parsed = parseOptions(optionsSchema, options, defaults, 'options of llmProxyTraceToTriplets')
  const reading = {
    ...traceToTripletsDefaults,
    ...parsed,
    rewardMatch: 'sequence',
    excludeCallsInReward: false,
    repairHierarchy: false,
    skipCallsWithoutTokenIds: true,
  } as const
  return createTripletAdapter(parsed.onFinding, (spans, report) => readTriplets(spans, reading, report))
}
