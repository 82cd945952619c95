import {
  type Attempt,
  attemptOutcomeSchema,
  attemptStatusSchema,
  type AttemptUpdate,
  type Rollout,
  type RolloutQuery,
  rolloutModeSchema,
  rolloutStatusSchema,
  type RolloutUpdate,
} from '@agl/types'
import {
  jsonObject,
  laxNumber,
  leaseSeconds,
  wireAttemptedRolloutSchema,
  wireAttemptSchema,
  wireEnqueueRolloutRequestSchema,
  wireRolloutConfigSchema,
  wireRolloutSchema,
} from '../../wire/schemas.ts'
import { z } from 'zod'
import { pageSchema, rolloutQuerySchema, toVerbQuery, type WireQuery } from '../query.ts'
import { nullProblem } from '../problems.ts'
import { toAttempt, toClaimed, toNullable, toPlainRollout, toRollout } from '../records.ts'
import type { Listing } from '../read-rows.ts'
import { type Call, type Route, route } from '../route.ts'
import { asksOnlyFor, sendRows } from '../send-rows.ts'
import { attemptPage, rolloutPage } from '../shapes.ts'
import { inMilliseconds, optional } from './claims.ts'

const anyRollout = wireRolloutSchema
const ids = z.object({ rollout_ids: z.array(z.string()) })

const claimBody = z.object({ worker_id: z.string().nullish(), lease_seconds: leaseSeconds })

const rolloutUpdate = z.object({
  input: z.unknown().optional(),
  mode: rolloutModeSchema.nullable().optional(),
  resources_id: z.string().nullable().optional(),
  status: rolloutStatusSchema.nullable().optional(),
  config: wireRolloutConfigSchema.nullable().optional(),
  metadata: jsonObject.nullable().optional(),
})

const attemptUpdate = z.object({
  status: attemptStatusSchema.nullable().optional(),
  outcome: attemptOutcomeSchema.nullable().optional(),
  worker_id: z.string().nullable().optional(),
  last_heartbeat_time: laxNumber.nullable().optional(),
  metadata: jsonObject.nullable().optional(),
})

/** @throws AglError 400 for a null that the reference forbids */
function refuseNulls(body: object, ...fields: readonly string[]): void {
  const found = Object.entries(body).find(([key, value]) => value === null && fields.includes(key))
  if (found !== undefined) throw nullProblem(found[0])
}

async function listRollouts(call: Call, query: WireQuery): Promise<void> {
  const request = toVerbQuery(query, call.isOurs) as RolloutQuery
  const isIndexed = asksOnlyFor(request, 'statusIn') && (request.statusIn?.length ?? 1) === 1
  const listing: Listing<Rollout> = {
    read: (page) => call.store.queryRollouts({ ...request, ...page }),
    keyOf: (rollout) => rollout.rollout_id,
    partSize: isIndexed ? call.maxPageSize : Infinity,
  }
  await sendRows(call, listing, request, (rollout) => toRollout(call, rollout))
}

async function listAttempts(call: Call, query: WireQuery): Promise<void> {
  const request = toVerbQuery(query, call.isOurs)
  const rolloutId = call.params.rollout_id!
  const listing: Listing<Attempt> = {
    read: (page) => call.store.queryAttempts({ rolloutId, ...request, ...page }),
    keyOf: (attempt) => attempt.attempt_id,
    partSize: Infinity,
  }
  await sendRows(call, listing, request, (attempt) => toAttempt(call, attempt))
}

