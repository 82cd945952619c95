import { hash } from 'node:crypto'
import { AglError, type LightningStore, type NewSpan } from '@agl/types'
import { buildSpan } from '@agl/types/spans'
import { z } from 'zod'
import type { Weights } from './assignment.ts'
import { experimentNames } from './metrics.ts'

/** One version of a snapshot. */
export interface Target {
  readonly resourcesId: string
  readonly version: number
}

/** Who did it, and why: kept for good. */
export interface Authorship {
  readonly by: string
  readonly reason: string
}

/**
 * An experiment after one step of its history.
 *
 * | phase | who gets what | next |
 * |---|---|---|
 * | `trial` | arms by assignment | `rolling_out`, `promoted`, `rolled_back` |
 * | `rolling_out` | a share of the keys the candidate, the others the control | `rolling_out` with another share, `promoted`, `rolled_back` |
 * | `promoted` | all the candidate; the alias points to it | `promoted` with another, `rolled_back` |
 * | `rolled_back` | all the control; the alias points to where it pointed before | `rolling_out`, `promoted` |
 *
 * New arms or weights lead back to `trial` from anywhere.
 */
export interface ExperimentState extends Authorship {
  /** 1 for the first. */
  readonly revision: number
  /** Of this step, and of no other. */
  readonly id: string
  /** Epoch seconds, of whoever did it. */
  readonly time: number
  readonly action: 'define' | 'change' | 'roll_out' | 'promote' | 'rollback'
  readonly phase: 'trial' | 'rolling_out' | 'promoted' | 'rolled_back'
  readonly control: string
  readonly arms: Readonly<Record<string, Target>>
  readonly weights: Weights
  readonly candidate: string | null
  /** Moved by `promote` and back by `rollback`. */
  readonly alias: string
  /** Where the alias is to point; null = nothing has moved it. */
  readonly stable: Target | null
  /** Where it pointed before it was moved. */
  readonly previous: Target | null
  readonly definition: Definition
}

/** Arms and weights as the program has them, so that a change is seen: each arm by a hash of what it is to run with. */
export interface Definition {
  readonly control: string
  readonly sources: Readonly<Record<string, string>>
  readonly weights: Weights
}

/** The history of an experiment in a store. */
export interface ExperimentRecord {
  readonly rolloutId: string
  /** In order; empty = nothing has been defined. */
  read(): Promise<readonly ExperimentState[]>
  /** Whether it became the next one; false = somebody else was faster, and nothing was written. */
  append(state: ExperimentState): Promise<boolean>
}

const target = z.object({ resourcesId: z.string(), version: z.int() })
const stateSchema: z.ZodType<ExperimentState> = z.object({
  revision: z.int(),
  id: z.string(),
  time: z.number(),
  by: z.string(),
  reason: z.string(),
  action: z.enum(['define', 'change', 'roll_out', 'promote', 'rollback']),
  phase: z.enum(['trial', 'rolling_out', 'promoted', 'rolled_back']),
  control: z.string(),
  arms: z.record(z.string(), target),
  weights: z.record(z.string(), z.number()),
  candidate: z.string().nullable(),
  alias: z.string(),
  stable: target.nullable(),
  previous: target.nullable(),
  definition: z.object({
    control: z.string(),
    sources: z.record(z.string(), z.string()),
    weights: z.record(z.string(), z.number()),
  }),
})

/**
 * The record is a rollout that no runner ever claims and that never ends, so that no retention takes it; each step is a span of it. Its id is
 * made of the number of the step: of two who take the same step at once, the store keeps the first, and the other one sees it.
 */
export function createRecord(store: LightningStore, name: string): ExperimentRecord {
  const rolloutId = `experiment-${name}`
  let attemptId: string | null = null

  async function openAttempt(): Promise<string> {
    const { attempt, labels } = await store.startRollout({
      rollout: { rollout_id: rolloutId, input: { experiment: name }, labels: { [experimentNames.record]: name } },
    })
    if (labels[experimentNames.record] === name) return attempt.attempt_id
    throw new AglError({
      code: 'conflict',
      message: `The store has a rollout ${rolloutId} that is no record of an experiment: give the experiment another name.`,
      data: { rolloutId },
    })
  }

  return {
    rolloutId,
    async read() {
      const { items } = await store.querySpans({ rolloutId, name: experimentNames.entrySpan, sortBy: null })
      const states = items.map(({ attributes }) => stateSchema.parse(JSON.parse(String(attributes[experimentNames.entry]))))
      return states.toSorted((a, b) => a.revision - b.revision)
    },
    async append(state) {
      attemptId ??= await openAttempt()
      const added = await store.addSpan(toSpan(state, rolloutId, attemptId))
      // Null also where the first reply was lost and the call was made again.
      if (added === null && (await this.read())[state.revision - 1]?.id !== state.id) return false
      // The feed tells of rollouts, not of spans: this is what those who follow it hear.
      await store.updateRollout({ rolloutId, metadata: { revision: state.revision, phase: state.phase } })
      return true
    },
  }
}

function toSpan(state: ExperimentState, rolloutId: string, attemptId: string): NewSpan {
  const attributes = { [experimentNames.entry]: JSON.stringify(state) }
  const { time: startTime } = state
  const span = buildSpan({ rolloutId, attemptId, name: experimentNames.entrySpan, attributes, startTime, endTime: startTime })
  const spanId = hash('sha256', `${rolloutId}\0${state.revision}`, 'hex').slice(0, 16)
  return { ...span, span_id: spanId, context: { ...span.context!, span_id: spanId } }
}

export function isSameTarget(one: Target | null, other: Target | null): boolean {
  return one?.resourcesId === other?.resourcesId && one?.version === other?.version
}
