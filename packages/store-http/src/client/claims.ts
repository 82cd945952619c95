import { createHash, randomUUID } from 'node:crypto'
import { type AttemptedRollout, type DequeueRequest, errorMessage } from '@agl/types'
import { idempotencyHeader } from '../wire/paths.ts'
import { type Client, keyHeader, needOursFor } from './client.ts'
import { anAttemptedRollout, listOf, read } from './replies.ts'
import { path, secondsOf } from './requests.ts'
import { createScopes, pause, remainingMs, type Scope } from './scopes.ts'

/*
 * Claims. A call parks on the server in slices until there is work or its time is over. Each slice carries an idempotency
 * key, so that a claim whose reply was lost is found again by sending the slice again; and a call that is aborted or closed
 * asks for its key once more before it ends, and gives back what it finds: the server may have claimed in the meantime. By that
 * question it ends a claim that is still parked. Only where it reaches another server than the claim did, work may be claimed for
 * nobody: then the lease brings it back.
 */

/** How long the end of an aborted call may take for that, in milliseconds. */
const longestGiveBackMs = 2000
/** The pauses between polls of a server that parks nothing, in milliseconds: doubled from the first to the longest. */
export const pollPauses: Readonly<{ firstMs: number; longestMs: number }> = Object.freeze({ firstMs: 100, longestMs: 1000 })

const claims = listOf(anAttemptedRollout)
const dequeuePath = '/queues/rollouts/dequeue'

type ClaimRequest = DequeueRequest & { readonly limit: number }

export async function dequeueRollout(client: Client, request: DequeueRequest): Promise<AttemptedRollout | null> {
  return (await dequeue(client, 'dequeueRollout', { ...request, limit: 1 }))[0] ?? null
}

export function dequeueManyRollouts(client: Client, request: ClaimRequest): Promise<readonly AttemptedRollout[]> {
  return dequeue(client, 'dequeueManyRollouts', request)
}

async function dequeue(client: Client, verb: string, request: ClaimRequest): Promise<readonly AttemptedRollout[]> {
  const { signal, leaseMs, capacity, idempotencyKey } = request
  signal?.throwIfAborted()
  const { connection, options } = client
  if (!connection.isOurs) needOursFor(client, verb, { leaseMs, capacity, idempotencyKey })
  const scope = connection.scopes.open(signal)
  // Beside the time that slices take by their own account: what was lost to retries counts too.
  let isOver = false
  const waitMs = request.limit <= 0 ? 0 : (request.waitMs ?? 0)
  const cancel = waitMs === 0 ? null : options.clock.wait(waitMs, () => (isOver = true))
  try {
    if (!connection.isOurs) return await poll(client, { ...request, waitMs }, scope, () => isOver)
    const end = options.clock.now() + waitMs / 1000
    for (let slice = 0; ; slice++) {
      const asked = options.clock.now()
      const sliceMs = Math.min(remainingMs(end, options.clock), client.sliceMs)
      const claimed = await claimSlice(client, verb, request, { sliceMs, slice, scope })
      if (claimed.length > 0 || isOver || remainingMs(end, options.clock) <= 0) return claimed
      await slowDown(client, asked, scope)
    }
  } finally {
    cancel?.()
    scope.end()
  }
}

/** A server that answers at once where it should park must not be asked without a pause. */
export async function slowDown({ options }: Client, asked: number, { signal }: Scope): Promise<void> {
  const earlyMs = remainingMs(asked + pollPauses.firstMs / 1000, options.clock)
  if (earlyMs > 0) await pause(options.clock, earlyMs, signal)
}

interface Slice {
  readonly sliceMs: number
  /** 0 for the first. */
  readonly slice: number
  readonly scope: Scope
}

/** The key of one slice: an answer of none is remembered too, so that the next slice needs another key. */
function sliceKey(key: string | undefined, slice: number): string {
  if (key === undefined) return randomUUID()
  return slice === 0 ? key : `slice-${slice}-${createHash('sha256').update(key).digest('hex')}`
}

async function claimSlice(
  client: Client,
  verb: string,
  request: ClaimRequest,
  { sliceMs, slice, scope }: Slice,
): Promise<readonly AttemptedRollout[]> {
  const { workerId = null, limit, leaseMs, capacity, idempotencyKey } = request
  const headers = keyHeader(client, verb, sliceKey(idempotencyKey, slice))
  const body = {
    // The server tells the two verbs apart by it: a key that was used with the one is a conflict in the other.
    ...(verb === 'dequeueRollout' && idempotencyKey !== undefined ? {} : { limit }),
    worker_id: workerId,
    ...(sliceMs === 0 ? {} : { wait_seconds: secondsOf(sliceMs) }),
    ...(leaseMs === undefined ? {} : { lease_seconds: secondsOf(leaseMs) }),
    ...(capacity === undefined ? {} : { capacity }),
  }
  try {
    return read(
      await client.connection.call({ method: 'POST', path: dequeuePath, body, headers, parkMs: sliceMs }, scope),
      claims,
    )
  } catch (error) {
    // Whoever gave a key finds the claim again by itself.
    if (scope.signal.aborted && idempotencyKey === undefined) await giveBack(client, headers)
    throw error
  }
}

/** Never fails: the call that is ending has its reason. A lease that was asked for ends what cannot be given back. */
async function giveBack(client: Client, headers: Readonly<Record<string, string>>): Promise<void> {
  const { connection, options } = client
  const controller = new AbortController()
  const cancel = options.clock.wait(longestGiveBackMs, () => controller.abort())
  // Not one of the client's scopes, which its closing ends.
  const scope = createScopes().open(controller.signal)
  try {
    // What was claimed under the key is answered again; if nothing was, nothing is claimed now.
    const found = await connection.call({ method: 'POST', path: dequeuePath, body: { limit: 0 }, headers }, scope)
    for (const { rollout_id: rolloutId, attempt } of read(found, claims)) {
      await connection.call({ method: 'POST', path: path`/rollouts/${rolloutId}/attempts/${attempt.attempt_id}/release` }, scope)
      options.logger.info('a claim that nobody waited for any more was given back', {
        rolloutId,
        key: headers[idempotencyHeader],
      })
    }
  } catch (error) {
    options.logger.warn('an aborted claim could not be checked; what it claimed, if anything, stays claimed', {
      error: errorMessage(error),
    })
  } finally {
    cancel()
    scope.end()
  }
}

/** On the Python server, which parks nothing and repeats nothing. */
async function poll(
  client: Client,
  request: ClaimRequest & { readonly waitMs: number },
  scope: Scope,
  isOver: () => boolean,
): Promise<readonly AttemptedRollout[]> {
  const { workerId = null, limit, waitMs } = request
  const body = { limit, worker_id: workerId }
  let pauseMs = pollPauses.firstMs
  for (let waitedMs = 0; ;) {
    const reply = await client.connection.call({ method: 'POST', path: dequeuePath, body, isRepeatable: false }, scope)
    const claimed = read(reply, claims)
    const remainingMs = waitMs - waitedMs
    if (claimed.length > 0 || remainingMs <= 0 || isOver()) return claimed
    const nextMs = Math.min(pauseMs, remainingMs)
    await pause(client.options.clock, nextMs, scope.signal)
    waitedMs += nextMs
    pauseMs = Math.min(pauseMs * 2, pollPauses.longestMs)
  }
}
