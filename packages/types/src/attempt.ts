import { z } from 'zod'
import { type JsonObject, jsonObjectSchema } from './json.ts'
import { laxPrimitives, type Primitives, strictPrimitives } from './primitives.ts'

/** How an attempt stands, in the words of the wire. */
export type AttemptStatus = 'preparing' | 'running' | 'failed' | 'succeeded' | 'unresponsive' | 'timeout'

/**
 * Why an attempt ended as it did.
 *
 * | outcome | status | meaning |
 * |---|---|---|
 * | `scored` | succeeded | the agent ended well and a reward is there |
 * | `completed` | succeeded | the agent ended well, no reward yet; becomes `scored` when a reward span arrives |
 * | `agent_error` | failed | the agent threw, or returned something a rollout cannot return |
 * | `infra_error` | failed | we failed: resources unreadable, store or gateway lost |
 * | `invalid` | failed | nothing trainable was captured where it was required |
 * | `cancelled` | failed | somebody cancelled the rollout |
 * | `timeout` | timeout | it ran longer than allowed |
 * | `unresponsive` | unresponsive | its lease ended, or no sign of life came for too long |
 */
export type AttemptOutcome =
  | 'scored'
  | 'completed'
  | 'agent_error'
  | 'infra_error'
  | 'invalid'
  | 'cancelled'
  | 'timeout'
  | 'unresponsive'

/** One try at a rollout. Its id is also the fencing token of that try. Times are epoch seconds. */
export interface Attempt {
  readonly rollout_id: string
  readonly attempt_id: string
  /** 1 for the first try. */
  readonly sequence_id: number
  readonly start_time: number
  /** Set when the attempt succeeded or failed; never on timeout or unresponsive. */
  readonly end_time: number | null
  readonly status: AttemptStatus
  readonly worker_id: string | null
  /** The store's own time of the last span or heartbeat, or what a report said. */
  readonly last_heartbeat_time: number | null
  readonly metadata: JsonObject | null
  /** Null until the attempt is settled. */
  readonly outcome: AttemptOutcome | null
  /** When the present lease ends; null when the claim took none, and once the attempt is settled. */
  readonly lease_expires: number | null
}

export const attemptStatusSchema: z.ZodType<AttemptStatus> = z.enum([
  'preparing',
  'running',
  'failed',
  'succeeded',
  'unresponsive',
  'timeout',
])

export const attemptOutcomeSchema: z.ZodType<AttemptOutcome> = z.enum([
  'scored',
  'completed',
  'agent_error',
  'infra_error',
  'invalid',
  'cancelled',
  'timeout',
  'unresponsive',
])

function attemptShape({ number, integer }: Primitives) {
  const time = number.nullable().default(null)
  return {
    rollout_id: z.string(),
    attempt_id: z.string(),
    sequence_id: integer,
    start_time: number,
    end_time: time,
    status: attemptStatusSchema.default('preparing'),
    worker_id: z.string().nullable().default(null),
    last_heartbeat_time: time,
    metadata: jsonObjectSchema.nullable().default(null),
    outcome: attemptOutcomeSchema.nullable().default(null),
    lease_expires: time,
  }
}

export const attemptSchema: z.ZodType<Attempt> = z.object(attemptShape(strictPrimitives))

export const wireAttemptSchema: z.ZodType<Attempt> = z.object(attemptShape(laxPrimitives))
