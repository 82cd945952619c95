import { AglError } from '@agl/types'
import { Cluster, type Redis } from 'ioredis'
import type { Client } from './connection.ts'

/**
 * Waits until enough replicas have what was done before on this connection.
 * @param markers a key that may be overwritten for each slot that was written to
 * @throws AglError `timeout` when they do not in time
 */
export type Confirm = (client: Client, markers: readonly string[]) => Promise<void>

/**
 * WAIT asks for the last write of its connection, and a call that finds its work done writes nothing: the writes of the call before it,
 * on a connection that was lost, would not be asked for. So that there is one, the marker is written, full memory or not.
 */
const mark = "#!lua flags=allow-oom\nredis.call('SET', KEYS[1], '', 'PX', 1000)"

/** Null when no replica is asked for. */
export function createConfirm(parts: {
  readonly minReplicas: number
  readonly replicaTimeoutMs: number
  readonly place: string
}): Confirm | null {
  const { minReplicas, replicaTimeoutMs, place } = parts
  if (minReplicas === 0) return null
  // Those whose answers came in one turn of the event loop share one; it takes no more of them once it is sent.
  const notSent = new Map<Redis, Promise<void>>()

  const ask = async (server: Redis, marker: string): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve))
    notSent.delete(server)
    const [, reached] = await Promise.all([server.eval(mark, 1, marker), server.wait(minReplicas, replicaTimeoutMs)])
    if (reached < minReplicas) throw notConfirmed({ place, minReplicas, reached, replicaTimeoutMs })
  }

  return async (client, markers) => {
    const servers = new Map(markers.map((marker) => [client instanceof Cluster ? ownerOf(client, marker) : client, marker]))
    const asked = [...servers].map(([server, marker]) => {
      const asking = notSent.get(server) ?? ask(server, marker)
      notSent.set(server, asking)
      return asking
    })
    await Promise.all(asked)
  }
}

/** @throws Error that stands for a lost connection where nobody is known to have the slot */
function ownerOf(cluster: Cluster, key: string): Redis {
  const name = cluster.slots[slotOf(key)]?.[0]
  const found = cluster.nodes('master').find(({ options }) => `${options.host}:${options.port}` === name)
  if (found === undefined) throw new Error('Connection is closed.')
  return found
}

/** CRC-16/XMODEM of the hash tag; see the specification of Redis Cluster. Our keys all have a tag. */
function slotOf(key: string): number {
  let crc = 0
  for (const byte of Buffer.from(key.slice(key.indexOf('{') + 1, key.indexOf('}')))) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : ((crc << 1) ^ 0x1021) & 0xffff
  }
  return crc % 16_384
}

function notConfirmed(data: {
  readonly place: string
  readonly minReplicas: number
  readonly reached: number
  readonly replicaTimeoutMs: number
}): AglError {
  const { place, minReplicas, reached, replicaTimeoutMs } = data
  return new AglError({
    code: 'timeout',
    message: `Redis at ${place} has done this call, but ${reached} instead of ${minReplicas} replicas confirmed it within ${replicaTimeoutMs} ms: a failover may still lose it. Try again: a call with a chosen id or an idempotency key is done once. Look after the replicas, or set \`minReplicas\` lower.`,
    data,
  })
}
