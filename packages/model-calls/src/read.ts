import type { Span } from '@agl/types'
import { readGenAiIndexed } from './dialects/gen-ai-indexed.ts'
import type { ModelCall } from './model-call.ts'

/** The model call that a span records, in whichever dialect; null for a span that records none. */
export function readModelCall(span: Pick<Span, 'name' | 'attributes'>): ModelCall | null {
  return readGenAiIndexed(span)
}
