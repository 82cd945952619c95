import { z } from 'zod'
import type { Attributes } from './attribute.ts'
import { jsonValueSchema } from './json.ts'
import { laxPrimitives, type Primitives, strictPrimitives } from './primitives.ts'

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

/** What a span says, before anybody knows which attempt it belongs to. */
export interface SpanCoreFields {
  readonly name: string
  readonly status: SpanStatus
  readonly attributes: Attributes
  /** Epoch seconds. */
  readonly start_time: number
  readonly end_time: number
}

/** A span on its way into a store. Without `sequence_id` the store gives it the rollout's next one. */
export type NewSpan = Omit<Span, 'sequence_id'> & { readonly sequence_id?: number }

/** Stores look for these by value, and half of a surrogate pair has no form in UTF-8. */
const id = z.string().refine((value) => value.isWellFormed(), { error: 'expected well-formed text' })

/** Unknown keys of the span, its status, events, links and contexts are kept, as the reference keeps them; they hold JSON. */
function open<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.object(shape).catchall(jsonValueSchema)
}

function spanShape({ number, integer, boolean, attributes }: Primitives) {
  const context = open({
    trace_id: z.string(),
    span_id: z.string(),
    is_remote: boolean,
    trace_state: z.record(z.string(), z.string()),
  })
  return {
    rollout_id: id,
    attempt_id: id,
    sequence_id: integer,
    trace_id: z.string(),
    span_id: id,
    parent_id: z.string().nullable(),
    name: z.string(),
    status: open({
      status_code: z.enum(['UNSET', 'OK', 'ERROR']),
      description: z.string().nullable().default(null),
    }),
    attributes,
    events: z.array(open({ name: z.string(), attributes, timestamp: number.nullable().default(null) })),
    links: z.array(open({ context, attributes: attributes.nullable().default(null) })),
    start_time: number.nullable(),
    end_time: number.nullable(),
    context: context.nullable(),
    parent: context.nullable(),
    resource: z.object({ attributes, schema_url: z.string() }),
  }
}

export const spanSchema: z.ZodType<Span> = open(spanShape(strictPrimitives))

export const newSpanSchema: z.ZodType<NewSpan> = open({
  ...spanShape(strictPrimitives),
  sequence_id: strictPrimitives.integer.exactOptional(),
})

export const wireSpanSchema: z.ZodType<Span> = open(spanShape(laxPrimitives))

export const wireNewSpanSchema: z.ZodType<NewSpan> = open({
  ...spanShape(laxPrimitives),
  sequence_id: laxPrimitives.integer.exactOptional(),
})
