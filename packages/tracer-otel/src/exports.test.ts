import { createServer } from 'node:http'
import { createPrometheusMetrics } from '@agl/store-http/metrics'
import { createStoreServer } from '@agl/store-http/server'
import { trace, TraceFlags } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { emitReward, operation } from './emit.ts'
import { createExporterSink } from './exporter-sink.ts'
import { createOtelTracer } from './tracer.ts'
import { createTracedStore, step, type TracedStore } from './tracer.test-support.ts'

let traced: TracedStore
beforeEach(() => {
  traced = createTracedStore()
})
afterEach(() => traced.store.close())

/** Everything that a span holds and an exporter can carry. */
async function agent(): Promise<void> {
  await operation('plan', async (scope) => {
    scope.setOutput({ tokens: [1, 2], text: 'é' })
    await step('call', async () => {
      trace
        .getActiveSpan()!
        .setAttributes({ 'gen_ai.response.id': 'r-1', ids: [1, 2, 3] })
        .addEvent('half', { at: 1 })
      emitReward({ a: 1, b: 2 }, { primary: 'b' })
    })
  })
}

describe('createExporterSink', () => {
  it('puts the same spans into a store behind OTLP as a store client does', async () => {
    await using server = createStoreServer({ store: traced.store, port: 0 })
    const { url } = await server.start()
    const exporter = new OTLPTraceExporter({ url: `${url}/v1/traces` })
    const tracer = createOtelTracer()
    const [direct, exported] = [await traced.newAttempt(), await traced.newAttempt()]
    await tracer.trace(direct, agent)
    await tracer.trace({ ...exported, sink: createExporterSink(exporter) }, agent)
    await tracer.close()
    await exporter.shutdown()

    const shape = async (attempt: typeof direct) =>
      (await traced.spansOf(attempt)).map(({ name, attributes, events, status, parent_id, sequence_id }) => {
        const { 'agentlightning.rollout_id': _rollout, 'agentlightning.attempt_id': _attempt, ...own } = attributes
        return {
          name,
          own,
          events: events.map((event) => event.name),
          status: status.status_code,
          isRoot: parent_id === null,
          sequence_id,
        }
      })
    expect(await shape(exported)).toEqual(await shape(direct))
    const spans = await traced.spansOf(exported)
    expect(spans).toHaveLength(3)
    for (const { attributes } of spans) expect(attributes).toMatchObject({ 'agentlightning.attempt_id': exported.attemptId })
  })

  it('rejects when the endpoint refuses, and the attempt says so', async () => {
    const server = createServer((_, response) => response.writeHead(400).end()).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${port}` })
    await using tracer = createOtelTracer({ registerGlobally: false })
    const attempt = { ...(await traced.newAttempt()), sink: createExporterSink(exporter) }
    await expect(tracer.trace(attempt, async () => emitReward(1))).rejects.toThrow(/refused 1 span.*could not be exported/)
    await exporter.shutdown()
    server.close()
  })
})

describe('exporters', () => {
  it('get every span of every attempt, in one trace each, with the ids of rollout and attempt', async () => {
    const collector = new InMemorySpanExporter()
    const tracer = createOtelTracer({ exporters: [collector] })
    const attempts = [await traced.newAttempt(), await traced.newAttempt()]
    await Promise.all(attempts.map((attempt) => tracer.trace(attempt, agent)))
    const copies: { readonly rollout: unknown; readonly name: string; readonly traceId: string }[] = []
    const { shutdown } = collector
    collector.shutdown = () => {
      for (const span of collector.getFinishedSpans()) {
        expect(span.spanContext().traceFlags).toBe(TraceFlags.SAMPLED)
        copies.push({
          rollout: span.attributes['agentlightning.rollout_id'],
          name: span.name,
          traceId: span.spanContext().traceId,
        })
      }
      return shutdown.call(collector)
    }
    await tracer.close()
    for (const { rolloutId } of attempts) {
      const mine = copies.filter(({ rollout }) => rollout === rolloutId)
      expect(mine.map(({ name }) => name).toSorted()).toEqual(['agentlightning.annotation', 'agentlightning.operation', 'call'])
      expect(new Set(mine.map(({ traceId }) => traceId)).size).toBe(1)
    }
    expect(copies).toHaveLength(6)
  })

  it('cost an attempt nothing when they are away', async () => {
    const metrics = createPrometheusMetrics()
    const exporters = [new OTLPTraceExporter({ url: 'http://127.0.0.1:9', timeoutMillis: 50 })]
    const tracer = createOtelTracer({ exporters, metrics })
    const attempt = await traced.newAttempt()
    await tracer.trace(attempt, agent)
    expect(await traced.spansOf(attempt)).toHaveLength(3)
    await tracer.close()
    expect((await metrics.read()).text).toContain('agl_tracer_copies_failed_total 3\n')
  })
})
