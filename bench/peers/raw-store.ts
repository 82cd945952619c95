import type { RequestListener } from 'node:http'
import { parseNewSpan } from '@agl/store-kit'
import { jsonObjectSchema, type LightningStore, type NewSpan, rolloutStatusSchema, type RolloutUpdate } from '@agl/types'
import { laxPrimitives, wireRolloutConfigSchema } from '@agl/types/wire'
import { z } from 'zod'

/*
 * The least that a request can cost: node:http, the validation that ours does, and the same store. No router, limits, time-outs,
 * auth, metrics, kinds of clients or errors that help.
 */

/** Answers one request; `id` is what stands behind the path's last slash. */
export interface RawRoute {
  readonly status: number
  readonly handle: (body: unknown, id: string) => unknown
}

/** JSON in, JSON out, by paths as they stand in the request. */
export function createRawListener(find: (path: string) => RawRoute | undefined): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = []
    const send = (status: number, value: unknown): void => {
      const text = JSON.stringify(value)
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
      response.end(text)
    }
    const answer = async (): Promise<void> => {
      const path = request.url!
      const route = find(path)
      if (route === undefined) return send(404, {})
      try {
        const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
        send(route.status, await route.handle(JSON.parse(bytes.toString()), path.slice(path.lastIndexOf('/') + 1)))
      } catch (error) {
        send(400, { detail: String(error) })
      }
    }
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', answer)
  }
}

const { integer, number } = laxPrimitives
const dequeueBody = z.object({
  limit: integer.nullish(),
  worker_id: z.string().nullish(),
  wait_seconds: number.nullish(),
  lease_seconds: number.nullish(),
  capacity: integer.nullish(),
})
const workerBody = z.object({ heartbeat_stats: jsonObjectSchema })
const heartbeatBody = z.strictObject({
  worker_id: z.string(),
  attempts: z.array(z.object({ rollout_id: z.string(), attempt_id: z.string() })),
  lease_seconds: number.nullish(),
  capacity: integer.nullish(),
  stats: jsonObjectSchema,
})
const startBody = z.object({ input: z.unknown(), worker_id: z.string(), config: wireRolloutConfigSchema.nullish() })
const updateBody = z.object({ status: rolloutStatusSchema.optional(), metadata: jsonObjectSchema.optional() })

/** The requests of the scenarios `express-tax-*`. */
export function createRawStore(store: LightningStore): RequestListener {
  const worker: RawRoute = {
    status: 200,
    handle: (body, workerId) => store.updateWorker({ workerId, heartbeatStats: workerBody.parse(body).heartbeat_stats }),
  }
  const update: RawRoute = {
    status: 200,
    handle: (body, rolloutId) => store.updateRollout({ rolloutId, ...updateBody.parse(body) } as RolloutUpdate),
  }
  const exact: Readonly<Record<string, RawRoute>> = {
    '/v1/agl/spans': { status: 201, handle: (body) => store.addSpan(parseNewSpan(body) as NewSpan) },
    '/v1/agl/queues/rollouts/dequeue': {
      status: 200,
      handle(body) {
        const { limit, worker_id: workerId } = dequeueBody.parse(body)
        return store.dequeueManyRollouts({ workerId: workerId ?? null, limit: limit ?? 1 })
      },
    },
    '/v1/agl/heartbeats': {
      status: 200,
      async handle(body) {
        const { worker_id: workerId, attempts, stats } = heartbeatBody.parse(body)
        const keys = attempts.map(({ rollout_id: rolloutId, attempt_id: attemptId }) => ({ rolloutId, attemptId }))
        return store.heartbeat({ workerId, attempts: keys, stats })
      },
    },
    '/v1/agl/rollouts': {
      status: 201,
      handle(body) {
        const { input, worker_id: workerId } = startBody.parse(body)
        return store.startRollout({ rollout: { input: input as string }, workerId })
      },
    },
  }
  return createRawListener(
    (path) =>
      exact[path] ?? (path.startsWith('/v1/agl/workers/') ? worker : path.startsWith('/v1/agl/rollouts/') ? update : undefined),
  )
}
