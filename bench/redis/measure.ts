import { type Cost, measureCost } from '../lib/measure.ts'
import type { RedisServer } from '../lib/redis-server.ts'

/** What one operation cost on both sides of the wire. */
export interface RedisCost extends Cost {
  /** CPU time of Redis, in microseconds. */
  readonly redisUs: number
}

export async function measureRedis(
  server: RedisServer,
  operations: number,
  work: () => void | Promise<void>,
): Promise<RedisCost> {
  const before = await server.cpuUs()
  const cost = await measureCost(operations, work)
  return { ...cost, redisUs: ((await server.cpuUs()) - before) / operations }
}

/** Runs `work` for 0 to `count` - 1, with so many in flight. */
export async function inFlight(count: number, width: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const run = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: width }, run))
}

export const perSecond = ({ wallUs }: Cost): number => 1e6 / wallUs
