import type { StoreClientOptions } from '@agl/store-http/client'
import type { MemoryStoreOptions } from '@agl/store-memory'
import type { RedisStoreOptions } from '@agl/store-redis'
import type { SqliteStoreOptions } from '@agl/store-sqlite'
import type { LightningStore } from '@agl/types'
import { z } from 'zod'
import { type Component, type ComponentContext, defineComponent } from '../component.ts'
import { field } from '../field.ts'
import { loadPackage } from '../load-package.ts'
import { storeFields } from './fields.ts'
import { storeKind } from './kinds.ts'

const withLogger = ({ logger }: ComponentContext) => (logger === undefined ? {} : { logger })

const memorySchema: z.ZodType<MemoryStoreOptions> = z.strictObject({
  unpackedBytes: field(z.int().min(0), 'bytes of spans of settled attempts that stay objects', 134_217_728),
  ...storeFields,
})

const sqliteSchema: z.ZodType<SqliteStoreOptions> = z.strictObject({
  file: z.string().min(1).meta({ description: 'the database; its folder must exist', path: true }),
  durability: field(z.enum(['full', 'normal']), 'full: also a power cut takes nothing', 'full'),
  busyTimeoutMs: field(z.number().min(0), 'how long a locked file is waited for', 5000),
  pollMs: field(z.number().min(1).max(60_000), 'how often a waiting call looks for what others wrote', 15),
  ...storeFields,
})

const redisSchema: z.ZodType<RedisStoreOptions> = z.strictObject({
  url: field(z.string(), 'where Redis is', 'redis://127.0.0.1:6379'),
  namespace: field(z.string(), 'names the store; handles with the same one share their data', 'agl'),
  deadlineMs: field(z.number().min(0), 'how long a server that has gone away is waited for', 10_000),
  pollMs: field(z.number().min(10).max(60_000), 'how often is looked for what wake-ups missed', 1000),
  minReplicas: field(z.int().min(0), 'replicas that must have a write before it is acknowledged', 0),
  replicaTimeoutMs: field(z.int().min(1), 'how long these are waited for', 1000),
  ...storeFields,
})

const httpSchema: z.ZodType<StoreClientOptions> = z.strictObject({
  url: field(z.string(), 'where the server is, as http://127.0.0.1:4747'),
  urls: field(z.array(z.string()).min(1), 'servers over one shared store, instead of url'),
  token: field(z.string().meta({ secret: true }), 'lets in where the server asks for tokens'),
  requestTimeoutMs: field(z.number().positive(), 'longest time of one try', 30_000),
  retry: z.exactOptional(
    z.strictObject({
      attempts: field(z.int().min(1), 'tries of one call', 6),
      baseMs: field(z.number().min(0), 'pause before the second try, doubled for each further', 200),
      maxMs: field(z.number().min(0), 'longest pause', 5000),
    }),
  ),
  compressAboveBytes: field(z.number().min(0), 'requests of more bytes are sent gzipped', 16_384),
  resourcesCacheBytes: field(z.int().min(0), 'bytes of resources kept for reads by id and version', 67_108_864),
})

export const storeComponents: readonly Component<LightningStore>[] = Object.freeze([
  defineComponent({
    kind: storeKind,
    name: 'memory',
    summary: 'in this process; gone when it ends',
    schema: memorySchema,
    async create(options, context) {
      const { createMemoryStore } = await import('@agl/store-memory')
      return createMemoryStore({ ...withLogger(context), ...options })
    },
  }),
  defineComponent({
    kind: storeKind,
    name: 'sqlite',
    summary: 'one file, for the processes of one machine',
    schema: sqliteSchema,
    async create(options, context) {
      const { createSqliteStore } = await loadPackage('@agl/store-sqlite', async () => import('@agl/store-sqlite'))
      return createSqliteStore({ ...withLogger(context), ...options })
    },
  }),
  defineComponent({
    kind: storeKind,
    name: 'redis',
    summary: 'a Redis server, for many machines',
    schema: redisSchema,
    async create(options, context) {
      const { createRedisStore } = await loadPackage('@agl/store-redis', async () => import('@agl/store-redis'))
      return createRedisStore({ ...withLogger(context), ...options })
    },
  }),
  defineComponent({
    kind: storeKind,
    name: 'http',
    summary: 'a store that is served elsewhere, as by agl store',
    schema: httpSchema,
    async create(options, context) {
      const { createStoreClient } = await loadPackage('@agl/store-http', async () => import('@agl/store-http/client'))
      return createStoreClient({ ...withLogger(context), ...options })
    },
  }),
])
