import type { OtelTracerOptions } from '@agl/tracer-otel'
import type { Tracer } from '@agl/types'
import { z } from 'zod'
import { type Component, defineComponent } from '../component.ts'
import { field } from '../field.ts'
import { loadPackage } from '../load-package.ts'
import { tracerKind } from './kinds.ts'

const otelSchema: z.ZodType<OtelTracerOptions> = z.strictObject({
  registerGlobally: field(z.boolean(), 'whether this is the OpenTelemetry provider of the process', true),
  flushDelayMs: field(z.number().min(0), 'how long a span may wait for others before it is written', 500),
  maxQueuedBytes: field(z.number().min(1_048_576), 'memory for spans on their way to the store', 67_108_864),
})

const dummySchema: z.ZodType<{ readonly registerGlobally?: boolean }> = z.strictObject({
  registerGlobally: field(z.boolean(), 'whether this is the OpenTelemetry provider of the process', false),
})

export const tracerComponents: readonly Component<Tracer>[] = Object.freeze([
  defineComponent({
    kind: tracerKind,
    name: 'direct',
    summary: 'records what is emitted by hand, and nothing else',
    schema: z.strictObject({}),
    async create(_options, { logger }) {
      const { createDirectTracer } = await import('@agl/runner')
      return createDirectTracer(logger === undefined ? {} : { logger })
    },
  }),
  defineComponent({
    kind: tracerKind,
    name: 'otel',
    summary: 'records every step that OpenTelemetry sees',
    schema: otelSchema,
    async create(options, { logger, metrics }) {
      const { createOtelTracer } = await loadPackage('@agl/tracer-otel', async () => import('@agl/tracer-otel'))
      return createOtelTracer({
        ...(logger === undefined ? {} : { logger }),
        ...(metrics === undefined ? {} : { metrics }),
        ...options,
      })
    },
  }),
  defineComponent({
    kind: tracerKind,
    name: 'dummy',
    summary: 'keeps spans in memory and writes none, for tests of agents',
    schema: dummySchema,
    async create(options) {
      const { createDummyTracer } = await loadPackage('@agl/tracer-otel', async () => import('@agl/tracer-otel'))
      return createDummyTracer(options)
    },
  }),
])
