import { idempotencyConflict, waitAlong } from '@agl/store-kit'
import type { AttemptedRollout, DequeueRequest } from '@agl/types'
import { claimWaiting, type ParkedClaim } from './claim.ts'
import type { Engine } from './engine.ts'
import { findAnswer, keepAnswer } from './idempotency.ts'
import type { HandedOut, SqliteState, Writing } from './state.ts'
import { findNothing, reportCapacity } from './workers.ts'

type Verb = 'dequeueRollout' | 'dequeueManyRollouts'
type Request = DequeueRequest & { readonly limit: number }
type Claimed = readonly AttemptedRollout[]

/**
 * Claims up to `limit` rollouts, or waits for the first; a limit below 1 claims nothing. A call with the key of one that
 * is still waiting waits for the same answer.
 */
export function dequeue(engine: Engine, state: SqliteState, verb: Verb, request: Request): Promise<Claimed> {
  const { idempotencyKey: key } = request
  if (key === undefined) return claimOrWait(engine, state, verb, request)
  const earlier = state.dequeues.get(key)
  if (earlier !== undefined) {
    if (earlier.verb !== verb) throw idempotencyConflict(key, verb, earlier.verb)
    return followEarlier(engine, state, verb, request, earlier.answer)
  }
  const answer = claimOrWait(engine, state, verb, request).finally(() => state.dequeues.delete(key))
  state.dequeues.set(key, { verb, answer })
  return answer
}

/** Waits for the answer of an earlier call within the limits of this one. */
async function followEarlier(
  engine: Engine,
  state: SqliteState,
  verb: Verb,
  request: Request,
  answer: Promise<Claimed>,
): Promise<Claimed> {
  const { waitMs = 0, signal } = request
  const end = state.clock.now() + waitMs / 1000
  const outcome = await waitAlong<{ readonly claimed: Claimed | null } | null>(
    state.clock,
    answer.then(
      (claimed) => ({ claimed }),
      () => ({ claimed: null }),
    ),
    { waitMs, signal, onTimeout: () => null },
  )
  // What the earlier call has claimed by now is in the file, though it may not have been answered yet.
  if (outcome === null) return engine.write((writing) => toClaim(verb, request).recall?.(writing) ?? [])
  if (outcome.claimed !== null) return outcome.claimed
  return dequeue(engine, state, verb, { ...request, waitMs: Math.max(0, (end - state.clock.now()) * 1000) })
}

async function claimOrWait(engine: Engine, state: SqliteState, verb: Verb, request: Request): Promise<Claimed> {
  const { signal, waitMs = 0, limit } = request
  const claim = toClaim(verb, request)
  const end = state.clock.now() + waitMs / 1000
  for (;;) {
    const mayWait = waitMs > 0 && limit > 0 && state.clock.now() < end
    const parked: { answer: Promise<readonly HandedOut[]> | null } = { answer: null }
    const claimed = await engine.write(
      (writing) => claimNow(writing, request, claim, mayWait),
      (claimed) => {
        if (claimed !== null) return
        const leftMs = Math.max(0, (end - state.clock.now()) * 1000)
        const stop = engine.wakes.watchOthers()
        engine.noteParked()
        parked.answer = state.claimWaiters.wait(claim, { waitMs: leftMs, signal }).finally(stop)
      },
    )
    if (claimed !== null) return claimed
    const handed = (await parked.answer) ?? []
    const [first] = handed
    if (first === undefined) {
      return claim.keep === undefined ? [] : engine.write((writing) => recallOrKeepNothing(writing, claim))
    }
    if (!first.batch.isUndone) return handed.map((item) => item.rollout)
    // The transaction that claimed it failed: it is still in the queue.
  }
}

/** The same call may have been given work in another process while its time ran out here. */
function recallOrKeepNothing(writing: Writing, claim: ParkedClaim): Claimed {
  const earlier = claim.recall?.(writing)
  if (earlier !== undefined) return earlier
  claim.keep?.(writing, [])
  return []
}

/** What was claimed; null when there is nothing and the call may wait. */
function claimNow(writing: Writing, request: Request, claim: ParkedClaim, mayWait: boolean): Claimed | null {
  request.signal?.throwIfAborted()
  // A call that is sent again does nothing at all.
  const earlier = claim.recall?.(writing)
  if (earlier !== undefined) return earlier
  if (request.capacity !== undefined) reportCapacity(writing, request.workerId ?? '', request.capacity)
  const claimed = claimWaiting(writing, claim)
  if (claimed.length > 0) return claimed
  findNothing(writing, claim.workerId)
  if (mayWait) return null
  claim.keep?.(writing, claimed)
  return claimed
}

function toClaim(verb: Verb, request: Request): ParkedClaim {
  const { workerId = null, leaseMs = null, limit, idempotencyKey: key } = request
  const claim = { workerId, leaseMs, limit }
  if (key === undefined) return claim
  // The answer that is kept is in the shape of its verb.
  return {
    ...claim,
    recall(writing) {
      const earlier = findAnswer<AttemptedRollout | null | Claimed>(writing, verb, key)
      if (earlier === undefined) return undefined
      const { answer } = earlier
      return answer === null ? [] : Array.isArray(answer) ? (answer as Claimed) : [answer as AttemptedRollout]
    },
    keep: (writing, claimed) => keepAnswer(writing, verb, key, verb === 'dequeueRollout' ? (claimed[0] ?? null) : claimed),
  }
}
