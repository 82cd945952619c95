import { isFinished } from '@agl/store-kit'
import type { Rollout, RolloutStatus, WaitRequest } from '@agl/types'
import { decodeRollout } from './records.ts'
import { readRollouts } from './rollouts.ts'
import type { RedisState } from './state.ts'

/** Statuses read in one step. */
const stepSize = 1000

export async function waitForRollouts(state: RedisState, request: WaitRequest): Promise<readonly Rollout[]> {
  const { rolloutIds, signal, timeoutMs = null } = request
  signal?.throwIfAborted()
  const { clock } = state
  const end = timeoutMs === null ? Infinity : clock.now() + timeoutMs / 1000
  const ids = [...new Set(rolloutIds)]
  for (;;) {
    const isOver = clock.now() >= end
    if (isOver || (await readOpen(state, ids)).length === 0) {
      const rollouts = (await readRollouts(state, rolloutIds, true)).flatMap((row) => (row === null ? [] : [decodeRollout(row)]))
      const finished = rollouts.filter(({ status }) => isFinished(status))
      // One may have been opened again since it was looked at.
      if (isOver || finished.length === rollouts.length) return finished
    }
    signal?.throwIfAborted()
    state.throwIfClosed()
    await untilFinished(state, ids, end, signal)
  }
}

/** Waits until all may be finished, or the time is over. */
async function untilFinished(
  state: RedisState,
  ids: readonly string[],
  end: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Whoever waits is told of what comes after its look: it listens, and says so, before it looks.
  await state.wakes.listen()
  await state.calls.call('await', [])
  signal?.throwIfAborted()
  state.throwIfClosed()
  const leftMs = end === Infinity ? null : (end - state.clock.now()) * 1000
  if (leftMs !== null && leftMs <= 0) return
  const waiting = state.rolloutWaiters.wait({
    rolloutIds: ids,
    isFinished: () => false,
    collect: () => {},
    timeoutMs: leftMs,
    signal,
  })
  waiting.catch(() => {})
  await lookAgain(state, ids)
  await waiting
}

/** Tells the waiters which of these are not open. */
export async function lookAgain(state: RedisState, ids: readonly string[]): Promise<void> {
  const open = new Set(await readOpen(state, ids))
  for (const id of ids) if (!open.has(id)) state.rolloutWaiters.finished(id)
}

/** Those that are there and not finished. Reads statuses only: thousands of rollouts may be waited for. */
async function readOpen({ connection, keys }: RedisState, ids: readonly string[]): Promise<readonly string[]> {
  const open: string[] = []
  for (let start = 0; start < ids.length; start += stepSize) {
    const step = ids.slice(start, start + stepSize)
    const read = await connection.run((client) => Promise.all(step.map((id) => client.hget(keys.of('rollout', id), 's'))))
    for (const [index, status] of read.entries()) {
      if (status !== null && !isFinished(status as RolloutStatus)) open.push(step[index]!)
    }
  }
  return open
}
