import { type NewSpan, resourceAttributes } from '@agl/types'
import { spanFromOtel } from '@agl/types/spans'
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { type ReadableSpan, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { describe, expect, it } from 'vitest'
import { decodeTraces } from './decode-traces.ts'

const attempt = { rolloutId: 'ro-1', attemptId: 'at-1' }
const remote = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: '00f067aa0ba902b7',
  traceFlags: 1,
  isRemote: true,
  traceState: { get: () => undefined, set: () => remote.traceState, unset: () => remote.traceState, serialize: () => 'vendor=x' },
}

/** Spans as an instrumented program records them: each kind of attribute, events, links, a remote parent, a status. */
function record(): readonly ReadableSpan[] {
  const ended: ReadableSpan[] = []
  const processor: SpanProcessor = {
    onStart() {},
    onEnd: (span) => void ended.push(span),
    forceFlush: async () => {},
    shutdown: async () => {},
  }
  const identity = { [resourceAttributes.rolloutId]: attempt.rolloutId, [resourceAttributes.attemptId]: attempt.attemptId }
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'agent', ...identity }, { schemaUrl: 'https://example.com/schema' }),
    spanProcessors: [processor],
  })
  type Context = NonNullable<Parameters<ReturnType<typeof provider.getTracer>['startSpan']>[2]>
  const context: Context = {
    getValue: () => ({ spanContext: () => remote }),
    setValue: () => context,
    deleteValue: () => context,
  }
  const tracer = provider.getTracer('library', '1.0', { schemaUrl: 'https://example.com/scope' })
  const call = tracer.startSpan('chat Grüße 🌍', { kind: 2, startTime: [1_731_672_000, 123_456_789] }, context)
  call.setAttributes({
    text: 'a "quoted" text, 世界 🌍',
    empty: '',
    long: 'x'.repeat(5_000),
    yes: true,
    no: false,
    zero: 0,
    integer: 151_643,
    minus: -3,
    largest: Number.MAX_SAFE_INTEGER,
    smallest: Number.MIN_SAFE_INTEGER,
    double: 0.1,
    tiny: 5e-324,
    texts: ['stop', 'länge', ''],
    flags: [true, false],
    prompt_token_ids: Array.from({ length: 300 }, (_, index) => index ** 3),
    mixedSizes: [0, -1, 127, 128, 2 ** 28 - 1, 2 ** 28, 2 ** 40, Number.MAX_SAFE_INTEGER],
    doubles: [0.5, 2, -1.25],
    none: [],
    withNull: ['a', null] as never,
  })
  call.addEvent('first', { at: 1, of: ['x'] }, [1_731_672_000, 999_999_999])
  call.addEvent('second', undefined, [1_731_672_001, 1])
  call.addLink({ context: { ...remote, spanId: '0000000000000abc' }, attributes: { kind: 'follows', n: 2 } })
  call.setStatus({ code: 2, message: 'it broke' })
  call.end([1_731_672_002, 345_678_901])
  const root = tracer.startSpan('root', { startTime: [1_731_672_000, 0], root: true })
  root.setStatus({ code: 1 })
  root.end([1_731_672_003, 1_000])
  return ended
}

/** What a payload does not say, or says otherwise than a span that is recorded in this process. */
function asReceived(span: NewSpan): NewSpan {
  const { [resourceAttributes.tracerName]: _, ...attributes } = span.resource.attributes
  const received = (context: NonNullable<NewSpan['context']>) => ({ ...context, is_remote: false, trace_state: {} })
  return {
    ...span,
    context: received(span.context!),
    parent: null,
    links: span.links.map((link) => ({ ...link, context: received(link.context) })),
    resource: { ...span.resource, attributes },
  }
}

describe.each([
  ['application/x-protobuf', ProtobufTraceSerializer],
  ['application/json; charset=utf-8', JsonTraceSerializer],
])('decodeTraces of what the official serializer writes as %s', (contentType, serializer) => {
  it('gives the spans that recording in this process gives', () => {
    const ended = record()
    const { spans, rejected } = decodeTraces(serializer.serializeRequest([...ended])!, contentType)
    expect(spans).toStrictEqual(ended.map((span) => asReceived(spanFromOtel(span, attempt))))
    expect(spans.map((span) => span.parent_id)).toEqual([remote.spanId, null])
    expect(Object.keys(spans[0]!.attributes)).toHaveLength(19)
    expect(rejected).toEqual({ count: 0, messages: [] })
  })

  it('reads what a span of the SDK cannot hold, and what a number cannot hold', () => {
    const [span] = record()
    const attributes = {
      bytes: new Uint8Array([0, 255, 16]),
      map: { a: 1, b: { c: [true, null] }, d: new Uint8Array([1]) },
      nothing: null,
      mixed: ['a', 1, false],
      nested: [[1, 2], []],
      large: 2 ** 53,
      minus: -(2 ** 62),
      huge: 1e300,
    }
    const payload = serializer.serializeRequest([{ ...span!, attributes, spanContext: span!.spanContext } as never])!
    expect(decodeTraces(payload, contentType).spans[0]!.attributes).toStrictEqual({
      bytes: '00ff10',
      map: '{"a":1,"b":{"c":[true,null]},"d":"01"}',
      nothing: 'null',
      mixed: '["a",1,false]',
      nested: '[[1,2],[]]',
      large: '9007199254740992',
      // JSON.stringify rounds the digits that the exporter writes.
      minus: contentType.includes('json') ? '-4611686018427388000' : '-4611686018427387904',
      huge: 1e300,
    })
  })

  it('takes an empty body for a request without spans', () => {
    expect(decodeTraces(new Uint8Array(0), contentType)).toEqual({ spans: [], rejected: { count: 0, messages: [] } })
    expect(decodeTraces(serializer.serializeRequest([])!, contentType).spans).toEqual([])
  })
})

describe('decodeTraces', () => {
  it.each(['application/grpc', 'text/plain; charset=utf-8', '', undefined])('refuses the content type %j', (contentType) => {
    const given = (contentType ?? '').split(';')[0]
    expect(() => decodeTraces(new Uint8Array(0), contentType)).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: `Unsupported Content-Type '${given}', expected 'application/x-protobuf' or 'application/json'`,
      }),
    )
  })

  it('takes content types as HTTP compares them', () => {
    expect(decodeTraces(new Uint8Array(0), 'Application/X-Protobuf ; x=1').spans).toEqual([])
  })

  it('reports spans without an attempt apart, the first few with names', () => {
    const [span] = record()
    const nobody = { attributes: { [resourceAttributes.rolloutId]: 'ro-1' } }
    const lost = ['a', 'b', 'c', 'd'].map((name) => ({ ...span!, name, resource: nobody, spanContext: span!.spanContext }))
    const { spans, rejected } = decodeTraces(
      ProtobufTraceSerializer.serializeRequest([...lost, span!] as never)!,
      'application/x-protobuf',
    )
    expect(spans.map(({ name }) => name)).toEqual([span!.name])
    expect(rejected.count).toBe(4)
    expect(rejected.messages).toHaveLength(3)
    expect(rejected.messages[0]).toBe(
      `Span "a" (${span!.spanContext().spanId}) has no \`agentlightning.attempt_id\`, neither of its own nor in its resource: it belongs to no attempt and was not stored.`,
    )
  })
})
