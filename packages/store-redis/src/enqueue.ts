import { createRollout, idempotencyConflict, nextDeadline } from '@agl/store-kit'
import { AglError, type AttemptedRollout, type EnqueueRolloutRequest, type Rollout, type StartRolloutRequest } from '@agl/types'
import type { Reply } from './connection/calls.ts'
import { decodeAttempt, decodeRollout, encodeNew, nameText, type StoredRollout, withAttempt } from './records.ts'
import { withRoom } from './retention.ts'
import { byteBound, refusalOf, type RedisState } from './state.ts'

/** All or none, in order. @param requests checked; see `parseEnqueueRequest` */
export async function enqueueRollouts(
  state: RedisState,
  requests: readonly EnqueueRolloutRequest[],
): Promise<readonly Rollout[]> {
  const verb = 'enqueueRollout'
  const news = requests.map((request) => prepare(state, request))
  const args = [byteBound(state), verb, ...news.flatMap(({ args: own }) => own)]
  const reply = await withRoom(state, () => state.calls.call('enqueue', args))
  if (reply[0] !== '+') throw refuse(state, reply, verb)
  return news.map(({ request, id }, index) => answer(request, id, reply[index + 1] as Stored, 'queuing'))
}

/** What is told of a rollout that is new. */
type StoredNew = readonly [start: string, resources: string, version: string]
type Stored = StoredNew | readonly ['=', StoredRollout]

interface New {
  readonly request: EnqueueRolloutRequest
  readonly id: string
  readonly args: ReturnType<typeof encodeNew>
}

function prepare(state: RedisState, request: EnqueueRolloutRequest): New {
  const id = request.rollout_id ?? state.ids.rolloutId()
  // Ids that are not drawn from good randomness may be there already.
  return { request, id, args: encodeNew(request, id, request.rollout_id != null) }
}

function answer(request: EnqueueRolloutRequest, rolloutId: string, stored: Stored, status: 'queuing' | 'preparing'): Rollout {
  if (stored[0] === '=') return decodeRollout(stored[1] as StoredRollout)
  const [start, resources, version] = stored as StoredNew
  const { rollout } = createRollout({
    request,
    rolloutId,
    resourcesId: resources === '' ? null : resources.slice(1),
    resourcesVersion: version === '' ? null : Number(version),
    status,
    now: Number(start),
  })
  return rollout
}

/** @param request.rollout checked */
export async function startRollout(state: RedisState, request: StartRolloutRequest): Promise<AttemptedRollout> {
  const { rollout: asked, workerId, leaseMs } = request
  const verb = 'startRollout'
  const { id, args } = prepare(state, asked)
  const call = [byteBound(state), state.ids.attemptId(), nameText(workerId), leaseMs ?? '', ...args]
  const reply = await withRoom(state, () => state.calls.call('startRollout', call))
  if (reply[0] === '=') {
    const stored = reply[1] as StoredRollout
    return withAttempt(decodeRollout(stored), decodeAttempt(stored[0], reply[2] as string).attempt)
  }
  if (reply[0] !== '+') throw refuse(state, reply, verb)
  const [, start, resources, version, packed] = reply as readonly [string, string, string, string, string]
  const rollout = answer(asked, id, [start, resources, version], 'preparing')
  return noteLimit(state, withAttempt(rollout, decodeAttempt(id, packed).attempt))
}

/** The handle that claims looks when the attempt may end: nobody else knows of it yet. */
export function noteLimit(state: RedisState, claimed: AttemptedRollout): AttemptedRollout {
  const deadline = nextDeadline(claimed.attempt, claimed)
  if (deadline !== null) state.sweeper.noteLimit((deadline - claimed.attempt.start_time) * 1000)
  return claimed
}

function refuse(state: RedisState, reply: Reply, verb: string): AglError {
  const [word, first, second] = reply as readonly [string, string, string]
  if (word === 'conflict') return idempotencyConflict(first, verb, second)
  if (word !== 'queued') return refusalOf(state, reply, '')
  return new AglError({
    code: 'conflict',
    message: `Rollout ${first} is in the queue already; dequeue it, or call startAttempt to take it out of turn.`,
    data: { rolloutId: first },
  })
}
