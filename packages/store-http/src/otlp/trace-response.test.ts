import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { describe, expect, it } from 'vitest'
import { encodeRpcStatus, encodeTraceResponse, traceResponseToJson } from './trace-response.ts'

describe('encodeTraceResponse', () => {
  it('is empty when nothing was rejected', () => {
    expect(encodeTraceResponse({ rejectedSpans: 0, message: 'ignored' })).toHaveLength(0)
    expect(traceResponseToJson({ rejectedSpans: 0, message: 'ignored' })).toEqual({})
  })

  it.each([1, 300, 2 ** 40])('tells official exporters of %d rejected spans', (rejectedSpans) => {
    const result = { rejectedSpans, message: 'unknown attempts: größer' }
    const expected = { partialSuccess: { rejectedSpans, errorMessage: result.message } }
    expect(ProtobufTraceSerializer.deserializeResponse(encodeTraceResponse(result))).toEqual(expected)
    const json = new TextEncoder().encode(JSON.stringify(traceResponseToJson(result)))
    expect(JsonTraceSerializer.deserializeResponse(json)).toEqual(expected)
  })
})

it('encodes a status that holds the message only', () => {
  const reader = new BinaryReader(encodeRpcStatus('Unable to parse: größer'))
  expect(reader.tag()).toEqual([2, 2])
  expect(reader.string(true)).toBe('Unable to parse: größer')
  expect(reader.pos).toBe(reader.len)
})
