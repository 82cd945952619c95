import type { LightningStore, Span } from '@agl/types'

/** All spans of an attempt that are in the store, in order. */
export async function readSpansOf(
  store: LightningStore,
  { rolloutId, attemptId }: { readonly rolloutId: string; readonly attemptId: string },
): Promise<readonly Span[]> {
  return (await store.querySpans({ rolloutId, attemptId, sortBy: 'sequence_id', limit: -1 })).items
}
