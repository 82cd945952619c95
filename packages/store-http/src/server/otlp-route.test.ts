import { gzipSync } from 'node:zlib'
import { spanOf } from '@agl/store-kit/testing'
import { createMemoryStore } from '@agl/store-memory'
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { describe, expect, test } from 'vitest'
import { startTestServer, type TestServer } from './test-server.test-support.ts'

interface Attempt {
  readonly rolloutId: string
  readonly attemptId: string
}

/** Finished spans of attempts, as an exporter gets them. */
function spansOf(attempts: readonly Attempt[], attributes: Readonly<Record<string, string | number>> = {}): ReadableSpan[] {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'agent' }),
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  })
  for (const { rolloutId, attemptId } of attempts) {
    const ids = { 'agentlightning.rollout_id': rolloutId, 'agentlightning.attempt_id': attemptId }
    provider
      .getTracer('test')
      .startSpan('step', { attributes: { ...ids, ...attributes } })
      .end()
  }
  return exporter.getFinishedSpans()
}

async function start(): Promise<{ readonly server: TestServer; readonly first: Attempt; readonly second: Attempt }> {
  const server = await startTestServer()
  const claim = async (): Promise<Attempt> => {
    const { rollout_id: rolloutId, attempt } = await server.store.startRollout({ rollout: { input: 1 } })
    return { rolloutId, attemptId: attempt.attempt_id }
  }
  return { server, first: await claim(), second: await claim() }
}

async function send(
  server: TestServer,
  body: Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly type: string | null; readonly body: Uint8Array }> {
  const response = await fetch(`${server.url}/v1/traces`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-protobuf', ...headers },
  })
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: new Uint8Array(await response.arrayBuffer()),
  }
}

const protobuf = (spans: ReadableSpan[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(ProtobufTraceSerializer.serializeRequest(spans)!)
const json = (spans: ReadableSpan[]): Uint8Array<ArrayBuffer> => new Uint8Array(JsonTraceSerializer.serializeRequest(spans)!)

describe('OTLP traces', () => {
  test.each([
    ['protobuf', protobuf, { 'content-type': 'application/x-protobuf' }],
    ['JSON', json, { 'content-type': 'application/json' }],
    ['protobuf packed', (spans: ReadableSpan[]) => new Uint8Array(gzipSync(protobuf(spans))), { 'content-encoding': 'gzip' }],
  ])('of the official serializer, as %s, are stored with their attempts', async (_name, encode, headers) => {
    const { server, first, second } = await start()
    const answer = await send(server, encode(spansOf([first, second, first], { tokens: 5 })), headers)
    expect(answer.status).toBe(200)
    const { items } = await server.store.querySpans(first)
    expect(items).toMatchObject([
      { name: 'step', sequence_id: 1, attributes: { tokens: 5 }, resource: { attributes: { 'service.name': 'agent' } } },
      { sequence_id: 2 },
    ])
    expect((await server.store.querySpans(second)).total).toBe(1)
  })

  test('that name unknown attempts cost nothing but themselves', async () => {
    const { server, first } = await start()
    const unknown = { rolloutId: 'unknown', attemptId: 'unknown' }
    const { status, body } = await send(server, protobuf(spansOf([first, unknown, unknown, first])))
    expect(status).toBe(200)
    expect(ProtobufTraceSerializer.deserializeResponse(body)).toMatchObject({
      partialSuccess: { rejectedSpans: 2, errorMessage: expect.stringContaining('Rollout unknown not found') },
    })
    expect((await server.store.querySpans(first)).total).toBe(2)
  })

  test('that come twice are stored once', async () => {
    const { server, first } = await start()
    const body = protobuf(spansOf([first, first]))
    expect([(await send(server, body)).status, (await send(server, body)).status]).toEqual([200, 200])
    expect((await server.store.querySpans(first)).total).toBe(2)
  })

  test('that are no traces are refused in the form that exporters read', async () => {
    const { server } = await start()
    const broken = await send(server, new Uint8Array([255, 255, 255]))
    expect([broken.status, broken.type]).toEqual([400, 'application/x-protobuf'])
    expect(Buffer.from(broken.body).toString()).toContain('Unable to parse OTLP traces payload')
    expect((await send(server, new Uint8Array(), { 'content-type': 'text/plain' })).status).toBe(400)
    expect(await send(server, new Uint8Array())).toMatchObject({ status: 200, body: new Uint8Array() })
  })

  test('for which a full store has no room are to be sent again', async () => {
    const store = createMemoryStore({ retention: { maxBytes: 50_000 } })
    const server = await startTestServer({ store })
    const claimed = await store.startRollout({ rollout: { input: 1 } })
    const attempt = { rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id }
    const fill = async (): Promise<void> => {
      for (let count = 0; count < 100; count++) await store.addSpan(spanOf(claimed, { attributes: { text: 'x'.repeat(1000) } }))
    }
    await expect(fill()).rejects.toMatchObject({ code: 'storage_full' })
    expect((await send(server, protobuf(spansOf([attempt], { text: 'x'.repeat(2000) })))).status).toBe(503)
  })
})
