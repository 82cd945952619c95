import type { HistogramDefinition, JsonObject, LogFields, MetricLabels, Metrics, StoreSpec } from '@agl/types'
import type { RunnerDescription } from '../strategy.ts'

/** How a child reaches the store: over a server, or by opening it itself. */
export type StoreAccess =
  | { readonly kind: 'server'; readonly url: string; readonly token: string | null }
  | { readonly kind: 'spec'; readonly spec: StoreSpec }

/** What one child process runs. It goes by message: command lines can be read by others. */
export interface RunJob extends RunnerDescription {
  readonly store: StoreAccess
  readonly workerId: string
  readonly limits: ProcessLimits
  /** Whether the parent wants to know what is counted. */
  readonly isCounted: boolean
}

/** The whole of what a child is started with. */
export interface ChildJob extends RunJob {
  /** Its argument: removed by whoever is left when the parent was killed; null = there is none. */
  readonly folder: string | null
}

/** What a process may use before its watchdog says so. */
export interface ProcessLimits {
  /** In bytes of resident memory; null = no limit. */
  readonly maxMemoryBytes: number | null
  /** How long its event loop may be kept busy, in milliseconds. */
  readonly maxStallMs: number
}

/** Above so many times its limit of memory a process is not drained but killed. */
export const runawayFactor = 1.5

export type ToChild =
  | { readonly kind: 'run'; readonly job: RunJob }
  /** Run so many rollouts at a time from now on. */
  | { readonly kind: 'concurrency'; readonly concurrency: number }
  /** Claim nothing more, finish what runs. */
  | { readonly kind: 'drain' }
  /** End what runs: hand it back, or, with a reason, let it fail by that. */
  | { readonly kind: 'stop'; readonly reason: ChildError | null }

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export type FromChild =
  | { readonly kind: 'ended'; readonly attempts: number; readonly endedBy: ChildError | null }
  | { readonly kind: 'failed'; readonly error: ChildError }
  | {
      readonly kind: 'metrics'
      readonly definitions: readonly MetricAnnouncement[]
      readonly updates: readonly MetricUpdate[]
    }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string; readonly fields?: LogFields }

/** An error as it crosses. */
export interface ChildError {
  readonly code: string
  readonly message: string
  readonly isRetryable: boolean
  readonly data: JsonObject
  readonly stack: string | null
}

/** How long a child goes on without its parent, in milliseconds: what it would report nobody takes. */
export const orphanMs = 1_500

/** A metric that updates name from now on, by its place among all that were announced. */
export interface MetricAnnouncement {
  readonly kind: keyof Metrics
  readonly definition: HistogramDefinition
}

/** Metric, what was done to it, with which value and labels. */
export type MetricUpdate = readonly [
  metric: number,
  verb: 'add' | 'set' | 'record' | 'mark' | 'remove',
  value: number,
  labels: MetricLabels,
]

/** What the watchdog of a process writes, as one line of JSON, to {@link reportsFd}: its main thread may be busy. */
export type WatchdogReport =
  /** Above the limit of memory; told once. */
  | { readonly kind: 'above'; readonly bytes: number }
  /** So far above it that the process is killed. */
  | { readonly kind: 'runaway'; readonly bytes: number }
  /** The loop has stood still for so long that the process is killed. */
  | { readonly kind: 'stalled'; readonly milliseconds: number }

/** The pipe of a child beside its standard streams and its channel. */
export const reportsFd = 4
