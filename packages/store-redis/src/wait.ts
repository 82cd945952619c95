import { isFinished } from '@agl/store-kit'
import type { Rollout, RolloutStatus, WaitRequest } from '@agl/types'
import { decodeRollout, separator } from './records.ts'
import { readRollouts } from './rollouts.ts'
import type { RedisState } from './state.ts'

/** Statuses read in one step. */
const stepSize = 1000

/** A rollout's text begins with its status. */
const longestStatus = 16

export async function waitForRollouts(state: RedisState, request: WaitRequest): Promise<readonly Rollout[]> {
  const { rolloutIds, signal, timeoutMs = null, atLeast = Infinity } = request
  signal?.throwIfAborted()
  const { clock } = state
  const end = timeoutMs === null ? Infinity : clock.now() + timeoutMs / 1000
  const ids = [...new Set(rolloutIds)]
  for (;;) {
    const isOver = clock.now() >= end
    const { open, known } = await look(state, ids)
    if (isOver || open.size <= known.length - Math.min(atLeast, known.length)) {
      const rollouts = (await readRollouts(state, rolloutIds)).flatMap((row) => (row === null ? [] : [decodeRollout(row)]))
      const finished = rollouts.filter(({ status }) => isFinished(status))
      // One may have been opened again since it was looked at.
      if (isOver || countIds(finished) >= Math.min(atLeast, countIds(rollouts))) return finished
    }
    signal?.throwIfAborted()
    state.throwIfClosed()
    await untilFinished(state, { rolloutIds: known, atLeast, end, signal })
  }
}

function countIds(rollouts: readonly Rollout[]): number {
  return new Set(rollouts.map((rollout) => rollout.rollout_id)).size
}

/** Waits until enough of them may be finished, or the time is over. */
async function untilFinished(
  state: RedisState,
  {
    end,
    ...wait
  }: {
    readonly rolloutIds: readonly string[]
    readonly atLeast: number
    readonly end: number
    readonly signal: AbortSignal | undefined
  },
): Promise<void> {
  const { rolloutIds, signal } = wait
  // Whoever waits is told of what comes after its look: it listens, and says so, before it looks.
  await state.wakes.listen()
  await state.calls.call('await', [])
  signal?.throwIfAborted()
  state.throwIfClosed()
  const timeoutMs = end === Infinity ? null : (end - state.clock.now()) * 1000
  if (timeoutMs !== null && timeoutMs <= 0) return
  const waiting = state.rolloutWaiters.wait({ ...wait, timeoutMs, isFinished: () => false, collect: () => {} })
  waiting.catch(() => {})
  state.waits.add(rolloutIds)
  try {
    await lookAgain(state, rolloutIds)
    await waiting
  } finally {
    state.waits.delete(rolloutIds)
  }
}

/** Tells the waiters which of these are not open. */
export async function lookAgain(state: RedisState, rolloutIds: Iterable<string>): Promise<void> {
  const ids = [...rolloutIds]
  const { open } = await look(state, ids)
  for (const id of ids) if (!open.has(id)) state.rolloutWaiters.finished(id)
}

/** Those that are there, and of these the ones that are not finished. Reads statuses only: thousands may be waited for. */
async function look(
  { connection, keys }: RedisState,
  ids: readonly string[],
): Promise<{ readonly known: readonly string[]; readonly open: ReadonlySet<string> }> {
  const known: string[] = []
  const open = new Set<string>()
  for (let start = 0; start < ids.length; start += stepSize) {
    const step = ids.slice(start, start + stepSize)
    const read = await connection.run((client) =>
      Promise.all(step.map((id) => client.getrange(keys.of('rollout', id), 0, longestStatus))),
    )
    for (const [index, beginning] of read.entries()) {
      if (beginning === '') continue
      known.push(step[index]!)
      if (!isFinished(beginning.split(separator)[0] as RolloutStatus)) open.add(step[index]!)
    }
  }
  return { known, open }
}
