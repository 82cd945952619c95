import type { NewSpan, Span } from '@agl/types'
import type { AttemptKey } from './stores.ts'

/** A span that its caller may still address; nothing else of it changes. */
export type OpenSpan = { -readonly [Field in keyof Span]: Span[Field] }
export type OpenNewSpan = { -readonly [Field in keyof NewSpan]: NewSpan[Field] }

/** Parses as many objects as asked for from the texts in turn, as if each had just come over the wire. */
export function parseFresh(texts: readonly string[], count: number): readonly OpenSpan[] {
  return Array.from({ length: count }, (_, index) => JSON.parse(texts[index % texts.length]!) as OpenSpan)
}

/** As {@link parseFresh}, without sequence ids: the store gives them. */
export function parseFreshNew(texts: readonly string[], count: number): readonly OpenNewSpan[] {
  return parseFresh(texts, count)
}

/** The texts of spans that bring no sequence id. */
export function withoutSequence(texts: readonly string[]): readonly string[] {
  return texts.map((text) => {
    const { sequence_id: _, ...span } = JSON.parse(text) as Span
    return JSON.stringify(span satisfies NewSpan)
  })
}

/** Addresses a span to an attempt, under an id of its own. */
export function address(span: OpenNewSpan, key: AttemptKey, number: number): void {
  span.rollout_id = key.rolloutId
  span.attempt_id = key.attemptId
  span.span_id = `s${number}`
}
