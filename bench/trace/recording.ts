import { createStoreClient } from '@agl/store-http/client'
import { createMemoryStore } from '@agl/store-memory'
import { createExporterSink, createOtelTracer, type OtelTracer } from '@agl/tracer-otel'
import type { LightningStore, Span, SpanSink, TracedAttempt } from '@agl/types'
import { type Attributes, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import type { ServerVerbs } from '../http/server-child.ts'
import { type Child, openChild } from '../lib/child.ts'
import { interleave } from '../lib/interleave.ts'
import { type Cost, measureCost, spreadOf } from '../lib/measure.ts'
import { atMost, constantPeer, measuredPeer, type Result } from '../lib/result.ts'
import type { BenchContext, Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import { createDiscardingExporter, createOtelPipeline } from '../peers/otel-pipeline.ts'
import { meanBytes, type SpanKind, spanTexts } from '../peers/spans.ts'

/** Spans per attempt: what an agent of ten turns with tools leaves. */
const perAttempt = 64

/** The attributes that an instrumented library would set, fresh for each round. */
function attributesOf(kind: SpanKind): readonly Attributes[] {
  return spanTexts(kind, perAttempt).map((text) => (JSON.parse(text) as Span).attributes as Attributes)
}

async function newAttempts(store: LightningStore, count: number, sink: SpanSink = store): Promise<readonly TracedAttempt[]> {
  const rollouts = Array.from({ length: count }, () => store.startRollout({ rollout: { input: null } }))
  return (await Promise.all(rollouts)).map(({ rollout_id: rolloutId, attempt }) => ({
    rolloutId,
    attemptId: attempt.attempt_id,
    sink,
  }))
}

/** The agent: its library ends spans one after the other, and the loop turns now and then as it does when a model answers. */
async function recordAll(spans: readonly Attributes[], record: (name: string, attributes: Attributes) => void): Promise<void> {
  for (const [index, attributes] of spans.entries()) {
    record('openai.chat.completion', attributes)
    if (index % 16 === 15) await new Promise(setImmediate)
  }
}

/** A store may drop the spans of what has ended, and must keep those of what has not. */
async function settleAll(store: LightningStore, attempts: readonly TracedAttempt[]): Promise<void> {
  await Promise.all(
    attempts.map(({ rolloutId, attemptId }) => store.updateAttempt({ rolloutId, attemptId, status: 'succeeded' })),
  )
}

async function traceAll(tracer: OtelTracer, attempts: readonly TracedAttempt[], spans: readonly Attributes[]): Promise<void> {
  for (const attempt of attempts) {
    await tracer.trace(attempt, () =>
      recordAll(spans, (name, attributes) => trace.getTracer('bench').startSpan(name, { attributes }).end()),
    )
  }
}

async function runPipeline(
  exporter: Parameters<typeof createOtelPipeline>[0],
  attempts: number,
  spans: readonly Attributes[],
): Promise<Cost> {
  const pipeline = createOtelPipeline(exporter)
  const cost = await measureCost(attempts * perAttempt, async () => {
    for (let index = 0; index < attempts; index++) {
      await recordAll(spans, pipeline.record)
      await pipeline.flush()
    }
  })
  await pipeline.close()
  return cost
}

const cpu = (costs: readonly Cost[]): readonly number[] => costs.map(({ cpuUs }) => cpuUs)
const perSecond = (costs: readonly Cost[]): string => formatNumber(spreadOf(costs.map(({ wallUs }) => 1e6 / wallUs)).median)

/** From the end of a span to its place in the memory store of the same process. */
function memoryScenario(kind: SpanKind, amounts: { readonly short: number; readonly full: number }): Scenario {
  const name = `trace-memory-${kind}`
  return {
    name,
    title: `a ${kind} span from its end into the memory store; beside OpenTelemetry's batch processor and an exporter that forgets`,
    async run({ isShort, rounds }) {
      const attempts = isShort ? amounts.short : amounts.full
      let bytes = 0
      const ours = async (): Promise<Cost> => {
        const store = createMemoryStore()
        const tracer = createOtelTracer()
        const traced = await newAttempts(store, attempts)
        const spans = attributesOf(kind)
        const cost = await measureCost(attempts * perAttempt, () => traceAll(tracer, traced, spans))
        const { total_spans: stored, total_span_bytes: held } = await store.statistics()
        if (stored !== attempts * perAttempt) throw new Error(`${stored} spans of ${attempts * perAttempt} are stored`)
        bytes = (held ?? Number.NaN) / stored
        await tracer.close()
        await store.close()
        return cost
      }
      const peer = (): Promise<Cost> => runPipeline(createDiscardingExporter(), attempts, attributesOf(kind))
      const samples = await interleave({ rounds, warmUps: 2 }, { ours, peer })
      const json = meanBytes(spanTexts(kind, perAttempt))
      return [
        {
          name,
          unit: 'us CPU/span',
          better: 'lower',
          ours: spreadOf(cpu(samples.ours)),
          peer: measuredPeer('OpenTelemetry, discarding', cpu(samples.peer)),
          target: null,
          note: `${formatNumber(attempts * perAttempt)} spans, ${perAttempt} per attempt; ${perSecond(samples.ours)} spans/s by the wall`,
        },
        {
          name: `${name}-bytes`,
          unit: 'B/span',
          better: 'lower',
          ours: spreadOf([bytes]),
          peer: constantPeer('its JSON', json),
          target: null,
          note: 'as the store counts them',
        },
      ]
    },
  }
}

/** Bytes that went out, as the official serializer makes them. */
function countingExporter(exporter: OTLPTraceExporter): { readonly exporter: OTLPTraceExporter; readonly bytes: () => number } {
  let bytes = 0
  const { export: send } = exporter
  exporter.export = (spans: ReadableSpan[], done) => {
    bytes += ProtobufTraceSerializer.serializeRequest(spans)!.length
    send.call(exporter, spans, done)
  }
  return { exporter, bytes: () => bytes }
}

async function openServer(): Promise<{ readonly child: Child<ServerVerbs>; readonly url: string }> {
  const child = openChild<ServerVerbs>(new URL('../http/server-child.ts', import.meta.url))
  const { port } = await child.call('start', 'ours')
  return { child, url: `http://127.0.0.1:${port}` }
}

async function runOtlp({ isShort, rounds }: BenchContext): Promise<readonly Result[]> {
  const name = 'trace-otlp-std'
  const attempts = isShort ? 20 : 100
  const count = attempts * perAttempt
  const { child, url } = await openServer()
  const store = await createStoreClient({ url })
  const server: number[] = []
  const wire: number[] = []
  const ours = async (): Promise<Cost> => {
    const exporter = new OTLPTraceExporter({ url: `${url}/v1/traces` })
    const tracer = createOtelTracer()
    const traced = await newAttempts(store, attempts, createExporterSink(exporter))
    const spans = attributesOf('std')
    const before = await child.call('cpu', null)
    const cost = await measureCost(count, () => traceAll(tracer, traced, spans))
    server.push(((await child.call('cpu', null)) - before) / count)
    const stored = await store.querySpans({ rolloutId: traced.at(-1)!.rolloutId, limit: -1 })
    if (stored.items.length !== perAttempt) throw new Error(`${stored.items.length} spans of ${perAttempt} are stored`)
    await settleAll(store, traced)
    await tracer.close()
    await exporter.shutdown()
    return cost
  }
  const peer = async (): Promise<Cost> => {
    // To the same server, which counts these spans as nobody's: the sender's work is what is compared.
    const { exporter, bytes } = countingExporter(new OTLPTraceExporter({ url: `${url}/v1/traces` }))
    await runPipeline(exporter, 1, attributesOf('std'))
    wire.push(bytes() / perAttempt)
    return await runPipeline(new OTLPTraceExporter({ url: `${url}/v1/traces` }), attempts, attributesOf('std'))
  }
  const samples = await interleave({ rounds, warmUps: 2 }, { ours, peer })
  const jsonCosts: Cost[] = []
  for (let round = -1; round < rounds; round++) {
    const tracer = createOtelTracer()
    const traced = await newAttempts(store, attempts)
    const spans = attributesOf('std')
    const cost = await measureCost(count, () => traceAll(tracer, traced, spans))
    if (round >= 0) jsonCosts.push(cost)
    await settleAll(store, traced)
    await tracer.close()
  }
  await store.close()
  await child.close()
  const note = `${formatNumber(count)} spans, ${perAttempt} per attempt and request`
  return [
    {
      name,
      unit: 'us CPU/span',
      better: 'lower',
      ours: spreadOf(cpu(samples.ours)),
      peer: measuredPeer('OpenTelemetry, OTLP exporter', cpu(samples.peer)),
      target: null,
      note: `the agent's process; ${note}; ${perSecond(samples.ours)} spans/s by the wall`,
    },
    {
      name: `${name}-server`,
      unit: 'us CPU/span',
      better: 'lower',
      ours: spreadOf(server.slice(2)),
      peer: null,
      target: atMost('value', 10),
      note: 'the server with its memory store, in its own process',
    },
    {
      name: `${name}-wire`,
      unit: 'B/span',
      better: 'lower',
      ours: spreadOf(wire),
      peer: constantPeer('its JSON', meanBytes(spanTexts('std', perAttempt))),
      target: null,
      note: 'protobuf, not compressed',
    },
    {
      name: 'trace-client-std',
      unit: 'us CPU/span',
      better: 'lower',
      ours: spreadOf(cpu(jsonCosts)),
      peer: measuredPeer('OpenTelemetry, OTLP exporter', cpu(samples.peer)),
      target: null,
      note: `the agent's process, by the store's own client; ${note}`,
    },
  ]
}

const otlp: Scenario = {
  name: 'trace-otlp-std',
  title: "a std span from its end into a server's store by OTLP; beside OpenTelemetry's own pipeline to the same server",
  run: runOtlp,
}

const concurrency = 100

async function runConcurrent({ isShort, rounds }: BenchContext): Promise<readonly Result[]> {
  const name = 'trace-concurrent-100'
  const count = (isShort ? 1 : 4) * concurrency
  const total = count * perAttempt
  const ours = async (): Promise<Cost> => {
    const store = createMemoryStore()
    const tracer = createOtelTracer()
    const traced = [...(await newAttempts(store, count))]
    const spans = attributesOf('std')
    const work = async (): Promise<void> => {
      for (let attempt = traced.pop(); attempt !== undefined; attempt = traced.pop()) await traceAll(tracer, [attempt], spans)
    }
    const cost = await measureCost(total, async () => {
      await Promise.all(Array.from({ length: concurrency }, work))
    })
    const { total_spans: stored } = await store.statistics()
    if (stored !== total) throw new Error(`${stored} spans of ${total} are stored`)
    await tracer.close()
    await store.close()
    return cost
  }
  const peer = async (): Promise<Cost> => {
    const pipeline = createOtelPipeline(createDiscardingExporter())
    const spans = attributesOf('std')
    let left = count
    const work = async (): Promise<void> => {
      while (left-- > 0) await recordAll(spans, pipeline.record)
    }
    const cost = await measureCost(total, async () => {
      await Promise.all(Array.from({ length: concurrency }, work))
      await pipeline.flush()
    })
    await pipeline.close()
    return cost
  }
  const samples = await interleave({ rounds, warmUps: 2 }, { ours, peer })
  const rate = (costs: readonly Cost[]): readonly number[] => costs.map(({ wallUs }) => 1e6 / wallUs)
  return [
    {
      name,
      unit: 'spans/s',
      better: 'higher',
      ours: spreadOf(rate(samples.ours)),
      peer: measuredPeer('OpenTelemetry, discarding', rate(samples.peer)),
      target: null,
      note: `${concurrency} rollouts at once, std spans, into the memory store; ${spreadOf(cpu(samples.ours)).median.toFixed(1)} us CPU/span`,
    },
  ]
}

export const recordingScenarios: readonly Scenario[] = [
  memoryScenario('std', { short: 60, full: 300 }),
  memoryScenario('tok', { short: 20, full: 80 }),
  otlp,
  { name: 'trace-concurrent-100', title: 'std spans of 100 rollouts at once; beside OpenTelemetry alone', run: runConcurrent },
]
