import { isFinished } from '@agl/store-kit'
import type { Rollout, WaitRequest } from '@agl/types'
import { z } from 'zod'
import { completeHeader } from '../wire/paths.ts'
import { pollPauses, slowDown } from './claims.ts'
import type { Client } from './client.ts'
import { aRollout, listOf, read } from './replies.ts'
import { secondsOf, toWire } from './requests.ts'
import { pause, remainingMs, type Scope } from './scopes.ts'

const rollouts = listOf(aRollout)
const waitPath = '/waits/rollouts'

/** Parks on the server in slices; see {@link dequeueRollout}. */
export async function waitForRollouts(client: Client, request: WaitRequest): Promise<readonly Rollout[]> {
  const { rolloutIds, atLeast = Infinity, signal } = request
  signal?.throwIfAborted()
  if (rolloutIds.length === 0) return []
  const timeoutMs = Math.max(0, request.timeoutMs ?? Infinity)
  const { connection, options } = client
  const scope = connection.scopes.open(signal)
  let isOver = false
  const cancel = options.clock.wait(timeoutMs, () => (isOver = true))
  try {
    if (!connection.isOurs) return await poll(client, { rolloutIds, timeoutMs, atLeast }, scope, () => isOver)
    const end = options.clock.now() + timeoutMs / 1000
    for (;;) {
      const asked = options.clock.now()
      const sliceMs = Math.min(remainingMs(end, options.clock), client.sliceMs)
      const body = toWire({ rolloutIds, timeout: secondsOf(sliceMs), atLeast: request.atLeast })
      const reply = await connection.call({ method: 'POST', path: waitPath, body, parkMs: sliceMs }, scope)
      const finished = read(reply, rollouts)
      if (reply.header(completeHeader) === 'true' || isOver || remainingMs(end, options.clock) <= 0) return finished
      await slowDown(client, asked, scope)
    }
  } finally {
    cancel()
    scope.end()
  }
}

const statuses = z.object({ items: listOf(aRollout) })

/**
 * On the Python server, which keeps a thread for each rollout that is awaited: it is only ever asked what is finished.
 * Which ids it knows is asked once, because nobody waits for the others.
 */
async function poll(
  client: Client,
  { rolloutIds, timeoutMs, atLeast }: Required<Pick<WaitRequest, 'rolloutIds' | 'atLeast'>> & { readonly timeoutMs: number },
  scope: Scope,
  isOver: () => boolean,
): Promise<readonly Rollout[]> {
  const { connection, options } = client
  const unique = [...new Set(rolloutIds)]
  const search = { method: 'POST', path: '/rollouts/search', body: { rollout_id_in: unique } } as const
  const known = timeoutMs === 0 ? [] : read(await connection.call(search, scope), statuses).items
  let pauseMs = pollPauses.firstMs
  for (let waitedMs = 0; ;) {
    const body = { rollout_ids: rolloutIds, timeout: 0 }
    const finished = read(await connection.call({ method: 'POST', path: waitPath, body }, scope), rollouts)
    const done = new Set(finished.filter(({ status }) => isFinished(status)).map((rollout) => rollout.rollout_id))
    const remainingMs = timeoutMs - waitedMs
    if (done.size >= Math.min(atLeast, known.length) || remainingMs <= 0 || isOver()) return finished
    const nextMs = Math.min(pauseMs, remainingMs)
    await pause(options.clock, nextMs, scope.signal)
    waitedMs += nextMs
    pauseMs = Math.min(pauseMs * 2, pollPauses.longestMs)
  }
}
