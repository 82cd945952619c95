import type { StoreCapabilities, StoreFeature, StoreStatistics } from '@agl/types'
import { z } from 'zod'
import { apiHeader, apiVersion } from '../wire/paths.ts'
import type { Connection } from './connection.ts'
import { badReply } from './errors.ts'
import { read } from './replies.ts'

/** What a server says of itself. */
export interface Greeting {
  readonly isOurs: boolean
  readonly name: string
  readonly capabilities: StoreCapabilities
  /** The longest that it holds a request, in milliseconds; null = it did not say. */
  readonly maxWaitMs: number | null
}

/**
 * Without `losslessJson`, which is the store's behind the server: what Python writes there keeps its text, but a client in
 * JavaScript reads plain values and sends such.
 */
const features: ReadonlySet<string> = new Set<StoreFeature>([
  'leases',
  'scheduling',
  'watch',
  'deletes',
  'retention',
  'aliases',
  'snapshots',
])

const health = z.object({
  status: z.string(),
  name: z.string().optional(),
  capabilities: z.object({ durability: z.enum(['none', 'durable']), features: z.array(z.string()) }).optional(),
  max_wait_seconds: z.number().positive().optional(),
})

/**
 * Asks who is there. A reply without the header of ours is the Python server's.
 * @throws AglError `upstream_failed` when nobody answers, or somebody who is no store
 */
export async function greet(connection: Connection): Promise<Greeting> {
  const reply = await connection.call({ method: 'GET', path: '/health' })
  const { name, capabilities, max_wait_seconds: seconds } = read(reply, health)
  const version = reply.header(apiHeader)
  if (version !== null && version !== apiVersion) {
    throw badReply(
      reply.asked,
      `it speaks version ${version} of the API, this client version ${apiVersion}; use versions that go together.`,
    )
  }
  if (version === null) {
    const { name: ofStore } = await readStatistics(connection)
    const none: StoreCapabilities = { durability: 'none', sharing: 'network', features: Object.freeze([]) }
    return { isOurs: false, name: ofStore, capabilities: Object.freeze(none), maxWaitMs: null }
  }
  if (name === undefined || capabilities === undefined)
    throw badReply(reply.asked, 'the reply tells no name and no capabilities.')
  const known = capabilities.features.filter((feature): feature is StoreFeature => features.has(feature))
  return {
    isOurs: true,
    name,
    // Whoever can reach the server sees the same data.
    capabilities: Object.freeze({
      durability: capabilities.durability,
      sharing: 'network' as const,
      features: Object.freeze(known),
    }),
    maxWaitMs: seconds === undefined ? null : seconds * 1000,
  }
}

/** What the Python server does not count is 0, and null where a store of ours may leave it out too. */
const statistics: z.ZodType<StoreStatistics> = z.object({
  name: z.string().default('LightningStore'),
  total_rollouts: z.number().default(0),
  total_attempts: z.number().default(0),
  total_spans: z.number().default(0),
  total_resources: z.number().default(0),
  total_workers: z.number().default(0),
  total_span_bytes: z.number().nullable().default(null),
  total_resources_bytes: z.number().nullable().default(null),
  uptime: z.number().default(0),
})

export async function readStatistics(connection: Connection): Promise<StoreStatistics> {
  return Object.freeze(read(await connection.call({ method: 'GET', path: '/statistics' }), statistics))
}
