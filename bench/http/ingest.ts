import { gunzipSync, gzipSync } from 'node:zlib'
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { AttemptedRollout, Span } from '@agl/types'
import { measureCost, spreadOf } from '../lib/measure.ts'
import { atMost, constantPeer, measuredPeer, type Result } from '../lib/result.ts'
import type { BenchContext, Scenario } from '../lib/scenario.ts'
import { type SpanKind, spanTexts } from '../peers/spans.ts'
import { type Driver, openDriver } from './driver.ts'

/** What an exporter sends for one attempt, by the official serializer. */
function payloadOf(kind: SpanKind, count: number, { rollout_id, attempt }: AttemptedRollout): Buffer {
  const exporter = new InMemorySpanExporter()
  const resource = resourceFromAttributes({
    'agentlightning.rollout_id': rollout_id,
    'agentlightning.attempt_id': attempt.attempt_id,
  })
  const provider = new TracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  const tracer = provider.getTracer('bench')
  for (const text of spanTexts(kind, count)) {
    const { name, attributes } = JSON.parse(text) as Span
    tracer.startSpan(name, { attributes: attributes as Record<string, string | number | number[]> }).end()
  }
  return Buffer.from(ProtobufTraceSerializer.serializeRequest(exporter.getFinishedSpans())!)
}

interface Ingest {
  readonly name: string
  readonly kind: SpanKind
  readonly perRequest: number
  readonly requests: number
  readonly isPacked: boolean
  /** Server CPU of the Python reference per span, in microseconds; null where it was not measured. */
  readonly reference: number | null
  readonly limitUs: number
}

const ingests: readonly Ingest[] = [
  { name: 'std64', kind: 'std', perRequest: 64, requests: 200, isPacked: false, reference: 122, limitUs: 10 },
  { name: 'std64-gzip', kind: 'std', perRequest: 64, requests: 200, isPacked: true, reference: null, limitUs: 10 },
  { name: 'tok16', kind: 'tok', perRequest: 16, requests: 100, isPacked: false, reference: 1357, limitUs: 80 },
  { name: 'single', kind: 'std', perRequest: 1, requests: 3000, isPacked: false, reference: null, limitUs: 50 },
]

/** Of a round: a rollout each. Fewer spans than these cost the collection of garbage once, or not at all. */
const parts = 3

interface IngestCost {
  readonly server: number
  /** Of unpacking the same bodies, and nothing else; 0 where they are not packed. */
  readonly unpacking: number
}

/** CPU microseconds per span. */
async function measurePart(driver: Driver, ingest: Ingest, share: number): Promise<IngestCost> {
  const { kind, perRequest, requests, isPacked } = ingest
  const count = Math.max(20, Math.round(requests * share))
  const started = (await driver.post('/rollouts', { input: 1 })) as AttemptedRollout
  const bodies = Array.from({ length: count }, () => {
    const body = payloadOf(kind, perRequest, started)
    return isPacked ? gzipSync(body) : body
  })
  const headers = { 'content-type': 'application/x-protobuf', ...(isPacked ? { 'content-encoding': 'gzip' } : {}) }
  const server = await driver.measure(count, (index) => driver.send('/v1/traces', bodies[index]!, headers))
  // What is finished may be dropped: the server's heap is to stay the same from part to part.
  await driver.post(`/rollouts/${started.rollout_id}/attempts/latest`, { status: 'succeeded' })
  const unpack = (): void => bodies.forEach((body) => gunzipSync(body))
  const unpacking = isPacked ? (await measureCost(count, unpack)).cpuUs : 0
  return { server: server / perRequest, unpacking: unpacking / perRequest }
}

async function measureRound(driver: Driver, ingest: Ingest, share: number): Promise<IngestCost> {
  let server = 0
  let unpacking = 0
  for (let part = 0; part < parts; part++) {
    const cost = await measurePart(driver, ingest, share)
    server += cost.server / parts
    unpacking += cost.unpacking / parts
  }
  return { server, unpacking }
}

async function runIngest(ingest: Ingest, { isShort, rounds }: BenchContext): Promise<readonly Result[]> {
  const driver = await openDriver('ours')
  const costs: IngestCost[] = []
  for (let round = -1; round < rounds; round++) {
    const cost = await measureRound(driver, ingest, isShort ? 0.25 : 1)
    if (round >= 0) costs.push(cost)
  }
  await driver.close()
  const { reference, isPacked, perRequest } = ingest
  const alone = costs.map((cost) => cost.unpacking)
  const python = reference === null ? null : constantPeer('Python reference, frozen', reference)
  return [
    {
      name: `otlp-ingest-${ingest.name}`,
      unit: 'us server CPU/span',
      better: 'lower',
      ours: spreadOf(costs.map((cost) => cost.server)),
      peer: isPacked ? measuredPeer('gunzip alone', alone) : python,
      target: atMost('value', ingest.limitUs),
      note: `${perRequest} in a request${isPacked ? ', gzipped' : ''}; the whole request: read, decoded, stored, answered`,
    },
  ]
}

/** Scenario 4: spans of an OpenTelemetry exporter. */
export const otlpIngests: readonly Scenario[] = ingests.map((ingest) => ({
  name: `otlp-ingest-${ingest.name}`,
  title: `POST /v1/traces, ${ingest.perRequest} ${ingest.kind} spans a request`,
  run: (context) => runIngest(ingest, context),
}))

/** Scenario 17: a page of spans. */
export const querySpans: Scenario = {
  name: 'query-spans',
  title: 'a page of 40 std spans',
  run: async ({ isShort, rounds }) => {
    const driver = await openDriver('ours')
    const started = (await driver.post('/rollouts', { input: 1 })) as AttemptedRollout
    const ids = { rollout_id: started.rollout_id, attempt_id: started.attempt.attempt_id }
    const spans = spanTexts('std', 40).map((text, index) => ({ ...(JSON.parse(text) as Span), ...ids, span_id: `s${index}` }))
    await driver.post('/spans/batch', { spans })
    const query = Buffer.from(JSON.stringify({ rollout_id: started.rollout_id, attempt_id: 'latest' }))
    const headers = { 'content-type': 'application/json' }
    const costs: number[] = []
    // It takes thousands of such answers until the heap has found its size.
    for (let round = -5; round < rounds; round++) {
      const cost = await driver.measure(isShort ? 400 : 1600, () => driver.send('/v1/agl/spans/search', query, headers))
      if (round >= 0) costs.push(cost)
    }
    await driver.close()
    return [
      {
        name: 'query-spans',
        unit: 'us server CPU',
        better: 'lower',
        ours: spreadOf(costs),
        peer: constantPeer('Python reference, frozen', 1000),
        target: atMost('value', 150),
      },
    ]
  },
}
