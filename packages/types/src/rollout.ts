import { z } from 'zod'
import {
  type Attempt,
  type AttemptOutcome,
  attemptOutcomeSchema,
  type AttemptStatus,
  attemptSchema,
  attemptStatusSchema,
  wireAttemptSchema,
} from './attempt.ts'
import { type JsonObject, jsonObjectSchema, type JsonValue, jsonValueSchema, namedValues } from './json.ts'
import { isPlainObject } from './plain.ts'
import { laxPrimitives, type Primitives, strictPrimitives } from './primitives.ts'

/** How a rollout stands. `queuing` and `requeuing` wait for a runner; `failed`, `succeeded` and `cancelled` are finished. */
export type RolloutStatus = 'queuing' | 'preparing' | 'running' | 'failed' | 'succeeded' | 'cancelled' | 'requeuing'

/** What a rollout is for. */
export type RolloutMode = 'train' | 'val' | 'test'

/** How long an attempt may take and when it is tried again. */
export interface RolloutConfig {
  /** Longest time of one attempt in seconds, from its start; null = no limit. */
  readonly timeout_seconds: number | null
  /** Longest silence of one attempt in seconds (no span, heartbeat or update); null = no limit. */
  readonly unresponsive_seconds: number | null
  /** Tries in all, the first included; at least 1. */
  readonly max_attempts: number
  /** The attempt statuses after which another try is made while tries are left. */
  readonly retry_condition: readonly AttemptStatus[]
  /** The same by outcome, which tells what the agent did wrong from what we did wrong: `infra_error`, `unresponsive`. */
  readonly retry_outcomes: readonly AttemptOutcome[]
}

/** One task to be executed. Times are epoch seconds with sub-millisecond digits. */
export interface Rollout {
  readonly rollout_id: string
  /** The task, as the agent gets it. Any JSON value. */
  readonly input: JsonValue
  /** When it was enqueued or started. */
  readonly start_time: number
  readonly end_time: number | null
  readonly mode: RolloutMode | null
  readonly resources_id: string | null
  /** The version of `resources_id` that this rollout sees, however often the resources change. */
  readonly resources_version: number | null
  readonly status: RolloutStatus
  readonly config: RolloutConfig
  readonly metadata: JsonObject | null
  /** Higher is claimed first; FIFO within one priority. Default 0. */
  readonly priority: number
  readonly idempotency_key: string | null
  /** Filterable text labels, for example `{ run: 'sft-7' }`; at most 64, of at most 256 characters. */
  readonly labels: Readonly<Record<string, string>>
}

/** A rollout together with its latest attempt. */
export interface AttemptedRollout extends Rollout {
  readonly attempt: Attempt
  /**
   * Opens the spans of this attempt at a store server with tokens, and nothing else: what its agent may have. Only the reply to a
   * claim brings it; no store keeps it.
   */
  readonly attempt_token?: string
}

/** A rollout to be put into the queue. Only `input` is required; a null counts as not given. */
export interface EnqueueRolloutRequest {
  readonly input: JsonValue
  readonly mode?: RolloutMode | null
  /** Default: the latest resources at the moment of enqueueing. An unknown id is accepted and fails in the runner. */
  readonly resources_id?: string | null
  /** Default: the latest version of `resources_id`. */
  readonly resources_version?: number | null
  readonly config?: Partial<RolloutConfig> | null
  readonly metadata?: JsonObject | null
  readonly priority?: number | null
  /** The same key within 10 minutes returns the rollout of the first call. */
  readonly idempotency_key?: string | null
  readonly labels?: Readonly<Record<string, string>> | null
  /** A chosen id; enqueueing the same id again returns the rollout that is there. */
  readonly rollout_id?: string | null
}

export const rolloutStatusSchema: z.ZodType<RolloutStatus> = z.enum([
  'queuing',
  'preparing',
  'running',
  'failed',
  'succeeded',
  'cancelled',
  'requeuing',
])

export const rolloutModeSchema: z.ZodType<RolloutMode> = z.enum(['train', 'val', 'test'])

