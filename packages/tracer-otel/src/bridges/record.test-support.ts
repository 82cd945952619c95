import { createMemoryStore } from '@agl/store-memory'
import type { Span } from '@agl/types'
import { createOtelTracer, type OtelTracer } from '../index.ts'

/** Runs work once for each input, all at the same time, each as an attempt of its own, and gives the spans of each. */
export async function record<Input>(
  inputs: readonly Input[],
  work: (input: Input) => Promise<unknown>,
  tracer: OtelTracer = createOtelTracer(),
): Promise<readonly Span[][]> {
  const store = createMemoryStore()
  try {
    return await Promise.all(
      inputs.map(async (input) => {
        const { rollout_id: rolloutId, attempt } = await store.startRollout({ rollout: { input: null } })
        await tracer.trace({ rolloutId, attemptId: attempt.attempt_id, sink: store }, () => work(input))
        const { items } = await store.querySpans({ rolloutId, limit: -1 })
        return [...items]
      }),
    )
  } finally {
    await tracer.close()
    await store.close()
  }
}

/** Spans as a tree of names, in the order they began: what hangs where, at a glance. */
export function outline(spans: readonly Span[]): readonly string[] {
  const known = new Set(spans.map(({ span_id: id }) => id))
  const below = (parent: string | null, depth: number): readonly string[] =>
    spans
      .filter(({ parent_id: id }) => (parent === null ? id === null || !known.has(id) : id === parent))
      .toSorted((a, b) => a.start_time! - b.start_time!)
      .flatMap(({ name, span_id: id }) => ['  '.repeat(depth) + name, ...below(id, depth + 1)])
  return below(null, 0)
}
