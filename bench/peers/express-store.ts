import express, { type Express } from 'express'
import type { JsonValue, Span } from '@agl/types'
import { z } from 'zod'
import { createMapStore } from './map-store.ts'

/*
 * The least that the reference's API can cost behind express: the bare Map store, zod, JSON. No limits, auth, metrics, long
 * polls or errors that help.
 */

const enqueueBody = z.object({
  rollouts: z.array(
    z.object({
      input: z.unknown(),
      mode: z.enum(['train', 'val', 'test']).nullish(),
      resources_id: z.string().nullish(),
      config: z.looseObject({}).nullish(),
      metadata: z.record(z.string(), z.unknown()).nullish(),
    }),
  ),
})
const dequeueBody = z.object({ limit: z.int().default(1), worker_id: z.string().nullish() })
const startBody = z.object({ input: z.unknown(), mode: z.string().nullish() })
const updateBody = z.object({ status: z.enum(['preparing', 'running', 'failed', 'succeeded']).optional() })
const workerBody = z.object({ heartbeat_stats: z.record(z.string(), z.unknown()).optional() })
const nextBody = z.object({ rollout_id: z.string(), attempt_id: z.string() })
const context = z.looseObject({
  trace_id: z.string(),
  span_id: z.string(),
  is_remote: z.boolean(),
  trace_state: z.record(z.string(), z.string()),
})
const attributes = z.custom((value) => {
  if (typeof value !== 'object' || value === null) return false
  for (const key in value) {
    const item = (value as Readonly<Record<string, unknown>>)[key]
    if (typeof item === 'object' && !(Array.isArray(item) && item.every((each) => typeof each !== 'object'))) return false
  }
  return true
})
const spanBody = z.looseObject({
  rollout_id: z.string(),
  attempt_id: z.string(),
  sequence_id: z.int(),
  trace_id: z.string(),
  span_id: z.string(),
  parent_id: z.string().nullable(),
  name: z.string(),
  status: z.looseObject({ status_code: z.enum(['UNSET', 'OK', 'ERROR']), description: z.string().nullish() }),
  attributes,
  events: z.array(z.any()),
  links: z.array(z.any()),
  start_time: z.number().nullable(),
  end_time: z.number().nullable(),
  context: context.nullable(),
  parent: context.nullable(),
  resource: z.looseObject({ attributes, schema_url: z.string() }),
})

export function createExpressStore(): Express {
  const store = createMapStore({ isFrozen: false })
  const workers = new Map<string, object>()
  const spans = new Map<string, Span[]>()
  const router = express.Router()
  router.post('/queues/rollouts/enqueue', (request, response) => {
    const { rollouts } = enqueueBody.parse(request.body)
    response.status(201).json(rollouts.map(({ input, mode }) => store.enqueue(input as JsonValue, mode ?? 'train')))
  })
  router.post('/queues/rollouts/dequeue', (request, response) => {
    const { limit, worker_id: workerId } = dequeueBody.parse(request.body)
    const claimed = []
    for (let count = 0; count < limit; count++) {
      const rollout = store.dequeue(workerId ?? 'w')
      if (rollout === null) break
      claimed.push(rollout)
    }
    response.json(claimed)
  })
  router.post('/rollouts', (request, response) => {
    const { input } = startBody.parse(request.body)
    store.enqueue(input as JsonValue, 'train')
    response.status(201).json(store.dequeue('w'))
  })
  router.post('/rollouts/:rollout_id/attempts/:attempt_id', (request, response) => {
    updateBody.parse(request.body)
    response.json(store.succeed(request.params.rollout_id, request.params.attempt_id))
  })
  router.post('/workers/:worker_id', (request, response) => {
    const { heartbeat_stats: stats } = workerBody.parse(request.body)
    const { worker_id: id } = request.params
    const worker = {
      ...workers.get(id),
      worker_id: id,
      status: 'unknown',
      heartbeat_stats: stats,
      last_heartbeat_time: Date.now() / 1000,
    }
    workers.set(id, worker)
    response.json(worker)
  })
  router.post('/spans', (request, response) => {
    const span = store.addSpan(spanBody.parse(request.body) as unknown as Span)
    const kept = spans.get(span.rollout_id) ?? []
    spans.set(span.rollout_id, kept)
    kept.push(span)
    response.status(201).json(span)
  })
  router.post('/spans/next', (request, response) => {
    const { rollout_id: rolloutId, attempt_id: attemptId } = nextBody.parse(request.body)
    response.json({ sequence_id: store.nextSequenceId(rolloutId, attemptId) })
  })
  router.post('/spans/search', (request, response) => {
    const { rollout_id: rolloutId } = request.body as { readonly rollout_id: string }
    const items = spans.get(rolloutId) ?? []
    response.json({ items, limit: -1, offset: 0, total: items.length })
  })
  const app = express().disable('etag').disable('x-powered-by')
  app.use('/v1/agl', express.json({ limit: '50mb' }), router)
  return app
}
