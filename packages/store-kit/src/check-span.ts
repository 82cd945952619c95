import {
  AglError,
  type Attributes,
  type AttributeValue,
  copyJson,
  describeIssue,
  describeValue,
  isAttributeValue,
  isPlainObject,
  jsonOffender,
  type JsonValue,
  newSpanSchema,
  type OtelResource,
  type Span,
  type SpanContext,
  type SpanEvent,
  type SpanLink,
  type SpanStatus,
} from '@agl/types'

/*
 * The check of spans on the way in. It accepts what `newSpanSchema` accepts and answers what that answers (a property
 * test holds the two together), at a fraction of the cost; the schema is asked only for the words of a refusal.
 */

/** A checked span that its store still has to give a sequence id, if it brought none, before it freezes it. */
export type ParsedSpan = Omit<Span, 'sequence_id'> & { sequence_id?: number }

/** Spans on their way in together. @throws AglError `invalid_argument` that says which does not fit */
export function parseNewSpans(values: readonly unknown[]): readonly ParsedSpan[] {
  return values.map((value, index) => parseNewSpan(value, `spans[${index}]`))
}

/**
 * A span that is safe to store, with absent nullable parts filled in: a new object, but its attributes, events and links
 * are shared with the argument where nothing had to be filled in, and must not be changed afterwards.
 * @param what names the span in messages, for example `spans[3]`
 * @throws AglError `invalid_argument`
 */
export function parseNewSpan(value: unknown, what: string = 'span'): ParsedSpan {
  if (!isRecord(value) || !hasValidFields(value)) throw refusal(value, what)
  const status = normalStatus(value.status)
  const resource = normalResource(value.resource)
  const events = normalList(value.events, normalEvent)
  const links = normalList(value.links, normalLink)
  if (status === null || resource === null || events === null || links === null) throw refusal(value, what)
  return { ...value, status, resource, events, links } as unknown as ParsedSpan
}

type UnknownRecord = Readonly<Record<string, unknown>>

function refusal(value: unknown, what: string): AglError {
  const issues = newSpanSchema.safeParse(value).error?.issues ?? []
  const problems = issues.map((issue) => describeIssue(issue, value))
  return new AglError({
    code: 'invalid_argument',
    message: `Invalid ${what}:\n${problems.join('\n') || `✖ expected a plain object with plain attributes; got ${describeValue(value)}`}`,
    data: { issues },
  })
}

function isRecord(value: unknown): value is UnknownRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function hasValidFields(span: UnknownRecord): boolean {
  return (
    isId(span.rollout_id) &&
    isId(span.attempt_id) &&
    (Number.isSafeInteger(span.sequence_id) || !('sequence_id' in span)) &&
    typeof span.trace_id === 'string' &&
    isId(span.span_id) &&
    isTextOrNull(span.parent_id) &&
    typeof span.name === 'string' &&
    isAttributes(span.attributes) &&
    isNumberOrNull(span.start_time) &&
    isNumberOrNull(span.end_time) &&
    (span.context === null || isContext(span.context)) &&
    (span.parent === null || isContext(span.parent)) &&
    hasOnlyJsonBeside(span, spanKeys)
  )
}

const spanKeys: ReadonlySet<string> = new Set([
  'rollout_id',
  'attempt_id',
  'sequence_id',
  'trace_id',
  'span_id',
  'parent_id',
  'name',
  'status',
  'attributes',
  'events',
  'links',
  'start_time',
  'end_time',
  'context',
  'parent',
  'resource',
] satisfies readonly (keyof Span)[])
const statusKeys: ReadonlySet<string> = new Set(['status_code', 'description'])
const eventKeys: ReadonlySet<string> = new Set(['name', 'attributes', 'timestamp'])
const linkKeys: ReadonlySet<string> = new Set(['context', 'attributes'])
const contextKeys: ReadonlySet<string> = new Set(['trace_id', 'span_id', 'is_remote', 'trace_state'])

/** Keys that nobody knows are kept, and have to be something that can be kept. */
function hasOnlyJsonBeside(value: UnknownRecord, known: ReadonlySet<string>): boolean {
  for (const key in value) if (!known.has(key) && jsonOffender(value[key]) !== null) return false
  return true
}

function isId(value: unknown): boolean {
  return typeof value === 'string' && value.isWellFormed()
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
  return (
    typeof value.trace_id === 'string' &&
    typeof value.span_id === 'string' &&
    typeof value.is_remote === 'boolean' &&
    hasOnlyJsonBeside(value, contextKeys)
  )
}

function normalStatus(value: unknown): SpanStatus | null {
  if (!isRecord(value)) return null
  const { status_code: code, description } = value
  if ((code !== 'UNSET' && code !== 'OK' && code !== 'ERROR') || !hasOnlyJsonBeside(value, statusKeys)) return null
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
  if (!hasOnlyJsonBeside(value, eventKeys)) return null
  if (value.timestamp === undefined) return { ...value, timestamp: null } as unknown as SpanEvent
  return isNumberOrNull(value.timestamp) ? (value as unknown as SpanEvent) : null
}

function normalLink(value: unknown): SpanLink | null {
  if (!isRecord(value) || !isContext(value.context) || !hasOnlyJsonBeside(value, linkKeys)) return null
  if (value.attributes === undefined) return { ...value, attributes: null } as unknown as SpanLink
  return value.attributes === null || isAttributes(value.attributes) ? (value as unknown as SpanLink) : null
}

/** A span that shares nothing with the one that was parsed, for stores that write it later than they are given it. */
export function copySpan(span: ParsedSpan): ParsedSpan {
  const extras = Object.entries(span).filter(([key]) => !spanKeys.has(key))
  return {
    ...span,
    ...Object.fromEntries(extras.map(([key, value]) => [key, copyJson(value as JsonValue)])),
    status: copyPart(span.status, statusKeys),
    attributes: copyAttributes(span.attributes),
    events: span.events.map((event) => ({ ...copyPart(event, eventKeys), attributes: copyAttributes(event.attributes) })),
    links: span.links.map((link) => ({
      ...copyPart(link, linkKeys),
      context: copyContext(link.context),
      attributes: link.attributes === null ? null : copyAttributes(link.attributes),
    })),
    context: span.context === null ? null : copyContext(span.context),
    parent: span.parent === null ? null : copyContext(span.parent),
    resource: { attributes: copyAttributes(span.resource.attributes), schema_url: span.resource.schema_url },
  }
}

function copyAttributes(attributes: Attributes): Attributes {
  const copy: Record<string, AttributeValue> = { ...attributes }
  for (const key in copy) if (Array.isArray(copy[key])) copy[key] = [...(copy[key] as readonly string[])]
  return copy
}

function copyContext(context: SpanContext): SpanContext {
  return { ...copyPart(context, contextKeys), trace_state: { ...context.trace_state } }
}

function copyPart<Part extends object>(part: Part, known: ReadonlySet<string>): Part {
  const copy = { ...part } as Record<string, JsonValue>
  for (const key in copy) if (!known.has(key)) copy[key] = copyJson(copy[key]!)
  return copy as Part
}
