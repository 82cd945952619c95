import { matchWorkers, pageOf, sortFields } from '@agl/store-kit'
import type { JsonObject, Page, Worker, WorkerQuery } from '@agl/types'
import { type DecodedWorker, decodeWorker } from './records.ts'
import type { RedisState } from './state.ts'

const fieldPrefix = 'w:'

export async function getWorker({ connection, keys }: RedisState, workerId: string): Promise<Worker | null> {
  const packed = await connection.run((client) => client.hget(keys.of('control'), fieldPrefix + workerId))
  return packed === null ? null : decodeWorker(workerId, packed).worker
}

/** In the order of insertion. Linear in the workers, of which there are few. */
export async function readPackedWorkers({
  connection,
  keys,
}: RedisState): Promise<readonly (DecodedWorker & { readonly packed: string })[]> {
  const fields = await connection.run((client) => client.hgetall(keys.of('control')))
  return Object.entries(fields)
    .filter(([field]) => field.startsWith(fieldPrefix))
    .map(([field, packed]) => ({ ...decodeWorker(field.slice(fieldPrefix.length), packed), packed }))
    .toSorted((a, b) => a.ordinal - b.ordinal)
}

export async function queryWorkers(state: RedisState, query: WorkerQuery): Promise<Page<Worker>> {
  const workers = (await readPackedWorkers(state)).map(({ worker }) => worker)
  return pageOf(workers, matchWorkers(query), query, sortFields.workers)
}

/** Without attempts: renews no lease. */
export async function beatWorker({ calls }: RedisState, workerId: string, stats: JsonObject | undefined): Promise<Worker> {
  const said = stats === undefined ? '' : JSON.stringify(stats)
  const [, packed] = (await calls.call('heartbeat', [workerId, '', said, ''])) as readonly [string, string]
  return decodeWorker(workerId, packed).worker
}
