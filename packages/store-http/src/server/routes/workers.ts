import type { JsonObject, Worker, WorkerQuery } from '@agl/types'
import { z } from 'zod'
import { jsonObject, laxInteger, leaseSeconds, wireWorkerSchema } from '../../wire/schemas.ts'
import { nullProblem } from '../problems.ts'
import { toVerbQuery, type WireQuery, workerQuerySchema } from '../query.ts'
import { toNullable, toWorker } from '../records.ts'
import type { Listing } from '../read-rows.ts'
import { type Call, type Route, route } from '../route.ts'
import { sendRows } from '../send-rows.ts'
import { heartbeatReply, workerPage } from '../shapes.ts'
import { inMilliseconds, optional } from './claims.ts'

async function listWorkers(call: Call, query: WireQuery): Promise<void> {
  const request = toVerbQuery(query, call.isOurs) as WorkerQuery
  const listing: Listing<Worker> = {
    read: (page) => call.store.queryWorkers({ ...request, ...page }),
    keyOf: (worker) => worker.worker_id,
    partSize: Infinity,
  }
  await sendRows(call, listing, request, (worker) => toWorker(call, worker))
}

const attemptKey = z.object({ rollout_id: z.string(), attempt_id: z.string() })

export const workerRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/workers',
    action: 'read',
    summary: 'Workers, page by page',
    query: workerQuerySchema,
    answer: workerPage,
    handle: (call) => listWorkers(call, call.query),
  }),
  route({
    method: 'POST',
    path: '/workers/search',
    action: 'read',
    summary: 'Workers, page by page',
    body: workerQuerySchema,
    answer: workerPage,
    handle: (call) => listWorkers(call, call.body),
  }),
  route({
    method: 'GET',
    path: '/workers/:worker_id',
    action: 'read',
    summary: 'One worker, or null',
    answer: wireWorkerSchema.nullable(),
    async handle(call) {
      const worker = await call.store.getWorkerById({ workerId: call.params.worker_id! })
      return toNullable(worker, (item) => toWorker(call, item))
    },
  }),
  route({
    method: 'POST',
    path: '/workers/:worker_id',
    action: 'claim',
    summary: "A worker's heartbeat",
    body: z.object({ heartbeat_stats: jsonObject.nullable().optional() }),
    isBodyOptional: true,
    answer: wireWorkerSchema,
    async handle(call) {
      const stats: JsonObject | null | undefined = call.body?.heartbeat_stats
      if (stats === null) throw nullProblem('heartbeat_stats')
      const worker = await call.store.updateWorker({
        workerId: call.params.worker_id!,
        ...optional('heartbeatStats', stats),
      })
      return toWorker(call, worker)
    },
  }),
  route({
    method: 'POST',
    path: '/heartbeats',
    action: 'claim',
    summary: 'Renews the leases of what a worker runs, and says which of it must stop',
    answer: heartbeatReply,
    body: z.strictObject({
      worker_id: z.string(),
      attempts: z.array(attemptKey).optional(),
      lease_seconds: leaseSeconds,
      capacity: laxInteger.nullish(),
      stats: jsonObject.optional(),
    }),
    async handle(call) {
      const { worker_id: workerId, attempts, lease_seconds: lease, capacity, stats } = call.body
      const { worker, stopped } = await call.store.heartbeat({
        workerId,
        ...optional(
          'attempts',
          attempts?.map(({ rollout_id: rolloutId, attempt_id: attemptId }) => ({ rolloutId, attemptId })),
        ),
        ...inMilliseconds('leaseMs', lease),
        ...optional('capacity', capacity),
        ...optional('stats', stats),
      })
      return {
        worker: toWorker(call, worker),
        stopped: stopped.map(({ rolloutId, attemptId, reason }) => ({ rollout_id: rolloutId, attempt_id: attemptId, reason })),
      }
    },
  }),
]
