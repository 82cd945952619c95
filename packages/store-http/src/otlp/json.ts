import { describeValue, type OtelResource, type SpanEvent, type SpanLink } from '@agl/types'
import type { OtlpAttributes } from './attributes.ts'
import { type SpanCollector, toContext } from './collect-spans.ts'
import { field, hexField, type JsonMessage, listField, messageField, textField, timeField, wrongField } from './json-fields.ts'
import { setJsonAttribute } from './json-value.ts'

/** A large integer that is not in quotes, which `JSON.parse` would round. Within a text the quotes would be escaped. */
const largeInteger = /("int(?:V|_v)alue"\s*:\s*)(-?\d{16,20})(?=\s*[,}])/g

/**
 * Hands on the spans of an `ExportTraceServiceRequest` in OTLP/JSON: names in camelCase or as in the .proto, ids in hex,
 * 64-bit integers as numbers or texts, bytes in base64, enums as numbers or names, null for a default. Keys that nobody
 * knows are passed over.
 * @throws Error for a body that is none
 */
export function readJsonTraces(body: Uint8Array, collector: SpanCollector): void {
  const text = new TextDecoder().decode(body).replace(largeInteger, '$1"$2"')
  const request = JSON.parse(text) as unknown
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    throw new Error(`expected an object; got ${describeValue(request)}`)
  }
  for (const resourceSpans of listField(request as JsonMessage, 'resourceSpans', 'resource_spans')) {
    const resource = readResource(resourceSpans)
    for (const scopeSpans of listField(resourceSpans, 'scopeSpans', 'scope_spans')) {
      for (const span of listField(scopeSpans, 'spans')) readSpan(span, resource, collector)
    }
  }
}

function readResource(resourceSpans: JsonMessage): OtelResource {
  return {
    attributes: readAttributes(messageField(resourceSpans, 'resource')),
    schema_url: textField(resourceSpans, 'schemaUrl', 'schema_url'),
  }
}

function readAttributes(message: JsonMessage): OtlpAttributes {
  const attributes: OtlpAttributes = {}
  for (const entry of listField(message, 'attributes')) setJsonAttribute(attributes, entry)
  return attributes
}

function readSpan(span: JsonMessage, resource: OtelResource, collector: SpanCollector): void {
  const status = messageField(span, 'status')
  const events = listField(span, 'events')
  const links = listField(span, 'links')
  collector.count(1 + events.length + links.length)
  collector.add(
    {
      traceId: hexField(span, 'traceId', 'trace_id'),
      spanId: hexField(span, 'spanId', 'span_id'),
      parentId: hexField(span, 'parentSpanId', 'parent_span_id'),
      name: textField(span, 'name'),
      statusCode: readStatusCode(status),
      statusMessage: textField(status, 'message'),
      attributes: readAttributes(span),
      events: events.map(readEvent),
      links: links.map(readLink),
      startTime: timeField(span, 'startTimeUnixNano', 'start_time_unix_nano'),
      endTime: timeField(span, 'endTimeUnixNano', 'end_time_unix_nano'),
    },
    resource,
  )
}

const statusCodes = ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR']

/** A name that nobody knows is unset, as a number that nobody knows. */
function readStatusCode(status: JsonMessage): number {
  const code = field(status, 'code') ?? 0
  if (typeof code === 'string') return statusCodes.indexOf(code)
  if (typeof code !== 'number') throw wrongField('code', 'a number or a name', code)
  return code
}

function readEvent(event: JsonMessage): SpanEvent {
  return {
    name: textField(event, 'name'),
    attributes: readAttributes(event),
    timestamp: timeField(event, 'timeUnixNano', 'time_unix_nano'),
  }
}

function readLink(link: JsonMessage): SpanLink {
  const attributes = readAttributes(link)
  return {
    context: toContext(hexField(link, 'traceId', 'trace_id'), hexField(link, 'spanId', 'span_id')),
    attributes: Object.keys(attributes).length === 0 ? null : attributes,
  }
}