/** The defaults of {@link RolloutConfig}: no limits, one try. */
export const defaultRolloutConfig: RolloutConfig = Object.freeze({
  timeout_seconds: null,
  unresponsive_seconds: null,
  max_attempts: 1,
  retry_condition: Object.freeze([]),
  retry_outcomes: Object.freeze([]),
})

function configShape({ number, positiveInteger }: Primitives) {
  return {
    timeout_seconds: number.nullable().default(null),
    unresponsive_seconds: number.nullable().default(null),
    max_attempts: positiveInteger.default(1),
    retry_condition: z.array(attemptStatusSchema).default([]),
    retry_outcomes: z.array(attemptOutcomeSchema).default([]),
  }
}

const mostLabels = 64
const longestLabel = 256

/** Labels are looked for, shown and counted: few, and short. */
const newLabels = namedValues(z.string().max(longestLabel)).refine(
  (labels) => Object.keys(labels).length <= mostLabels && Object.keys(labels).every((name) => name.length <= longestLabel),
  { error: `expected at most ${mostLabels} labels with names of at most ${longestLabel} characters` },
)

function rolloutShape(primitives: Primitives) {
  const { number, integer } = primitives
  return {
    rollout_id: z.string(),
    input: jsonValueSchema,
    start_time: number,
    end_time: number.nullable().default(null),
    mode: rolloutModeSchema.nullable().default(null),
    resources_id: z.string().nullable().default(null),
    resources_version: integer.nullable().default(null),
    status: rolloutStatusSchema.default('queuing'),
    config: z.object(configShape(primitives)).prefault({}),
    metadata: jsonObjectSchema.nullable().default(null),
    priority: integer.default(0),
    idempotency_key: z.string().nullable().default(null),
    labels: namedValues(z.string()).default({}),
  }
}

function attemptedRollout(primitives: Primitives, attempt: z.ZodType<Attempt>): z.ZodType<AttemptedRollout> {
  return z
    .object({ ...rolloutShape(primitives), attempt, attempt_token: z.string().exactOptional() })
    .refine((rollout) => rollout.attempt.rollout_id === rollout.rollout_id, {
      error: 'attempt.rollout_id must equal rollout_id',
      path: ['attempt', 'rollout_id'],
    })
}

function enqueueShape(primitives: Primitives, config: z.ZodType<RolloutConfig>) {
  return {
    input: jsonValueSchema,
    mode: rolloutModeSchema.nullable().exactOptional(),
    resources_id: z.string().nullable().exactOptional(),
    resources_version: primitives.positiveInteger.nullable().exactOptional(),
    config: config.nullable().exactOptional(),
    metadata: jsonObjectSchema.nullable().exactOptional(),
    priority: primitives.integer.nullable().exactOptional(),
    idempotency_key: z.string().min(1).nullable().exactOptional(),
    labels: newLabels.nullable().exactOptional(),
    rollout_id: z.string().min(1).nullable().exactOptional(),
  }
}

/** Unknown keys are errors. */
export const rolloutConfigSchema: z.ZodType<RolloutConfig> = z
  .custom<object>(isPlainObject, { error: 'expected an object' })
  .pipe(z.strictObject(configShape(strictPrimitives))) as unknown as z.ZodType<RolloutConfig>

export const wireRolloutConfigSchema: z.ZodType<RolloutConfig> = z.object(configShape(laxPrimitives))

export const rolloutSchema: z.ZodType<Rollout> = z.object(rolloutShape(strictPrimitives))

export const wireRolloutSchema: z.ZodType<Rollout> = z.object(rolloutShape(laxPrimitives))

export const attemptedRolloutSchema: z.ZodType<AttemptedRollout> = attemptedRollout(strictPrimitives, attemptSchema)

export const wireAttemptedRolloutSchema: z.ZodType<AttemptedRollout> = attemptedRollout(laxPrimitives, wireAttemptSchema)

export const enqueueRolloutRequestSchema: z.ZodType<EnqueueRolloutRequest> = z.object(
  enqueueShape(strictPrimitives, rolloutConfigSchema),
)

export const wireEnqueueRolloutRequestSchema: z.ZodType<EnqueueRolloutRequest> = z.object(
  enqueueShape(laxPrimitives, wireRolloutConfigSchema),
)
