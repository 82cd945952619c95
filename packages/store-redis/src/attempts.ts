import { attemptNotFound, checkOutcome, idempotencyConflict, noAttemptsFound, pageOf, sortFields } from '@agl/store-kit'
import type {
  Attempt,
  AttemptedRollout,
  AttemptUpdate,
  HeartbeatReply,
  HeartbeatRequest,
  LightningStore,
  Page,
  PageRequest,
  Rollout,
} from '@agl/types'
import { decodeClaims } from './answers.ts'
import { capacityOfNobody } from './dequeue.ts'
import { noteLimit } from './enqueue.ts'
import {
  decodeAttempt,
  type DecodedAttempt,
  decodeAttempted,
  decodeRollout,
  decodeWorker,
  encodeMetadata,
  fieldsOf,
  nameText,
  parseRollout,
  type StoredRollout,
} from './records.ts'
import { withRoom } from './retention.ts'
import { byteBound, refusalOf, type RedisState } from './state.ts'

export async function startAttempt(
  state: RedisState,
  request: Parameters<LightningStore['startAttempt']>[0],
): Promise<AttemptedRollout> {
  const { rolloutId, workerId, leaseMs, idempotencyKey: key = '' } = request
  const args = [rolloutId, state.ids.attemptId(), nameText(workerId), leaseMs ?? '', key]
  const reply = await state.calls.call('startAttempt', args)
  const [word, first, second] = reply
  if (word === 'conflict') throw idempotencyConflict(first as string, 'startAttempt', second as string)
  if (word !== '+' && word !== '=') throw refusalOf(state, reply, rolloutId)
  if (word === '=') return decodeClaims(first as string)[0]!
  return noteLimit(state, decodeAttempted(first as StoredRollout) as AttemptedRollout)
}

export async function updateAttempt(state: RedisState, update: AttemptUpdate): Promise<Attempt> {
  const { rolloutId, attemptId, status, outcome, workerId, lastHeartbeatTime, metadata } = update
  checkOutcome(update)
  const args = [
    byteBound(state),
    rolloutId,
    attemptId,
    status ?? '',
    outcome ?? '',
    nameText(workerId),
    lastHeartbeatTime ?? '',
    metadata === undefined ? '' : encodeMetadata(metadata),
  ]
  const reply = await withRoom(state, () => state.calls.call('report', args))
  switch (reply[0]) {
    case '+':
      return decodeAttempt(rolloutId, reply[1] as string).attempt
    case 'no-attempts':
      throw noAttemptsFound(rolloutId)
    case 'no-attempt':
      throw attemptNotFound(rolloutId, attemptId)
    default:
      throw refusalOf(state, reply, rolloutId)
  }
}

export async function releaseAttempt(
  state: RedisState,
  { rolloutId, attemptId }: Parameters<LightningStore['releaseAttempt']>[0],
): Promise<Rollout> {
  const reply = await state.calls.call('release', [rolloutId, attemptId])
  if (reply[0] === '+') return decodeRollout(reply[1] as StoredRollout)
  throw reply[0] === 'no-attempt' ? attemptNotFound(rolloutId, attemptId) : refusalOf(state, reply, rolloutId)
}

export async function heartbeat(state: RedisState, request: HeartbeatRequest): Promise<HeartbeatReply> {
  const { workerId, attempts = [], capacity, stats, leaseMs } = request
  if (capacity !== undefined && workerId === '') throw capacityOfNobody()
  const keys = attempts.flatMap(({ rolloutId, attemptId }) => [rolloutId, attemptId])
  const said = stats === undefined ? '' : JSON.stringify(stats)
  const [, fields, ...reasons] = (await state.calls.call('heartbeat', [
    workerId,
    capacity ?? '',
    said,
    leaseMs ?? '',
    ...keys,
  ])) as unknown as readonly [string, readonly string[], ...string[]]
  if (leaseMs !== undefined) state.sweeper.noteLimit(leaseMs)
  const stopped = attempts.flatMap(({ rolloutId, attemptId }, index) => {
    const reason = reasons[index]
    return reason === '' ? [] : [{ rolloutId, attemptId, reason: reason as HeartbeatReply['stopped'][number]['reason'] }]
  })
  return { worker: decodeWorker(workerId, fieldsOf(fields)), stopped }
}

/** In the order of their claims. */
export async function readAttempts({ connection, keys }: RedisState, rolloutId: string): Promise<readonly DecodedAttempt[]> {
  const text = await connection.run((client) => connection.get(client, keys.of('rollout', rolloutId)))
  return text === null ? [] : attemptsOf({ connection, keys }, rolloutId, parseRollout(text).latest)
}

/** @param latest as the rollout has it; '' for none */
export async function attemptsOf(
  { connection, keys }: Pick<RedisState, 'connection' | 'keys'>,
  rolloutId: string,
  latest: string,
): Promise<readonly DecodedAttempt[]> {
  if (latest === '') return []
  const last = decodeAttempt(rolloutId, latest)
  const count = last.attempt.sequence_id
  if (count === 1) return [last]
  const earlier = await connection.run((client) => client.hgetall(keys.of('attempts', rolloutId)))
  const before = Object.values(earlier).map((packed) => decodeAttempt(rolloutId, packed))
  // A newer one may have come since the rollout was read.
  const older = before.filter(({ attempt }) => attempt.sequence_id < count)
  return [...older.toSorted((a, b) => a.attempt.sequence_id - b.attempt.sequence_id), last]
}

export async function queryAttempts(
  state: RedisState,
  query: PageRequest<keyof Attempt> & { readonly rolloutId: string },
): Promise<Page<Attempt>> {
  const attempts = await readAttempts(state, query.rolloutId)
  return pageOf(
    attempts.map(({ attempt }) => attempt),
    null,
    query,
    sortFields.attempts,
  )
}

export async function getLatestAttempt({ connection, keys }: RedisState, rolloutId: string): Promise<Attempt | null> {
  const text = await connection.run((client) => connection.get(client, keys.of('rollout', rolloutId)))
  const latest = text === null ? '' : parseRollout(text).latest
  return latest === '' ? null : decodeAttempt(rolloutId, latest).attempt
}
