import { z } from 'zod'

/** A value of a span attribute. Lists are of one kind. */
export type AttributeValue = string | boolean | number | readonly string[] | readonly boolean[] | readonly number[]

/** Attributes of a span, an event, a link or a resource. */
export type Attributes = Readonly<Record<string, AttributeValue>>

export type SpanStatusCode = 'UNSET' | 'OK' | 'ERROR'

export interface SpanStatus {
  readonly status_code: SpanStatusCode
  readonly description: string | null
}

export interface SpanContext {
  readonly trace_id: string
  readonly span_id: string
  readonly is_remote: boolean
  readonly trace_state: Readonly<Record<string, string>>
}

export interface SpanEvent {
  readonly name: string
  readonly attributes: Attributes
  /** Epoch seconds. */
  readonly timestamp: number | null
}

export interface SpanLink {
  readonly context: SpanContext
  readonly attributes: Attributes | null
}

export interface OtelResource {
  readonly attributes: Attributes
  readonly schema_url: string
}

/** One recorded step of an attempt, in the shape of OpenTelemetry. Times are epoch seconds. */
export interface Span {
  readonly rollout_id: string
  readonly attempt_id: string
  /** Order within the rollout (not the attempt); the store gives the next one when a new span brings none. */
  readonly sequence_id: number
  /** 32 hex digits when it comes from OpenTelemetry. */
  readonly trace_id: string
  /** 16 hex digits when it comes from OpenTelemetry. Unique within the attempt: adding the same one again changes nothing. */
  readonly span_id: string
  readonly parent_id: string | null
  readonly name: string
  readonly status: SpanStatus
  readonly attributes: Attributes
  readonly events: readonly SpanEvent[]
  readonly links: readonly SpanLink[]
  readonly start_time: number | null
  readonly end_time: number | null
  readonly context: SpanContext | null
  readonly parent: SpanContext | null
  readonly resource: OtelResource
}

/** A span on its way into a store. Without `sequence_id` the store gives it the rollout's next one. */
export type NewSpan = Omit<Span, 'sequence_id'> & { readonly sequence_id?: number }

/**
 * Whether a value may be a span attribute. Hand-written because a zod union of arrays tries every element of every
 * branch: on 1,280 token ids that cost 250 µs a span against 2.4.
 */
export function isAttributeValue(value: unknown): value is AttributeValue {
  if (!Array.isArray(value)) return isPrimitive(typeof value)
  if (value.length === 0) return true
  const kind = typeof value[0]
  return isPrimitive(kind) && value.every((item) => typeof item === kind)
}

function isPrimitive(kind: string): boolean {
  return kind === 'string' || kind === 'number' || kind === 'boolean'
}

const attributesSchema: z.ZodType<Attributes> = z.record(
  z.string(),
  z.custom<AttributeValue>(isAttributeValue, { error: 'expected a string, boolean, number, or a list of one of them' }),
)

const spanContextSchema = z.looseObject({
  trace_id: z.string(),
  span_id: z.string(),
  is_remote: z.boolean(),
  trace_state: z.record(z.string(), z.string()),
})

/** Unknown keys of the span, its status, events, links and contexts are kept, as the reference keeps them. */
const spanShape = {
  rollout_id: z.string(),
  attempt_id: z.string(),
  sequence_id: z.int(),
  trace_id: z.string(),
  span_id: z.string(),
  parent_id: z.string().nullable(),
  name: z.string(),
  status: z.looseObject({
    status_code: z.enum(['UNSET', 'OK', 'ERROR']),
    description: z.string().nullable().default(null),
  }),
  attributes: attributesSchema,
  events: z.array(
    z.looseObject({ name: z.string(), attributes: attributesSchema, timestamp: z.number().nullable().default(null) }),
  ),
  links: z.array(z.looseObject({ context: spanContextSchema, attributes: attributesSchema.nullable().default(null) })),
  start_time: z.number().nullable(),
  end_time: z.number().nullable(),
  context: spanContextSchema.nullable(),
  parent: spanContextSchema.nullable(),
  resource: z.object({ attributes: attributesSchema, schema_url: z.string() }),
}

export const spanSchema: z.ZodType<Span> = z.looseObject(spanShape)

export const newSpanSchema: z.ZodType<NewSpan> = z.looseObject({ ...spanShape, sequence_id: z.int().exactOptional() })
