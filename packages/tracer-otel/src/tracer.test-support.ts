import { createMemoryStore } from '@agl/store-memory'
import type { LightningStore, Span, TracedAttempt } from '@agl/types'
import { trace } from '@opentelemetry/api'

/** A store with attempts to trace. */
export interface TracedStore {
  readonly store: LightningStore
  newAttempt(): Promise<TracedAttempt>
  /** In the order of their sequence ids. */
  spansOf(attempt: TracedAttempt): Promise<readonly Span[]>
}

export function createTracedStore(store: LightningStore = createMemoryStore()): TracedStore {
  return {
    store,
    async newAttempt() {
      const { rollout_id: rolloutId, attempt } = await store.startRollout({ rollout: { input: null } })
      return { rolloutId, attemptId: attempt.attempt_id, sink: store }
    },
    async spansOf({ rolloutId }) {
      return (await store.querySpans({ rolloutId, sortBy: 'sequence_id', limit: -1 })).items
    },
  }
}

/** What an instrumented library does: it knows the OpenTelemetry API and nothing else. */
export function step<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  return trace.getTracer('library').startActiveSpan(name, async (span) => {
    try {
      return await work()
    } finally {
      span.end()
    }
  })
}
