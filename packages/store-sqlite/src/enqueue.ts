import { createRollout, drawFreeId } from '@agl/store-kit'
import { AglError, type AttemptedRollout, type EnqueueRolloutRequest, type Rollout, type StartRolloutRequest } from '@agl/types'
import { insertRollout } from './apply.ts'
import { claimRow } from './claim.ts'
import { findAnswer, keepAnswer } from './idempotency.ts'
import { latestResourcesId, newestVersion } from './resources.ts'
import { reserve } from './retention.ts'
import { attemptsOf, getRollout, ordinalOf, type RolloutRow, withAttempt } from './rows.ts'
import type { Writing } from './state.ts'

type Verb = 'enqueueRollout' | 'startRollout'

/** All or none, in order. @param requests checked; see `parseEnqueueRequest` */
export function enqueueRollouts(writing: Writing, requests: readonly EnqueueRolloutRequest[]): readonly Rollout[] {
  return requests.map((request) => {
    const row =
      findEarlier(writing, request, 'enqueueRollout') ?? insertNew(writing, request, 'queuing', writing.state.clock.now())
    return row.entry.rollout
  })
}

/** @param request.rollout checked */
export function startRollout(writing: Writing, { rollout, workerId, leaseMs }: StartRolloutRequest): AttemptedRollout {
  const earlier = findEarlier(writing, rollout, 'startRollout')
  if (earlier !== undefined) return answerEarlier(writing, earlier)
  const now = writing.state.clock.now()
  const row = insertNew(writing, rollout, 'preparing', now)
  return claimRow(writing, row, { workerId: workerId ?? null, leaseMs: leaseMs ?? null, isFromQueue: false, now })
}

/** A retried startRollout gets the attempt that the first one got; a rollout that only waits in the queue has none. */
function answerEarlier(writing: Writing, row: RolloutRow): AttemptedRollout {
  const [first] = attemptsOf(writing, row.ordinal)
  if (first !== undefined) return withAttempt(row.entry.rollout, first.entry.attempt)
  const { rollout_id: rolloutId } = row.entry.rollout
  throw new AglError({
    code: 'conflict',
    message: `Rollout ${rolloutId} is in the queue already; dequeue it, or call startAttempt to take it out of turn.`,
    data: { rolloutId },
  })
}

/** The rollout that an earlier call with the same chosen id or key made. */
function findEarlier(writing: Writing, request: EnqueueRolloutRequest, verb: Verb): RolloutRow | undefined {
  const { rollout_id: id, idempotency_key: key } = request
  const known = key == null ? undefined : findAnswer<string>(writing, verb, key)
  const byId = id == null ? undefined : getRollout(writing, id)
  if (byId !== undefined && key != null && known === undefined) keepAnswer(writing, verb, key, byId.entry.rollout.rollout_id)
  return byId ?? (known === undefined ? undefined : getRollout(writing, known.answer))
}

function insertNew(writing: Writing, request: EnqueueRolloutRequest, status: 'queuing' | 'preparing', now: number): RolloutRow {
  const { state } = writing
  const resourcesId = request.resources_id ?? latestResourcesId(writing)
  const entry = createRollout({
    request,
    rolloutId: request.rollout_id ?? drawFreeId(state.ids.rolloutId, (id) => ordinalOf(writing, id) !== undefined),
    resourcesId,
    resourcesVersion: request.resources_version ?? newestVersion(writing, resourcesId),
    status,
    now,
  })
  if (state.retention.maxBytes !== null) reserve(writing, JSON.stringify(entry.rollout).length)
  const row = insertRollout(writing, entry, now)
  const { rollout_id: rolloutId, idempotency_key: key } = entry.rollout
  const verb: Verb = status === 'queuing' ? 'enqueueRollout' : 'startRollout'
  if (key !== null) keepAnswer(writing, verb, key, rolloutId)
  return row
}
