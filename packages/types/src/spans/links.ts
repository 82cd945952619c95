import type { Attributes } from '../attribute.ts'
import { spanAttributes } from '../semantic-conventions.ts'
import type { Span } from '../span.ts'
import { indexedGroups, toIndexedAttributes } from './attributes.ts'

/** One condition on the span that another one is about. */
export interface SpanLinkCondition {
  /** An attribute, or `trace_id` or `span_id`. */
  readonly key: string
  readonly value: string
}

type Linkable = Pick<Span, 'trace_id' | 'span_id' | 'attributes'>

/** The attributes that link a span to others: `agentlightning.link.{i}.key_match` and `.value_match`. */
export function linksToAttributes(links: Readonly<Record<string, string>>): Record<string, string> {
  const groups = Object.entries(links).map(([key, value]) => ({ key_match: key, value_match: value }))
  return toIndexedAttributes(spanAttributes.link, groups)
}

/** The links of a span, in order; malformed ones are left out. */
export function readLinks({ attributes }: { readonly attributes: Attributes }): readonly SpanLinkCondition[] {
  return indexedGroups(attributes, spanAttributes.link).flatMap(({ key_match: key, value_match: value }) =>
    typeof key === 'string' && typeof value === 'string' ? [{ key, value }] : [],
  )
}

/** Whether a span fulfils all of the links; no links are fulfilled by none. */
export function isLinkedSpan(span: Linkable, links: readonly SpanLinkCondition[]): boolean {
  return links.length > 0 && links.every((link) => fulfils(span, link))
}

/** The spans that fulfil all of the links, in order; none when there are no links. */
export function queryLinkedSpans<Some extends Linkable>(
  spans: readonly Some[],
  links: readonly SpanLinkCondition[],
): readonly Some[] {
  return spans.filter((span) => isLinkedSpan(span, links))
}

function fulfils(span: Linkable, { key, value }: SpanLinkCondition): boolean {
  if (key === 'span_id' || key === 'trace_id') return span[key] === value
  const found = span.attributes[key]
  return found === value || (typeof found === 'number' && String(found) === value)
}

/** `agentlightning.tag.{i}`. */
export function tagsToAttributes(tags: readonly string[]): Record<string, string> {
  return Object.fromEntries(tags.map((tag, index) => [`${spanAttributes.tag}.${index}`, tag]))
}

/** The tags of a span, in order; empty when there are none. */
export function readTags({ attributes }: { readonly attributes: Attributes }): readonly string[] {
  const start = `${spanAttributes.tag}.`
  const found: [number, string][] = []
  for (const key in attributes) {
    if (!key.startsWith(start)) continue
    const index = Number(key.slice(start.length))
    const tag = attributes[key]
    if (Number.isInteger(index) && typeof tag === 'string') found.push([index, tag])
  }
  return found.sort(([a], [b]) => a - b).map(([, tag]) => tag)
}
