import { attemptedRolloutSchema, resourcesAliasSchema } from '@agl/types'
import {
  wireAttemptSchema,
  wireResourcesUpdateSchema,
  wireRolloutSchema,
  wireSpanSchema,
  wireWorkerSchema,
} from '@agl/types/wire'
import { z } from 'zod'

/* What answers look like, for the API's description. */

const page = <Item extends z.ZodType>(item: Item): z.ZodType =>
  z.object({ items: z.array(item), limit: z.int(), offset: z.int(), total: z.int() })

export const rolloutPage: z.ZodType = page(z.union([attemptedRolloutSchema, wireRolloutSchema]))
export const attemptPage: z.ZodType = page(wireAttemptSchema)
export const spanPage: z.ZodType = page(wireSpanSchema)
export const workerPage: z.ZodType = page(wireWorkerSchema)
export const resourcesPage: z.ZodType = page(wireResourcesUpdateSchema)
export const aliasPage: z.ZodType = page(resourcesAliasSchema)

export const health: z.ZodType = z.object({
  status: z.literal('ok'),
  name: z.string().optional(),
  capabilities: z.object({ durability: z.string(), sharing: z.string(), features: z.array(z.string()) }).optional(),
  max_wait_seconds: z.number().optional(),
})

export const statistics: z.ZodType = z.object({
  name: z.string(),
  total_rollouts: z.int(),
  total_attempts: z.int(),
  total_spans: z.int(),
  total_resources: z.int(),
  total_workers: z.int(),
  total_span_bytes: z.int().nullable(),
  total_resources_bytes: z.int().nullable().optional(),
  uptime: z.number(),
})

const attemptName = { rollout_id: z.string(), attempt_id: z.string() }
export const heartbeatReply: z.ZodType = z.object({
  worker: wireWorkerSchema,
  stopped: z.array(z.object({ ...attemptName, reason: z.enum(['cancelled', 'superseded', 'settled', 'not_found', 'shutdown']) })),
})

export const newSpan: z.ZodType = z.looseObject({
  ...attemptName,
  sequence_id: z.int().optional(),
  trace_id: z.string(),
  span_id: z.string(),
  parent_id: z.string().nullable(),
  name: z.string(),
  status: z.looseObject({ status_code: z.enum(['UNSET', 'OK', 'ERROR']), description: z.string().nullable() }),
  attributes: z.record(z.string(), z.unknown()),
  events: z.array(z.looseObject({})),
  links: z.array(z.looseObject({})),
  start_time: z.number().nullable(),
  end_time: z.number().nullable(),
  context: z.looseObject({}).nullable(),
  parent: z.looseObject({}).nullable(),
  resource: z.looseObject({ attributes: z.record(z.string(), z.unknown()), schema_url: z.string() }),
})

export const namedResources: z.ZodType = z.record(z.string(), z.looseObject({ resource_type: z.string() }))

/** JSON Lines, server-sent events. */
export const lines: z.ZodType = z.string()