export const rolloutRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/rollouts',
    action: 'claim',
    status: 201,
    summary: 'Starts a rollout without the queue',
    numbers: [['input'], ['metadata']],
    body: z.intersection(wireEnqueueRolloutRequestSchema, claimBody),
    answer: wireAttemptedRolloutSchema,
    async handle(call) {
      const { worker_id: workerId, lease_seconds: seconds, ...rollout } = call.body
      const lease = inMilliseconds('leaseMs', seconds)
      return toClaimed(call, await call.store.startRollout({ rollout, workerId: workerId ?? null, ...lease }))
    },
  }),
  route({
    method: 'GET',
    path: '/rollouts',
    action: 'read',
    summary: 'Rollouts, page by page',
    query: rolloutQuerySchema,
    answer: rolloutPage,
    handle: (call) => listRollouts(call, call.query),
  }),
  route({
    method: 'POST',
    path: '/rollouts/search',
    action: 'read',
    summary: 'Rollouts, page by page',
    body: rolloutQuerySchema,
    answer: rolloutPage,
    handle: (call) => listRollouts(call, call.body),
  }),
  route({
    method: 'GET',
    path: '/rollouts/:rollout_id',
    action: 'read',
    summary: 'One rollout with its latest attempt, or null',
    answer: z.union([wireAttemptedRolloutSchema, anyRollout]).nullable(),
    async handle(call) {
      const rollout = await call.store.getRolloutById({ rolloutId: call.params.rollout_id! })
      return toNullable(rollout, (item) => toRollout(call, item))
    },
  }),
  route({
    method: 'POST',
    path: '/rollouts/:rollout_id',
    action: 'steer',
    summary: 'Changes a rollout: an absent key leaves a field alone',
    numbers: [['input'], ['metadata']],
    body: rolloutUpdate,
    answer: anyRollout,
    async handle(call) {
      const { body, params } = call
      refuseNulls(body, 'status', 'config')
      const { resources_id: resourcesId, ...fields } = body
      if (!call.isOurs && fields.config != null) {
        // The Python client knows no such field, and must not empty it by changing another.
        const present = await call.store.getRolloutById({ rolloutId: params.rollout_id! })
        fields.config = { ...fields.config, retry_outcomes: present?.config.retry_outcomes ?? [] }
      }
      const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
      const update = {
        rolloutId: params.rollout_id!,
        ...given,
        ...(resourcesId === undefined ? {} : { resourcesId }),
        ...optional('idempotencyKey', call.idempotencyKey),
      }
      return toPlainRollout(call, await call.store.updateRollout(update as RolloutUpdate))
    },
  }),
  route({
    method: 'POST',
    path: '/rollouts/:rollout_id/attempts',
    action: 'claim',
    status: 201,
    summary: 'Starts an attempt out of turn',
    body: claimBody,
    isBodyOptional: true,
    answer: wireAttemptedRolloutSchema,
    async handle(call) {
      const { worker_id: workerId, lease_seconds: seconds } = call.body ?? {}
      const attempted = await call.store.startAttempt({
        rolloutId: call.params.rollout_id!,
        workerId: workerId ?? null,
        ...inMilliseconds('leaseMs', seconds),
        ...optional('idempotencyKey', call.idempotencyKey),
      })
      return toClaimed(call, attempted)
    },
  }),
  route({
    method: 'GET',
    path: '/rollouts/:rollout_id/attempts',
    action: 'read',
    summary: 'The attempts of a rollout',
    query: pageSchema,
    answer: attemptPage,
    handle: (call) => listAttempts(call, call.query),
  }),
  route({
    method: 'POST',
    path: '/rollouts/:rollout_id/attempts/search',
    action: 'read',
    summary: 'The attempts of a rollout',
    body: pageSchema,
    answer: attemptPage,
    handle: (call) => listAttempts(call, call.body),
  }),
  route({
    method: 'GET',
    path: '/rollouts/:rollout_id/attempts/latest',
    action: 'read',
    summary: 'The latest attempt of a rollout, or null',
    answer: wireAttemptSchema.nullable(),
    async handle(call) {
      const attempt = await call.store.getLatestAttempt({ rolloutId: call.params.rollout_id! })
      return toNullable(attempt, (item) => toAttempt(call, item))
    },
  }),
  route({
    method: 'POST',
    path: '/rollouts/:rollout_id/attempts/:attempt_id',
    action: 'settle',
    summary: 'Reports about an attempt; its id may be `latest`',
    numbers: [['metadata']],
    body: attemptUpdate,
    answer: wireAttemptSchema,
    async handle(call) {
      const { body, params } = call
      refuseNulls(body, 'status', 'outcome', 'worker_id', 'last_heartbeat_time', 'metadata')
      const { status, outcome, worker_id: workerId, last_heartbeat_time: lastHeartbeatTime, metadata } = body
      const fields = { status, outcome, workerId, lastHeartbeatTime, metadata }
      const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
      const key = { rolloutId: params.rollout_id!, attemptId: params.attempt_id! }
      return toAttempt(call, await call.store.updateAttempt({ ...key, ...given } as AttemptUpdate))
    },
  }),
  route({
    method: 'POST',
    path: '/rollouts/:rollout_id/attempts/:attempt_id/release',
    action: 'claim',
    summary: 'Hands work back',
    answer: anyRollout,
    async handle(call) {
      const { rollout_id: rolloutId, attempt_id: attemptId } = call.params
      const released = await call.store.releaseAttempt({ rolloutId: rolloutId!, attemptId: attemptId! })
      return toPlainRollout(call, released)
    },
  }),
  route({
    method: 'POST',
    path: '/cancellations/rollouts',
    action: 'steer',
    summary: 'Cancels what is not finished',
    body: ids,
    answer: z.array(anyRollout),
    async handle(call) {
      const cancelled = await call.store.cancelRollouts({ rolloutIds: call.body.rollout_ids })
      return cancelled.map((rollout: Rollout) => toPlainRollout(call, rollout))
    },
  }),
  route({
    method: 'POST',
    path: '/deletions/rollouts',
    action: 'delete',
    summary: 'Deletes finished rollouts with all that hangs on them',
    body: ids,
    answer: z.array(z.string()),
    handle: (call) => call.store.deleteRollouts({ rolloutIds: call.body.rollout_ids }),
  }),
]
