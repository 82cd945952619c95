import { context, INVALID_SPAN_CONTEXT, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { activeSpanContext } from './active-span.ts'

beforeAll(() => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()))
afterAll(() => context.disable())

const active = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 }

it('is the span that is active, or none', () => {
  expect(activeSpanContext()).toBeNull()
  const read = context.with(trace.setSpanContext(context.active(), active), activeSpanContext)
  expect(read).toMatchObject({ trace_id: active.traceId, span_id: active.spanId })
})

it('is none where instrumentation that found no provider made its empty span active', () => {
  expect(context.with(trace.setSpanContext(context.active(), INVALID_SPAN_CONTEXT), activeSpanContext)).toBeNull()
})
