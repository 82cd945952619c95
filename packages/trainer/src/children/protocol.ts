import type { JsonObject, LogFields, StoreSpec } from '@agl/types'
import type { RunnerDescription } from '../strategy.ts'

/** How a child reaches the store: over a server, or by opening it itself. */
export type StoreAccess =
  | { readonly kind: 'server'; readonly url: string; readonly token: string | null }
  | { readonly kind: 'spec'; readonly spec: StoreSpec }

/** What one child process runs. It goes by message: command lines can be read by others. */
export interface RunJob extends RunnerDescription {
  readonly store: StoreAccess
  readonly workerId: string
}

/** The whole of what a child is started with. */
export interface ChildJob extends RunJob {
  /** Its argument: removed by whoever is left when the parent was killed; null = there is none. */
  readonly folder: string | null
}

export type ToChild = { readonly kind: 'run'; readonly job: RunJob } | { readonly kind: 'stop' }

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export type FromChild =
  | { readonly kind: 'ended'; readonly attempts: number; readonly endedBy: ChildError | null }
  | { readonly kind: 'failed'; readonly error: ChildError }
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
