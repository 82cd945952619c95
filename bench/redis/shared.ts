import { createRedisStore } from '@agl/store-redis'
import type { LightningStore } from '@agl/types'
import { openRedisServer, type RedisServer } from '../lib/redis-server.ts'
import type { BenchContext } from '../lib/scenario.ts'

let shared: Promise<RedisServer> | null = null

/** One Redis for all scenarios of a run: ours and the peers take turns on it. */
export async function sharedRedis({ onEnd }: BenchContext): Promise<RedisServer> {
  shared ??= openRedisServer().then((server) => {
    onEnd(() => server.close())
    return server
  })
  return shared
}

/** A store on an empty Redis. */
export function openRedisStore(server: RedisServer): Promise<LightningStore> | LightningStore {
  return createRedisStore({ url: server.url, namespace: 'bench' })
}

/** How writes are kept: the name's ending of a scenario, and what it means. */
export const persistence = [
  { suffix: '', title: 'no log', isAppendOnly: false },
  { suffix: '-aof', title: 'log synced each second', isAppendOnly: true },
] as const
