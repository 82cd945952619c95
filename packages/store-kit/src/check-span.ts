import {
  AglError,
  isAttributeValue,
  newSpanSchema,
  type OtelResource,
  type Span,
  type SpanEvent,
  type SpanLink,
  type SpanStatus,
} from '@agl/types'
import { isPlainObject } from './plain.ts'

/*
 * The check of spans on the way in. It accepts what `newSpanSchema` accepts and answers what that answers (a property
 * test holds the two together), at a fraction of the cost; the schema is asked only for the words of a refusal.
 */

/** A checked span that its store still has to give a sequence id, if it brought none, before it freezes it. */
export type ParsedSpan = Omit<Span, 'sequence_id'> & { sequence_id?: number }

/**
 * A span that is safe to store, with absent nullable parts filled in: a new object, but its attributes, events and links
 * are shared with the argument where nothing had to be filled in, and must not be changed afterwards.
 * @throws AglError `invalid_argument`
 */
export function parseNewSpan(value: unknown): ParsedSpan {
  if (!isRecord(value) || !hasValidFields(value)) throw refusal(value)
  const status = normalStatus(value.status)
  const resource = normalResource(value.resource)
  const events = normalList(value.events, normalEvent)
  const links = normalList(value.links, normalLink)
  if (status === null || resource === null || events === null || links === null) throw refusal(value)
  return { ...value, status, resource, events, links } as unknown as ParsedSpan
}

type UnknownRecord = Readonly<Record<string, unknown>>

function refusal(value: unknown): AglError {
  const { error } = newSpanSchema.safeParse(value)
  const issues = error?.issues ?? []
  const places = issues.map((issue) => `${issue.path.join('.') || 'span'}: ${issue.message}`)
  return new AglError({
    code: 'invalid_argument',
    message: `Invalid span: ${places.join('; ') || 'not a plain span object'}`,
    data: { issues },
  })
}

function isRecord(value: unknown): value is UnknownRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function hasValidFields(span: UnknownRecord): boolean {
  return (
    typeof span.rollout_id === 'string' &&
    typeof span.attempt_id === 'string' &&
    (Number.isSafeInteger(span.sequence_id) || !('sequence_id' in span)) &&
    typeof span.trace_id === 'string' &&
    typeof span.span_id === 'string' &&
    isTextOrNull(span.parent_id) &&
    typeof span.name === 'string' &&
    isAttributes(span.attributes) &&
    isNumberOrNull(span.start_time) &&
    isNumberOrNull(span.end_time) &&
    (span.context === null || isContext(span.context)) &&
    (span.parent === null || isContext(span.parent))
  )
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === 'string'
}

function isNumberOrNull(value: unknown): boolean {
  return value === null || Number.isFinite(value)
}

/** What zod takes for a record: a plain object with string keys only. */
function isMap(value: unknown): value is UnknownRecord {
  return isPlainObject(value) && Object.getOwnPropertySymbols(value).length === 0
}

function isAttributes(value: unknown): boolean {
  if (!isMap(value)) return false
  for (const key in value) if (!isAttributeValue(value[key])) return false
  return true
}

function isContext(value: unknown): boolean {
  if (!isRecord(value) || !isMap(value.trace_state)) return false
  for (const key in value.trace_state) if (typeof value.trace_state[key] !== 'string') return false
  return typeof value.trace_id === 'string' && typeof value.span_id === 'string' && typeof value.is_remote === 'boolean'
}

function normalStatus(value: unknown): SpanStatus | null {
  if (!isRecord(value)) return null
  const { status_code: code, description } = value
  if (code !== 'UNSET' && code !== 'OK' && code !== 'ERROR') return null
  if (description === undefined) return { ...value, status_code: code, description: null }
  return isTextOrNull(description) ? (value as unknown as SpanStatus) : null
}

/** Unknown keys of a resource are dropped, as the reference drops them. */
function normalResource(value: unknown): OtelResource | null {
  if (!isRecord(value) || !isAttributes(value.attributes) || typeof value.schema_url !== 'string') return null
  const resource = value as unknown as OtelResource
  for (const key in value) {
    if (key !== 'attributes' && key !== 'schema_url') {
      return { attributes: resource.attributes, schema_url: resource.schema_url }
    }
  }
  return resource
}

/** The same list when all its items are as they should be. */
function normalList<Item>(value: unknown, normal: (item: unknown) => Item | null): readonly Item[] | null {
  if (!Array.isArray(value)) return null
  let copy: Item[] | undefined
  for (let index = 0; index < value.length; index++) {
    const item = normal(value[index])
    if (item === null) return null
    if (item !== value[index]) copy ??= [...(value as Item[])]
    if (copy !== undefined) copy[index] = item
  }
  return copy ?? (value as Item[])
}

function normalEvent(value: unknown): SpanEvent | null {
  if (!isRecord(value) || typeof value.name !== 'string' || !isAttributes(value.attributes)) return null
  if (value.timestamp === undefined) return { ...value, timestamp: null } as unknown as SpanEvent
  return isNumberOrNull(value.timestamp) ? (value as unknown as SpanEvent) : null
}

function normalLink(value: unknown): SpanLink | null {
  if (!isRecord(value) || !isContext(value.context)) return null
  if (value.attributes === undefined) return { ...value, attributes: null } as unknown as SpanLink
  return value.attributes === null || isAttributes(value.attributes) ? (value as unknown as SpanLink) : null
}
