import { planRetention, type Retired, type RetentionPlan } from '@agl/store-kit'
import type { Chain } from './chain.ts'
import { deleteRow, dropSpans } from './delete.ts'
import type { MemoryState, RolloutRow } from './state.ts'

/** Rollouts that one pass drops at most when no write waits for the room, so that no call is late. */
const passLimit = 200

/** Drops finished rollouts until so many bytes more fit. */
export function makeRoom(state: MemoryState, addedBytes: number): void {
  carryOut(state, plan(state, addedBytes, undefined))
}

/** Drops what is too old or one too many; at most a few hundred at a time. Answers whether there may be more. */
export function retain(state: MemoryState): boolean {
  const { maxAgeSeconds, maxRollouts } = state.retention
  const first = state.retired.first()
  if (first === undefined) return false
  const isOneTooMany = maxRollouts !== null && state.retired.size > maxRollouts
  const isOld = maxAgeSeconds !== null && state.clock.now() - first.entry.rollout.end_time! > maxAgeSeconds
  if (!isOneTooMany && !isOld) return false
  const due = plan(state, 0, passLimit)
  carryOut(state, due)
  return due.rollouts.length === passLimit
}

function plan(state: MemoryState, addedBytes: number, limit: number | undefined): RetentionPlan {
  const { unfinished, finished, other } = state.usage
  return planRetention(state.retention, {
    now: state.clock.now(),
    finished: state.retired.size,
    bytes: unfinished + finished + other + addedBytes,
    retired: () => describeAll(state.retired),
    withSpans: () => describeAll(state.retiredWithSpans),
    ...(limit === undefined ? {} : { limit }),
  })
}

function* describeAll(rows: Chain<RolloutRow>): Generator<Retired> {
  for (const { entry, recordBytes, spanBytes } of rows) {
    yield { rolloutId: entry.rollout.rollout_id, endTime: entry.rollout.end_time!, recordBytes, spanBytes }
  }
}

function carryOut(state: MemoryState, { rollouts, spans }: RetentionPlan): void {
  for (const id of spans) dropSpans(state, state.rollouts.get(id)!)
  for (const id of rollouts) deleteRow(state, state.rollouts.get(id)!)
  if (rollouts.length + spans.length === 0) return
  state.logger.debug('retention', { rolloutsDeleted: rollouts.length, spansDropped: spans.length })
}
