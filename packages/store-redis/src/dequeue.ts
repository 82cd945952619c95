import { idempotencyConflict, waitAlong } from '@agl/store-kit'
import { AglError, type AttemptedRollout, type DequeueRequest } from '@agl/types'
import type { Reply } from './connection/calls.ts'
import { decodeClaims as decodeStored } from './answers.ts'
import { noteLimit } from './enqueue.ts'
import { decodeAttempted, nameText, type StoredRollout } from './records.ts'
import { refusalOf, type RedisState } from './state.ts'

type Verb = 'dequeueRollout' | 'dequeueManyRollouts'
type Request = DequeueRequest & { readonly limit: number }
type Claimed = readonly AttemptedRollout[]

/** Rollouts claimed in one script. */
const mostClaims = 500

/**
 * Claims up to `limit` rollouts, or waits for the first; a limit below 1 claims nothing. A call with the key of one that
 * is still waiting waits for the same answer.
 */
export function dequeue(state: RedisState, verb: Verb, request: Request): Promise<Claimed> {
  if (request.capacity !== undefined && (request.workerId ?? '') === '') throw capacityOfNobody()
  const { idempotencyKey: key } = request
  if (key === undefined) return claimOrWait(state, verb, request)
  const earlier = state.dequeues.get(key)
  if (earlier !== undefined) {
    if (earlier.verb !== verb) throw idempotencyConflict(key, verb, earlier.verb)
    return followEarlier(state, verb, request, earlier.answer)
  }
  const answer = claimOrWait(state, verb, request).finally(() => state.dequeues.delete(key))
  state.dequeues.set(key, { verb, answer })
  return answer
}

export function capacityOfNobody(): AglError {
  return new AglError({
    code: 'invalid_argument',
    message: 'Expected a workerId beside `capacity`: the attempts of a worker without an id cannot be counted.',
  })
}

/** Waits for the answer of an earlier call within the limits of this one. */
async function followEarlier(state: RedisState, verb: Verb, request: Request, answer: Promise<Claimed>): Promise<Claimed> {
  const { waitMs = 0, signal } = request
  // The server did the earlier one before, or gives it what it gives to this one. Nothing is no answer: the earlier one may wait.
  if (waitMs === 0) return (await claim(state, verb, request, true)).claimed ?? []
  const end = state.clock.now() + waitMs / 1000
  const outcome = await waitAlong<{ readonly claimed: Claimed | null } | null>(
    state.clock,
    answer.then(
      (claimed) => ({ claimed }),
      () => ({ claimed: null }),
    ),
    { waitMs, signal, onTimeout: () => null },
  )
  if (outcome === null) return []
  if (outcome.claimed !== null) return outcome.claimed
  return dequeue(state, verb, { ...request, waitMs: Math.max(0, (end - state.clock.now()) * 1000) })
}

async function claimOrWait(state: RedisState, verb: Verb, request: Request): Promise<Claimed> {
  const { signal, waitMs = 0, limit, workerId = null, leaseMs = null } = request
  const end = state.clock.now() + waitMs / 1000
  let hasTurn = false
  for (;;) {
    if (signal?.aborted === true && hasTurn) takeWork(state)
    signal?.throwIfAborted()
    state.throwIfClosed()
    const mayWait = waitMs > 0 && limit > 0 && state.clock.now() < end
    // Whoever waits is told of what comes after its look: it listens before it looks.
    if (mayWait) await state.wakes.listen()
    const { workCount } = state.wakes
    const { claimed, capacity, isFull } = await claim(state, verb, request, mayWait)
    if (claimed !== null) return claimed
    if (hasTurn && isFull) takeWork(state)
    if (!mayWait) return []
    if (workCount !== state.wakes.workCount) continue
    signal?.throwIfAborted()
    state.throwIfClosed()
    if (workerId !== null && capacity !== null) state.limitedWorkers.set(workerId, capacity)
    const leftMs = (end - state.clock.now()) * 1000
    if (leftMs <= 0) continue
    const turns = await state.claimWaiters.wait({ workerId, leaseMs, limit }, { waitMs: leftMs, signal })
    if (state.claimWaiters.size === 0) state.limitedWorkers.clear()
    hasTurn = turns.length > 0
    if (!hasTurn && request.idempotencyKey === undefined) return []
    // The same call may have been given work in another process while its time ran out here.
    if (!hasTurn) return (await claim(state, verb, { ...request, limit: 0 }, false)).claimed ?? []
  }
}

