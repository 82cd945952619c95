import { matchWorkers, pageOf, sortFields } from '@agl/store-kit'
import type { JsonObject, Page, Worker, WorkerQuery } from '@agl/types'
import { decodeWorker, fieldsOf, type WorkerFields } from './records.ts'
import type { RedisState } from './state.ts'

/** Workers read in one step. */
const stepSize = 500

export async function getWorker({ connection, keys }: RedisState, workerId: string): Promise<Worker | null> {
  const fields = await connection.run((client) => client.hgetall(keys.of('worker', workerId)))
  return fields['s'] === undefined ? null : decodeWorker(workerId, fields)
}

/** In the order of insertion. Linear in the workers, of which there are few. */
export async function readWorkers({
  connection,
  keys,
}: RedisState): Promise<readonly { readonly worker: Worker; readonly fields: WorkerFields }[]> {
  const ids = await connection.run((client) => client.zrange(keys.of('workers'), '0', '-1'))
  const workers: { readonly worker: Worker; readonly fields: WorkerFields }[] = []
  for (let start = 0; start < ids.length; start += stepSize) {
    const step = ids.slice(start, start + stepSize)
    const read = await connection.run((client) => Promise.all(step.map((id) => client.hgetall(keys.of('worker', id)))))
    for (const [index, fields] of read.entries()) {
      // Forgotten since its id was read.
      if (fields['s'] !== undefined) workers.push({ worker: decodeWorker(step[index]!, fields), fields })
    }
  }
  return workers
}

export async function queryWorkers(state: RedisState, query: WorkerQuery): Promise<Page<Worker>> {
  const workers = (await readWorkers(state)).map(({ worker }) => worker)
  return pageOf(workers, matchWorkers(query), query, sortFields.workers)
}

/** Without attempts: renews no lease. */
export async function beatWorker({ calls }: RedisState, workerId: string, stats: JsonObject | undefined): Promise<Worker> {
  const said = stats === undefined ? '' : JSON.stringify(stats)
  const [, fields] = (await calls.call('heartbeat', [workerId, '', said, ''])) as unknown as readonly [string, readonly string[]]
  return decodeWorker(workerId, fieldsOf(fields))
}
