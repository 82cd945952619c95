import type { OtelResource, SpanEvent, SpanLink } from '@agl/types'
import type { OtlpAttributes } from './attributes.ts'
import { type SpanCollector, toContext } from './collect-spans.ts'
import { checkEnd, createProtobufInput, type ProtobufInput, readEnd, readHex, readText, skipField } from './protobuf-input.ts'
import { readAttribute } from './protobuf-value.ts'
import { secondsOfNanos } from './times.ts'

/*
 * opentelemetry/proto/trace/v1/trace.proto. The numbers of the cases are tags as they stand in the payload:
 * field << 3 | wire type. Every message is read in one pass, except that a resource is read before its spans.
 */

/** Hands on the spans of an `ExportTraceServiceRequest`. @throws Error for bytes that are none */
export function readTraces(body: Uint8Array, collector: SpanCollector): void {
  const input = createProtobufInput(body)
  const { reader } = input
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag === 10) readResourceSpans(input, collector)
    else skipField(input, tag)
  }
  checkEnd(input, reader.len)
}

function readResourceSpans(input: ProtobufInput, collector: SpanCollector): void {
  const { reader } = input
  const end = readEnd(input)
  const start = reader.pos
  const resource = readResource(input, end)
  reader.pos = start
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === 18) readScopeSpans(input, resource, collector)
    else skipField(input, tag)
  }
}

/** The resource of a `ResourceSpans`, wherever it stands in it: the attribution of the spans depends on it. */
function readResource(input: ProtobufInput, end: number): OtelResource {
  const { reader } = input
  const attributes: OtlpAttributes = {}
  let schemaUrl = ''
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === 10) readAttributes(input, 10, attributes)
    else if (tag === 26) schemaUrl = readText(input)
    else skipField(input, tag)
  }
  checkEnd(input, end)
  return { attributes, schema_url: schemaUrl }
}

/** A message of which only the attributes are of interest. @param attribute their tag */
function readAttributes(input: ProtobufInput, attribute: number, attributes: OtlpAttributes): void {
  const { reader } = input
  const end = readEnd(input)
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === attribute) readAttribute(input, attributes)
    else skipField(input, tag)
  }
  checkEnd(input, end)
}

function readScopeSpans(input: ProtobufInput, resource: OtelResource, collector: SpanCollector): void {
  const { reader } = input
  const end = readEnd(input)
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === 18) readSpan(input, resource, collector)
    else skipField(input, tag)
  }
  checkEnd(input, end)
}

function readSpan(input: ProtobufInput, resource: OtelResource, collector: SpanCollector): void {
  collector.count(1)
  const { reader } = input
  const end = readEnd(input)
  const attributes: OtlpAttributes = {}
  const events: SpanEvent[] = []
  const links: SpanLink[] = []
  const status = { code: 0, message: '' }
  let traceId = ''
  let spanId = ''
  let parentId = ''
  let name = ''
  let startTime: number | null = null
  let endTime: number | null = null
  while (reader.pos < end) {
    const tag = reader.uint32()
    switch (tag) {
      case 10:
        traceId = readHex(input)
        break
      case 18:
        spanId = readHex(input)
        break
      case 34:
        parentId = readHex(input)
        break
      case 42:
        name = readText(input)
        break
      case 57:
        startTime = readTime(input)
        break
      case 65:
        endTime = readTime(input)
        break
      case 74:
        readAttribute(input, attributes)
        break
      case 90:
        collector.count(1)
        events.push(readEvent(input))
        break
      case 106:
        collector.count(1)
        links.push(readLink(input))
        break
      case 122:
        readStatus(input, status)
        break
      default:
        skipField(input, tag)
    }
  }
  checkEnd(input, end)
  const { code: statusCode, message: statusMessage } = status
  collector.add(
    { traceId, spanId, parentId, name, statusCode, statusMessage, attributes, events, links, startTime, endTime },
    resource,
  )
}

function readTime({ reader }: ProtobufInput): number | null {
  const low = reader.fixed32()
  return secondsOfNanos(low, reader.fixed32())
}

function readEvent(input: ProtobufInput): SpanEvent {
  const { reader } = input
  const end = readEnd(input)
  const attributes: OtlpAttributes = {}
  let name = ''
  let timestamp: number | null = null
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === 9) timestamp = readTime(input)
    else if (tag === 18) name = readText(input)
    else if (tag === 26) readAttribute(input, attributes)
    else skipField(input, tag)
  }
  checkEnd(input, end)
  return { name, attributes, timestamp }
}

function readLink(input: ProtobufInput): SpanLink {
  const { reader } = input
  const end = readEnd(input)
  const attributes: OtlpAttributes = {}
  let traceId = ''
  let spanId = ''
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === 10) traceId = readHex(input)
    else if (tag === 18) spanId = readHex(input)
    else if (tag === 34) readAttribute(input, attributes)
    else skipField(input, tag)
  }
  checkEnd(input, end)
  return { context: toContext(traceId, spanId), attributes: Object.keys(attributes).length === 0 ? null : attributes }
}

function readStatus(input: ProtobufInput, status: { code: number; message: string }): void {
  const { reader } = input
  const end = readEnd(input)
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === 18) status.message = readText(input)
    else if (tag === 24) status.code = reader.int32()
    else skipField(input, tag)
  }
  checkEnd(input, end)
}
