import type { Redis } from 'ioredis'
import type { InspectedServer } from './inspection.ts'
import { type Look, primariesOf, violate } from './look.ts'

/** What each primary says of itself. */
export async function inspectServers(look: Look): Promise<readonly InspectedServer[]> {
  const servers: InspectedServer[] = []
  for (const primary of await primariesOf(look)) {
    const server = await inspectServer(look, primary)
    servers.push(server)
    if (server.maxMemoryPolicy === 'noeviction') continue
    violate(
      look,
      'memory_policy',
      [server.place],
      `The server drops keys by itself when its memory is full (maxmemory-policy ${server.maxMemoryPolicy}, ${server.evictedKeys} keys dropped so far); set it to noeviction.`,
    )
  }
  return servers
}

async function inspectServer({ connection }: Look, primary: Redis): Promise<InspectedServer> {
  const text = await connection.run(() => primary.info())
  const fields = new Map(
    text.split('\r\n').flatMap((line) => {
      const colon = line.indexOf(':')
      return colon === -1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const]
    }),
  )
  const number = (name: string): number => Number(fields.get(name) ?? 0)
  const maxMemory = number('maxmemory')
  const isOk = (name: string): boolean => (fields.get(name) ?? 'ok') === 'ok'
  return {
    place: placeOf(primary),
    version: fields.get('valkey_version') ?? fields.get('redis_version') ?? 'unknown',
    usedMemoryBytes: number('used_memory'),
    maxMemoryBytes: maxMemory === 0 ? null : maxMemory,
    maxMemoryPolicy: fields.get('maxmemory_policy') ?? 'unknown',
    evictedKeys: number('evicted_keys'),
    replicas: number('connected_slaves'),
    persistence: {
      appendOnly: number('aof_enabled') === 1,
      ...(await readSettings(primary)),
      lastSaveTime: number('rdb_last_save_time'),
      isHealthy: isOk('rdb_last_bgsave_status') && isOk('aof_last_bgrewrite_status') && isOk('aof_last_write_status'),
    },
  }
}

/** Where it really is: with Sentinel the options do not say. */
function placeOf({ options, stream }: Redis): string {
  const { remoteAddress, remotePort } = stream as { readonly remoteAddress?: string; readonly remotePort?: number }
  return options.path ?? `${remoteAddress ?? options.host}:${remotePort ?? options.port}`
}

/** Who may not ask for the configuration, as with most hosted servers, is told without it. */
async function readSettings(primary: Redis): Promise<{ readonly appendFsync: string | null; readonly save: string | null }> {
  try {
    // The form of the reply is that of the protocol in use.
    const replies = await Promise.all(['appendfsync', 'save'].map((name) => primary.config('GET', name)))
    const [appendFsync, save] = replies.map((reply) => (Array.isArray(reply) ? reply : Object.values(reply as object)).at(-1))
    return { appendFsync: String(appendFsync), save: String(save) }
  } catch {
    return { appendFsync: null, save: null }
  }
}
