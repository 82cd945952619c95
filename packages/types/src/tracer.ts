import type { Attributes } from './attribute.ts'
import type { LightningStore } from './store.ts'

/** Where a tracer puts spans. */
export type SpanSink = Pick<LightningStore, 'addManySpans'>

/** The attempt that spans belong to. */
export interface TracedAttempt {
  readonly rolloutId: string
  readonly attemptId: string
  readonly sink: SpanSink
}

/** A number, or named dimensions of which one is primary. */
export type RewardValue = number | Readonly<Record<string, number>>

/** What may be said of any span that is written by hand. */
export interface EmitOptions {
  /** Further attributes; maps and lists become dotted keys. Keys that the span itself uses are refused. */
  readonly attributes?: Readonly<Record<string, unknown>>
  /** Which span this is about: attribute (or `trace_id`, `span_id`) → value; all of them must match. */
  readonly links?: Readonly<Record<string, string>>
  readonly tags?: readonly string[]
}

/** Without links a reward is attached by order: to the latest model call before it that has none. */
export interface RewardOptions extends EmitOptions {
  /** Which dimension is the primary one; required when the reward has several. */
  readonly primary?: string
}

export interface OperationOptions extends EmitOptions {
  /** What is done: `search`, `rank` ... */
  readonly name: string
}

/** The operation that is being recorded. */
export interface OperationScope {
  /** A map goes under its names, a list under `args`; anything else is the first argument. */
  setInput(input: unknown): void
  setOutput(output: unknown): void
  setAttributes(attributes: Readonly<Record<string, unknown>>): void
}

/**
 * Writes spans by hand into the attempt it was made for; throws `invalid_argument` when a value has no place in a span.
 */
export interface Emitter {
  /** Records a reward; it must be finite, and have a primary dimension when it has several. */
  reward(value: RewardValue, options?: RewardOptions): void
  /** Records facts about the attempt: maps and lists become dotted keys; null is refused. */
  annotation(values: Readonly<Record<string, unknown>>): void
  message(text: string, options?: EmitOptions): void
  /** Records any value that JSON can hold, or bytes. */
  object(value: unknown, options?: EmitOptions): void
  exception(error: unknown, options?: EmitOptions): void
  /**
   * Runs `work` as a span with a beginning and an end; settles as `work` does, and an error is recorded with it. What is recorded
   * inside hangs under it where the tracer can tell (`@agl/tracer-otel` can).
   */
  operation<Result>(options: string | OperationOptions, work: (scope: OperationScope) => Result): Result
  /** Records an instant span with these attributes as they are; what everything else is written with. */
  span(name: string, attributes: Attributes): void
}

/** Records what happens during an attempt. */
export interface Tracer extends AsyncDisposable {
  /**
   * Runs `work` as the attempt: every span started inside, however deep in timers, streams and promises, belongs to it.
   * Settles as `work` does, once every span that has ended by then is in the sink; when the sink refuses them, it rejects.
   */
  trace<Result>(attempt: TracedAttempt, work: (emit: Emitter) => Promise<Result>): Promise<Result>
  close(): Promise<void>
}
