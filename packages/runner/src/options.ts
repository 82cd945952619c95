import {
  childLogger,
  implementing,
  type LightningStore,
  type Logger,
  type Metrics,
  noMetrics,
  parseOptions,
  silentLogger,
  type Tracer,
} from '@agl/types'
import { z } from 'zod'
import type { Agent } from './agent.ts'
import { createDirectTracer } from './direct-tracer.ts'
import type { Hooks } from './hooks.ts'
import { createMeasures, type Measures } from './measures.ts'
import type { Scorer } from './scorers.ts'

export interface RunnerOptions<Task = unknown> {
  readonly agent: Agent<Task>
  readonly store: LightningStore
  /** Default: records emitted rewards only. */
  readonly tracer?: Tracer
  /** Called around each rollout. Default none. */
  readonly hooks?: readonly Hooks[]
  /** Judge each rollout that the agent has returned from; their reward is the final one. Default none. */
  readonly scorers?: readonly Scorer<Task>[]
  /** How long a hook may take, in milliseconds; at least 1. */
  readonly hookTimeoutMs?: number
  /** Default: silent. The runner speaks as the component `runner`, the agent's own logger as `agent`. */
  readonly logger?: Logger
  /** Where attempts, claims, heartbeats, hooks and retries are counted. Default: nowhere. */
  readonly metrics?: Metrics
  /** How the store knows this runner. Default: unique per runner. */
  readonly workerId?: string
  /** Rollouts run at the same time; at least 1. */
  readonly concurrency?: number
  /** Length of the lease on claimed work in milliseconds, at least 100; renewed three times within each. */
  readonly leaseMs?: number
  /**
   * How long the event loop may be kept busy, in milliseconds, while the leases are renewed for it from a thread; at least 1000. What
   * hangs longer is left to the store, which gives its work to others.
   */
  readonly maxStallMs?: number
  /** How long one claim waits for work in milliseconds; at least 0. */
  readonly waitMs?: number
  /** Longest time of one attempt in milliseconds where the rollout has no `timeout_seconds`; null = no limit. */
  readonly attemptTimeoutMs?: number | null
  /** How long an agent has to end by itself after its signal is aborted, in milliseconds; at least 0. */
  readonly abortGraceMs?: number
  /**
   * How long running attempts may go on after the runner was asked to stop, in milliseconds; then they are handed back. A store that is
   * away is offered what ended for as long again.
   */
  readonly shutdownGraceMs?: number
  /** Stop after this many attempts; null = never. */
  readonly maxRollouts?: number | null
}

export type ResolvedOptions<Task = unknown> = Required<Omit<RunnerOptions<Task>, 'metrics'>> & {
  readonly measures: Measures
  readonly agentLogger: Logger
}

/** The defaults of {@link RunnerOptions}. */
export const runnerDefaults: Readonly<
  Omit<ResolvedOptions, 'agent' | 'store' | 'tracer' | 'hooks' | 'scorers' | 'logger' | 'workerId' | 'measures' | 'agentLogger'>
> = Object.freeze({
  concurrency: 1,
  leaseMs: 30_000,
  maxStallMs: 300_000,
  waitMs: 30_000,
  hookTimeoutMs: 10_000,
  attemptTimeoutMs: 900_000,
  abortGraceMs: 1_000,
  shutdownGraceMs: 5_000,
  maxRollouts: null,
})

export const concurrencySchema: z.ZodInt = z.int().min(1)

const optionsSchema = z.strictObject({
  agent: implementing<Agent>('an agent: wrap your function, as in rollout(async (task, context) => reward)', 'rollout'),
  store: implementing<LightningStore>('a store', 'dequeueRollout', 'updateAttempt'),
  tracer: implementing<Tracer>('a tracer', 'trace').optional(),
  hooks: z
    .array(z.custom<Hooks>((value) => typeof value === 'object' && value !== null, { error: 'expected an object of hooks' }))
    .optional(),
  scorers: z.array(implementing<Scorer>('a scorer: { name, score }', 'score')).optional(),
  hookTimeoutMs: z.number().min(1).optional(),
  logger: implementing<Logger>('a logger', 'info', 'warn').optional(),
  metrics: implementing<Metrics>('metrics', 'counter', 'gauge', 'histogram', 'age').optional(),
  workerId: z.string().min(1).optional(),
  concurrency: concurrencySchema.optional(),
  leaseMs: z.number().min(100).optional(),
  maxStallMs: z.number().min(1000).optional(),
  waitMs: z.number().min(0).optional(),
  attemptTimeoutMs: z.number().positive().nullable().optional(),
  abortGraceMs: z.number().min(0).optional(),
  shutdownGraceMs: z.number().min(0).optional(),
  maxRollouts: z.int().min(1).nullable().optional(),
})

export function resolveOptions<Task>(options: RunnerOptions<Task>): ResolvedOptions<Task> {
  const defaults = {
    ...runnerDefaults,
    tracer: createDirectTracer(options.logger === undefined ? {} : { logger: options.logger }),
    hooks: [],
    scorers: [],
    logger: silentLogger,
    workerId: `runner-${globalThis.crypto.randomUUID()}`,
  }
  const { metrics = noMetrics, ...resolved } = parseOptions(optionsSchema, options, defaults, 'options of createRunner')
  return {
    ...resolved,
    logger: childLogger(resolved.logger, 'runner'),
    agentLogger: childLogger(resolved.logger, 'agent'),
    measures: createMeasures(metrics),
  }
}
