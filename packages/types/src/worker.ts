import { z } from 'zod'
import { type JsonObject, jsonObjectSchema } from './json.ts'
import { laxPrimitives, type Primitives, strictPrimitives } from './primitives.ts'

export type WorkerStatus = 'idle' | 'busy' | 'unknown'

/** A runner as the store sees it. Times are epoch seconds. */
export interface Worker {
  readonly worker_id: string
  readonly status: WorkerStatus
  /** What the runner last said about itself and its machine. */
  readonly heartbeat_stats: JsonObject | null
  readonly last_heartbeat_time: number | null
  readonly last_dequeue_time: number | null
  readonly last_busy_time: number | null
  readonly last_idle_time: number | null
  /** The rollout claimed last that is still running; a worker with several slots may hold more. */
  readonly current_rollout_id: string | null
  readonly current_attempt_id: string | null
  /** Rollouts at a time, as the worker reported; null = it did not say. */
  readonly capacity: number | null
}

export const workerStatusSchema: z.ZodType<WorkerStatus> = z.enum(['idle', 'busy', 'unknown'])

function workerShape({ number, positiveInteger }: Primitives) {
  const time = number.nullable().default(null)
  return {
    worker_id: z.string(),
    status: workerStatusSchema.default('unknown'),
    heartbeat_stats: jsonObjectSchema.nullable().default(null),
    last_heartbeat_time: time,
    last_dequeue_time: time,
    last_busy_time: time,
    last_idle_time: time,
    current_rollout_id: z.string().nullable().default(null),
    current_attempt_id: z.string().nullable().default(null),
    capacity: positiveInteger.nullable().default(null),
  }
}

export const workerSchema: z.ZodType<Worker> = z.object(workerShape(strictPrimitives))

export const wireWorkerSchema: z.ZodType<Worker> = z.object(workerShape(laxPrimitives))
