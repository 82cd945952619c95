import type { AttemptStatus, RolloutConfig, RolloutStatus } from '@agl/types'
import * as fc from 'fast-check'

/** What may be done to a store. `pick` and `among` choose, by remainder, among what is there at that moment. */
export type Command =
  | { readonly kind: 'enqueue'; readonly priority: number; readonly config: RolloutConfig; readonly isKeyed: boolean }
  | {
      readonly kind: 'startRollout'
      readonly worker: string | null
      readonly lease: number | null
      readonly config: RolloutConfig
    }
  | {
      readonly kind: 'dequeue'
      readonly worker: string | null
      readonly lease: number | null
      readonly capacity: number | null
      readonly limit: number
      readonly isKeyed: boolean
    }
  | {
      readonly kind: 'startAttempt'
      readonly pick: number
      readonly worker: string | null
      readonly lease: number | null
      readonly isKeyed: boolean
    }
  | { readonly kind: 'spans'; readonly picks: readonly number[]; readonly isReward: boolean; readonly isAgain: boolean }
  | { readonly kind: 'heartbeat'; readonly worker: string; readonly pick: number | null; readonly lease: number | null }
  | {
      readonly kind: 'report'
      readonly pick: number
      readonly status: AttemptStatus | null
      readonly worker: string | null
      readonly metadata: number | null
    }
  | { readonly kind: 'release'; readonly pick: number }
  | { readonly kind: 'cancel'; readonly picks: readonly number[] }
  | { readonly kind: 'setStatus'; readonly pick: number; readonly status: RolloutStatus }
  | { readonly kind: 'delete'; readonly picks: readonly number[] }
  /** Several claims in a row whose worker is never heard of again. */
  | { readonly kind: 'lose'; readonly times: number }
  /** A write with a key that was sent before is sent again. */
  | { readonly kind: 'again'; readonly pick: number }
  | { readonly kind: 'advance'; readonly milliseconds: number }

/** The features that some commands need. */
export interface ModelFeatures {
  readonly leases: boolean
  readonly scheduling: boolean
  readonly deletes: boolean
}

/*
 * Steps of time are whole fifths of a second and limits lie 100 ms between them, so that no limit is reached at the very
 * moment of a command.
 */
const limits = {
  timeout_seconds: fc.constantFrom(null, null, 7.1, 20.1),
  unresponsive_seconds: fc.constantFrom(null, null, 5.1),
}

const configArbitrary: fc.Arbitrary<RolloutConfig> = fc.record({
  ...limits,
  max_attempts: fc.integer({ min: 1, max: 3 }),
  retry_condition: fc.subarray(['failed', 'timeout', 'unresponsive'] as const),
  retry_outcomes: fc.subarray(['infra_error', 'agent_error', 'unresponsive'] as const),
})

const attemptStatuses = ['preparing', 'running', 'failed', 'succeeded', 'unresponsive', 'timeout'] as const
const rolloutStatuses = ['queuing', 'preparing', 'running', 'failed', 'succeeded', 'cancelled', 'requeuing'] as const
const workers = ['w1', 'w2', 'w3'] as const

export function commandArbitrary(features: ModelFeatures): fc.Arbitrary<Command> {
  const pick = fc.nat(11)
  const picks = fc.array(pick, { minLength: 1, maxLength: 3 })
  const worker = fc.constantFrom(null, ...workers)
  const lease = features.leases ? fc.constantFrom(null, 2.1, 9.1) : fc.constant(null)
  const capacity = features.scheduling ? fc.constantFrom(null, null, 1, 2) : fc.constant(null)
  const priority = features.scheduling ? fc.integer({ min: -1, max: 1 }) : fc.constant(0)
  const isKeyed = fc.boolean()
  const kind = <Kind extends Command['kind']>(name: Kind): fc.Arbitrary<Kind> => fc.constant(name)
  const weighted = (weight: number, arbitrary: fc.Arbitrary<Command>): { weight: number; arbitrary: fc.Arbitrary<Command> } => ({
    weight,
    arbitrary,
  })
  return fc.oneof(
    weighted(5, fc.record({ kind: kind('enqueue'), priority, config: configArbitrary, isKeyed })),
    weighted(1, fc.record({ kind: kind('startRollout'), worker, lease, config: configArbitrary })),
    weighted(8, fc.record({ kind: kind('dequeue'), worker, lease, capacity, limit: fc.constantFrom(1, 1, 1, 3), isKeyed })),
    weighted(1, fc.record({ kind: kind('startAttempt'), pick, worker, lease, isKeyed })),
    weighted(5, fc.record({ kind: kind('spans'), picks, isReward: fc.boolean(), isAgain: fc.boolean() })),
    weighted(
      3,
      fc.record({ kind: kind('heartbeat'), worker: fc.constantFrom(...workers), pick: fc.option(pick, { nil: null }), lease }),
    ),
    weighted(
      6,
      fc.record({
        kind: kind('report'),
        pick,
        status: fc.constantFrom(null, ...attemptStatuses),
        worker: fc.constantFrom(null, null, ...workers),
        metadata: fc.option(fc.nat(3), { nil: null }),
      }),
    ),
    ...(features.leases ? [weighted(2, fc.record({ kind: kind('release'), pick }))] : []),
    ...(features.leases ? [weighted(1, fc.record({ kind: kind('lose'), times: fc.constantFrom(2, 6) }))] : []),
    weighted(1, fc.record({ kind: kind('cancel'), picks })),
    weighted(2, fc.record({ kind: kind('setStatus'), pick, status: fc.constantFrom(...rolloutStatuses) })),
    ...(features.deletes ? [weighted(1, fc.record({ kind: kind('delete'), picks }))] : []),
    weighted(2, fc.record({ kind: kind('again'), pick })),
    weighted(7, fc.record({ kind: kind('advance'), milliseconds: fc.constantFrom(400, 3200, 3200, 12_400, 700_000) })),
  )
}
