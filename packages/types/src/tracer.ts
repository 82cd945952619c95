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

export interface RewardOptions {
  /** Which dimension is the primary one; required when the reward has several. */
  readonly primary?: string
  /** Which span the reward is for: attribute (or `trace_id`, `span_id`) → value. Default: by order. */
  readonly links?: Readonly<Record<string, string>>
}

/** Writes spans by hand into the attempt it was made for. */
export interface Emitter {
  /** Records a reward; throws `invalid_argument` when it is not finite, or has several dimensions and no primary. */
  reward(value: RewardValue, options?: RewardOptions): void
  /** Records an instant span with these attributes; what everything else is written with. */
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
