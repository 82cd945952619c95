import type { Attributes, AttributeValue, Span } from '@agl/types'
import { mulberry32 } from '../lib/random.ts'

/*
 * Spans of known size, which every figure of this project is given for.
 *
 * | kind  | holds                                                             | JSON    |
 * |-------|-------------------------------------------------------------------|---------|
 * | std   | a model call: 15 gen_ai attributes                                | 1.77 kB |
 * | ref32 | the micro benchmark's of the Python reference: 32 texts of 5-300  | 6.1 kB  |
 * | tok   | std with the ids of 1,024 prompt and 256 response tokens          | 9.8 kB  |
 */
export type SpanKind = 'std' | 'ref32' | 'tok'

export interface SpanFactory {
  /** An integer from `least` to `most`. */
  readonly integer: (least: number, most: number) => number
  readonly make: (
    place: { readonly rolloutId: string; readonly attemptId: string; readonly sequenceId: number },
    kind: SpanKind,
  ) => Span
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const model = 'Qwen/Qwen2.5-7B-Instruct'
const vocabulary = 150_000

/** The same seed makes the same spans, so that two runs work on the same bytes. */
export function createSpanFactory(seed = 1): SpanFactory {
  const random = mulberry32(seed)
  const integer = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1))
  const text = (length: number): string => {
    let value = ''
    for (let index = 0; index < length; index++) value += alphabet[integer(0, alphabet.length - 1)]!
    return value
  }
  const hex = (length: number): string => {
    let value = ''
    while (value.length < length) value += integer(0, 0xffff).toString(16).padStart(4, '0')
    return value.slice(0, length)
  }
  const tokens = (count: number): number[] => Array.from({ length: count }, () => integer(0, vocabulary))

  const modelCall = (): Record<string, AttributeValue> => ({
    'gen_ai.operation.name': 'chat',
    'gen_ai.system': 'openai',
    'gen_ai.request.model': model,
    'gen_ai.response.model': model,
    'gen_ai.request.temperature': 0.7,
    'gen_ai.request.max_tokens': 1024,
    'gen_ai.usage.input_tokens': integer(100, 2000),
    'gen_ai.usage.output_tokens': integer(10, 500),
    'gen_ai.response.id': `chatcmpl-${text(24)}`,
    'gen_ai.response.finish_reasons': ['stop'],
    'gen_ai.prompt.0.role': 'user',
    'gen_ai.prompt.0.content': text(300),
    'gen_ai.completion.0.role': 'assistant',
    'gen_ai.completion.0.content': text(200),
    'llm.is_streaming': false,
  })
  const attributesOf: Readonly<Record<SpanKind, () => Attributes>> = {
    std: modelCall,
    ref32: () => Object.fromEntries(Array.from({ length: 32 }, () => [text(integer(3, 20)), text(integer(5, 300))])),
    tok: () => ({ ...modelCall(), prompt_token_ids: tokens(1024), response_token_ids: tokens(256) }),
  }

  const make: SpanFactory['make'] = ({ rolloutId, attemptId, sequenceId }, kind) => {
    const [traceId, spanId, parentId] = [hex(32), hex(16), hex(16)]
    const startTime = 1.7e9 + random() * 1e6
    return {
      rollout_id: rolloutId,
      attempt_id: attemptId,
      sequence_id: sequenceId,
      trace_id: traceId,
      span_id: spanId,
      parent_id: parentId,
      name: 'openai.chat.completion',
      status: { status_code: 'OK', description: null },
      attributes: attributesOf[kind](),
      events: [],
      links: [],
      start_time: startTime,
      end_time: startTime + 1.23,
      context: { trace_id: traceId, span_id: spanId, is_remote: false, trace_state: {} },
      parent: { trace_id: traceId, span_id: parentId, is_remote: false, trace_state: {} },
      resource: {
        attributes: { 'service.name': 'agent', 'telemetry.sdk.language': 'python', 'telemetry.sdk.version': '1.38.0' },
        schema_url: '',
      },
    }
  }
  return { integer, make }
}

/** The JSON of `count` spans, from which rounds parse fresh objects: whatever a store keeps of one, the next round has its own. */
export function spanTexts(kind: SpanKind, count: number): readonly string[] {
  const factory = createSpanFactory()
  const place = { rolloutId: 'ro-000000000000', attemptId: 'at-00000000' }
  return Array.from({ length: count }, (_, index) => JSON.stringify(factory.make({ ...place, sequenceId: index + 1 }, kind)))
}

export function meanBytes(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / texts.length
}
