import { planWorkersRetention } from '@agl/store-kit'
import { errorMessage } from '@agl/types'
import type { Reply } from './connection/calls.ts'
import { emptyTrash } from './delete.ts'
import { runningCount, separator } from './records.ts'
import type { RedisState } from './state.ts'
import { readWorkers } from './workers.ts'

/*
 * Bytes are those of the stored texts and a flat sum per record, not what Redis takes for them: that is more by its own overhead.
 */

/** Rollouts dropped in one script, so that no other call waits long for it. */
const mostDropped = 50

/** How often a write makes room for itself before it gives up: others may take the room meanwhile. */
const mostTries = 20

/** Runs a script that may ask for room first: then finished rollouts are dropped, and it is run again. */
export async function withRoom(state: RedisState, run: () => Promise<Reply>): Promise<Reply> {
  for (let tries = 0; ; tries++) {
    const reply = await run()
    if (reply[0] !== 'retain' || tries === mostTries) return reply
    await retain(state, Number(reply[1]))
  }
}

/** Whether anything is bounded. */
export function isBounded({ retention }: Pick<RedisState, 'retention'>): boolean {
  const { maxAgeSeconds, maxRollouts, maxBytes, maxWorkerAgeSeconds } = retention
  return maxAgeSeconds !== null || maxRollouts !== null || maxBytes !== null || maxWorkerAgeSeconds !== null
}

/** Makes room after something was stored. That is done whatever comes of this, and the next look tries again. */
export async function retainAfterWrite(state: RedisState): Promise<void> {
  if (!isBounded(state)) return
  try {
    await retain(state, 0)
  } catch (error) {
    state.logger.warn('retention failed; it will be tried again', { error: errorMessage(error) })
  }
}

/** Drops what is too old, one too many, or in the way of so many more bytes. */
export async function retain(state: RedisState, addedBytes: number): Promise<void> {
  const { maxAgeSeconds, maxRollouts, maxBytes } = state.retention
  const bounds = [maxAgeSeconds ?? '', maxRollouts ?? '', maxBytes ?? '', addedBytes, mostDropped]
  for (;;) {
    const [, more, now, deleted, dropped, ...trash] = (await state.calls.call('retain', bounds)) as unknown as readonly [
      string,
      string,
      string,
      number,
      number,
      ...string[],
    ]
    if (deleted + dropped > 0) state.logger.debug('retention', { rolloutsDeleted: deleted, spansDropped: dropped })
    await emptyTrash(state, trash)
    if (more !== '') continue
    await forgetWorkers(state, Number(now))
    return
  }
}

/** @param now of the server, in epoch seconds */
async function forgetWorkers(state: RedisState, now: number): Promise<void> {
  const { maxWorkerAgeSeconds } = state.retention
  if (maxWorkerAgeSeconds === null || now <= state.workersLook.at) return
  const workers = await readWorkers(state)
  const held = workers.map(({ worker, fields }) => ({ worker, isRunning: runningCount(fields) > 0 }))
  const { forgotten, nextLook } = planWorkersRetention(maxWorkerAgeSeconds, held, now)
  const fieldsById = new Map(workers.map(({ worker, fields }) => [worker.worker_id, fields]))
  const asRead = (id: string): string => {
    const { s = '', h = '', d = '', b = '', i = '' } = fieldsById.get(id)!
    return [s, h, d, b, i].join(separator)
  }
  await Promise.all(forgotten.map((id) => state.calls.call('forgetWorkers', [id, asRead(id)])))
  state.workersLook.at = nextLook
}
