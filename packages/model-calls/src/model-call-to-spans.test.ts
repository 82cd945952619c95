import { newSpanSchema } from '@agl/types'
import { expect, it } from 'vitest'
import { modelCallToSpans } from './model-call-to-spans.ts'
import { readExchange } from './read-exchange.ts'

const calls = ['get_price', 'get_stock'].map((name) => ({
  id: `id-${name}`,
  type: 'function',
  function: { name, arguments: '{"a":1}' },
}))
const call = readExchange({
  api: 'chat_completions',
  request: { model: 'm', messages: [{ role: 'user', content: 'hi' }] },
  answer: { choices: [{ message: { content: null, tool_calls: calls } }, { message: { tool_calls: calls } }] },
})
const place = { call, rolloutId: 'ro-1', attemptId: 'at-1', startTime: 1, endTime: 2, failure: null }

it('a call is a span, and each tool call of its first choice one below it', () => {
  const spans = modelCallToSpans(place)
  const [parent, ...children] = spans
  expect(parent).toMatchObject({ name: 'openai.chat.completion', parent_id: null, start_time: 1, end_time: 2 })
  expect(parent!.status).toEqual({ status_code: 'OK', description: null })
  expect(children).toMatchObject(
    ['get_price', 'get_stock'].map((name) => ({
      name: `tool_call.${name}`,
      parent_id: parent!.span_id,
      trace_id: parent!.trace_id,
      attributes: { 'tool.name': name, 'tool.parameters': '{"a":1}', 'tool.call.id': `id-${name}`, 'tool.call.type': 'function' },
    })),
  )
  for (const span of spans) expect(newSpanSchema.parse(span)).toEqual(span)
})

it('a call that failed says why, and asked for no tool', () => {
  const spans = modelCallToSpans({ ...place, failure: 'HTTP 500' })
  expect(spans).toHaveLength(1)
  expect(spans[0]!.status).toEqual({ status_code: 'ERROR', description: 'HTTP 500' })
})

it('a call hangs under the span that it was made in, in the trace of that one', () => {
  const parent = { trace_id: 'a'.repeat(32), span_id: 'b'.repeat(16), is_remote: false, trace_state: {} }
  const [span, child] = modelCallToSpans({ ...place, parent })
  expect(span).toMatchObject({ trace_id: parent.trace_id, parent_id: parent.span_id, parent })
  expect(child).toMatchObject({ trace_id: parent.trace_id, parent_id: span!.span_id })
})