interface Answer {
  /** Null when there was nothing. */
  readonly claimed: Claimed | null
  /** What the worker said, if anything. */
  readonly capacity: number | null
  /** The worker has no slot: something may wait that it may not have. */
  readonly isFull: boolean
}

async function claim(state: RedisState, verb: Verb, request: Request, waits: boolean): Promise<Answer> {
  const { workerId = null, leaseMs, capacity, idempotencyKey: key = '', limit } = request
  // Without a key a claim for very many is done in parts.
  const count = Math.max(0, Math.min(limit, mostClaims))
  const ids = Array.from({ length: count }, state.ids.attemptId)
  const others = state.claimWaiters.size > 0 ? '1' : ''
  const args = [verb, nameText(workerId), leaseMs ?? '', capacity ?? '', key, state.id, waits ? '1' : '', others, ...ids]
  const reply = await state.calls.call('dequeue', args)
  const [word, ...rest] = reply
  if (word === '-') {
    const [known, , isFull, more] = rest as unknown as readonly [string, string, string, string]
    // Entries of what no longer waits stood before the rest.
    if (more === '1') return claim(state, verb, request, waits)
    return { claimed: null, capacity: known === '' ? null : Number(known), isFull: isFull === '1' }
  }
  const claimed = decodeClaims(state, reply, verb)
  if (key === '' && claimed.length === mostClaims && limit > mostClaims) {
    const more = await claim(state, verb, { ...request, limit: limit - mostClaims }, false)
    return { claimed: [...claimed, ...(more.claimed ?? [])], capacity: null, isFull: false }
  }
  return { claimed, capacity: null, isFull: false }
}

function decodeClaims(state: RedisState, reply: Reply, verb: string): Claimed {
  const [word, ...rest] = reply
  switch (word) {
    case '+':
      return (rest as readonly StoredRollout[]).map((stored) => noteLimit(state, decodeAttempted(stored) as AttemptedRollout))
    case '=':
      return decodeStored(rest[0] as string)
    case 'conflict':
      throw idempotencyConflict(rest[0] as string, verb, rest[1] as string)
    default:
      throw refusalOf(state, reply, '')
  }
}

/** This handle was told of work: one of its calls looks for it, or the next handle is told. */
export function takeWork(state: RedisState): void {
  void giveTurns(state, 1).then((given) => {
    // Who has closed meanwhile need not pass it on: others look now and then.
    if (given === 0 && !state.isClosed) return state.calls.call('wake', []).catch(() => {})
    return undefined
  })
}

/** Gives a turn to as many of the calls that wait for work, in their order. */
export function offerWork(state: RedisState, count: number): void {
  if (state.claimWaiters.size > 0) void giveTurns(state, count)
}

interface Load {
  running: number
  readonly capacity: number
}

/** Answers how many got one. */
async function giveTurns(state: RedisState, count: number): Promise<number> {
  const { claimWaiters, limitedWorkers } = state
  if (claimWaiters.size === 0) return 0
  const loads = limitedWorkers.size === 0 ? noLoads : await readLoads(state).catch(() => noLoads)
  let given = 0
  claimWaiters.serve(
    ({ workerId }) => {
      if (given === count) return []
      given++
      const load = loads.get(workerId ?? '')
      if (load !== undefined) load.running++
      return ['turn']
    },
    (workerId) => loads.get(workerId) ?? null,
  )
  return given
}

const noLoads: ReadonlyMap<string, Load> = new Map()

/** How much those have to do who wait and have said how much they can. */
async function readLoads({ connection, keys, limitedWorkers }: RedisState): Promise<ReadonlyMap<string, Load>> {
  const ids = [...limitedWorkers.keys()]
  const read = await connection.run((client) => Promise.all(ids.map((id) => client.hmget(keys.of('worker', id), 'c', 'n'))))
  const loads = new Map<string, Load>()
  for (const [index, id] of ids.entries()) {
    const [capacity, running] = read[index]!
    if (capacity != null) loads.set(id, { running: Number(running ?? 0), capacity: Number(capacity) })
  }
  return loads
}
