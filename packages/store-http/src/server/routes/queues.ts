import type { AttemptedRollout, DequeueRequest } from '@agl/types'
import { z } from 'zod'
import {
  laxInteger,
  laxNumber,
  leaseSeconds,
  wireAttemptedRolloutSchema,
  wireEnqueueRolloutRequestSchema,
  wireRolloutSchema,
} from '../../wire/schemas.ts'
import { completeHeader } from '../../wire/paths.ts'
import { toClaimed, toPlainRollout } from '../records.ts'
import { type Call, type Route, route } from '../route.ts'
import { forgetClaims, inMilliseconds, optional } from './claims.ts'

const dequeueBody = z.object({
  limit: laxInteger.nullish(),
  worker_id: z.string().nullish(),
  wait_seconds: laxNumber.nullish(),
  lease_seconds: leaseSeconds,
  capacity: laxInteger.nullish(),
})

/** Whether all that the store knows of these rollouts is done. */
async function isNoneLeft(
  { store }: Pick<Call, 'store'>,
  rolloutIds: readonly string[],
  done: ReadonlySet<string>,
): Promise<boolean> {
  const left = rolloutIds.filter((id) => !done.has(id))
  if (left.length === 0) return true
  const { total } = await store.queryRollouts({ rolloutIdIn: left, limit: 0 })
  return total === 0
}

export const queueRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/queues/rollouts/enqueue',
    action: 'enqueue',
    status: 201,
    summary: 'Puts rollouts into the queue: all of them or none',
    numbers: [
      ['rollouts', '*', 'input'],
      ['rollouts', '*', 'metadata'],
    ],
    body: z.object({ rollouts: z.array(wireEnqueueRolloutRequestSchema) }),
    answer: z.array(wireRolloutSchema),
    async handle(call) {
      const { rollouts } = call.body
      const [first] = rollouts
      const stored =
        rollouts.length === 1 && first !== undefined
          ? [await call.store.enqueueRollout(first)]
          : await call.store.enqueueManyRollouts({ rollouts })
      return stored.map((rollout) => toPlainRollout(call, rollout))
    },
  }),
  route({
    method: 'POST',
    path: '/queues/rollouts/dequeue',
    action: 'claim',
    summary: 'Claims work, or waits for it up to `wait_seconds`',
    body: dequeueBody,
    isBodyOptional: true,
    answer: z.array(wireAttemptedRolloutSchema),
    async handle(call) {
      const { limit, worker_id: workerId, wait_seconds: wait, lease_seconds: lease, capacity } = call.body ?? {}
      const count = limit ?? 1
      // The reference touches nothing then; a store of ours notes that the worker has asked.
      if (count <= 0 && !call.isOurs) return []
      const waitMs = Math.min((wait ?? 0) * 1000, call.maxWaitMs)
      const { idempotencyKey: key, keyedClaims, store } = call
      const claim = async (signal?: AbortSignal): Promise<readonly AttemptedRollout[]> => {
        const request: DequeueRequest = {
          workerId: workerId ?? null,
          ...(waitMs === 0 ? {} : { waitMs, ...optional('signal', signal) }),
          ...inMilliseconds('leaseMs', lease),
          ...optional('capacity', capacity),
          ...optional('idempotencyKey', key),
        }
        // A key of the one verb is a conflict in the other: clients of ours tell them apart by the limit.
        if (!call.isOurs || limit !== undefined) return store.dequeueManyRollouts({ ...request, limit: count })
        const one = await store.dequeueRollout(request)
        return one === null ? [] : [one]
      }
      // A limit of 0 asks what a claim with this key has brought, by whoever has given it up.
      if (key !== undefined && count <= 0) await keyedClaims.end(key)
      const signal = waitMs === 0 ? undefined : call.signal()
      const claimed = await (key === undefined || signal === undefined ? claim(signal) : keyedClaims.run(key, signal, claim))
      return claimed.map((rollout) => toClaimed(call, rollout))
    },
    onLost: forgetClaims,
  }),
  route({
    method: 'POST',
    path: '/waits/rollouts',
    action: 'read',
    summary:
      'Waits until all of the rollouts, or `at_least` of them, are finished, or `timeout` seconds are over; null waits for ever',
    body: z.object({ rollout_ids: z.array(z.string()), timeout: laxNumber.nullish(), at_least: laxInteger.nullish() }),
    answer: z.array(wireRolloutSchema),
    async handle(call) {
      const { rollout_ids: rolloutIds, timeout, at_least: atLeast } = call.body
      const asked = timeout === undefined || timeout === null ? null : timeout * 1000
      // Only clients of ours ask again; what the reference promises its own is kept.
      const timeoutMs = call.isOurs ? Math.min(asked ?? Infinity, call.maxWaitMs) : asked
      const isParked = timeoutMs === null || timeoutMs > 0
      const finished = await call.store.waitForRollouts({
        rolloutIds,
        timeoutMs,
        ...optional('atLeast', atLeast),
        ...(isParked ? { signal: call.signal() } : {}),
      })
      if (call.isOurs) {
        const done = new Set(finished.map((rollout) => rollout.rollout_id))
        const isComplete = done.size >= (atLeast ?? Infinity) || (await isNoneLeft(call, rolloutIds, done))
        call.setHeader(completeHeader, String(isComplete))
      }
      return finished.map((rollout) => toPlainRollout(call, rollout))
    },
  }),
]
