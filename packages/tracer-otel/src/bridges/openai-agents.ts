import type { ModelExchange } from '@agl/model-calls'
import { implementing, parseOptions } from '@agl/types'
import type { Attributes, TracerProvider } from '@opentelemetry/api'
import { z } from 'zod'
import { createTracedFetch } from '../traced-fetch/create-traced-fetch.ts'
import { agentSpan, type NamedSpan, names, textOf, toolSpan } from './names.ts'
import { createOpenSpans } from './open-spans.ts'

export interface AgentsBridgeOptions {
  /** `getCurrentSpan` of `@openai/agents`: tells in which of its spans a request goes out. */
  readonly getCurrentSpan: () => { readonly spanId: string } | null
  /** What sends the requests and records calls of models. Default `createTracedFetch()`. */
  readonly fetch?: typeof globalThis.fetch
  /** Where the spans are made. Default: the global provider. */
  readonly tracerProvider?: TracerProvider
}

/** What is read of a span of `@openai/agents` 0.20. */
export interface AgentsSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string | null
  readonly spanData: Readonly<Record<string, unknown>> & { readonly type: string }
  readonly error: { readonly message: string } | null
}

/** For `setTraceProcessors` or `addTraceProcessor` of `@openai/agents`. */
export interface AgentsTraceProcessor {
  onTraceStart(trace: unknown): Promise<void>
  onTraceEnd(trace: unknown): Promise<void>
  onSpanStart(span: AgentsSpan): Promise<void>
  onSpanEnd(span: AgentsSpan): Promise<void>
  shutdown(): Promise<void>
  forceFlush(): Promise<void>
}

export interface AgentsBridge {
  /** Records agents, tools, handoffs and guardrails; calls of models too, where they do not go through `fetch`. */
  readonly processor: AgentsTraceProcessor
  /** For the OpenAI client that the agents use: records each call whole, in the span of the agent that made it. */
  readonly fetch: typeof globalThis.fetch
}

const optionsSchema = z.strictObject({
  getCurrentSpan: z.custom<AgentsBridgeOptions['getCurrentSpan']>((value) => typeof value === 'function', {
    error: 'expected getCurrentSpan of @openai/agents',
  }),
  fetch: z
    .custom<typeof globalThis.fetch>((value) => typeof value === 'function', { error: 'expected a fetch function' })
    .optional(),
  tracerProvider: implementing<TracerProvider>('a tracer provider', 'getTracer').optional(),
})

/**
 * Records runs of the OpenAI Agents SDK. Its spans become spans of the attempt that they were started in, with the parents that
 * the SDK gives them.
 */
export function createAgentsBridge(options: AgentsBridgeOptions): AgentsBridge {
  const parsed = parseOptions(optionsSchema, options, {}, 'options of createAgentsBridge')
  const { getCurrentSpan, fetch: send = createTracedFetch(), tracerProvider = null } = parsed
  const spans = createOpenSpans('@agl/tracer-otel/openai-agents', tracerProvider)

  const processor: AgentsTraceProcessor = {
    async onTraceStart() {},
    async onTraceEnd() {},
    async onSpanStart({ spanId, parentId, spanData }) {
      spans.start({ id: spanId, parentId, ...describe(spanData) })
    },
    async onSpanEnd({ spanId, spanData, error }) {
      const found = spans.find(spanId)
      const exchange = found === null || found.isCallRecorded ? null : exchangeOf(spanData)
      if (found !== null && exchange !== null) spans.recordCall(found, exchange, error?.message ?? null)
      spans.end(spanId, attributesOf(spanData), error?.message ?? null)
    },
    async shutdown() {},
    async forceFlush() {},
  }
  return Object.freeze({ processor, fetch: spans.fetchUnder(send, () => spans.find(getCurrentSpan()?.spanId)) })
}

function describe(data: AgentsSpan['spanData']): NamedSpan {
  const name = textOf(data['name']) ?? ''
  switch (data.type) {
    case 'agent':
      return agentSpan(name)
    case 'function':
      return toolSpan(name)
    case 'guardrail':
    case 'custom':
    case 'task':
      return { name: `${data.type} ${name}` }
    default:
      return { name: data.type }
  }
}

/** What is known at the end of a span only. */
function attributesOf(data: AgentsSpan['spanData']): Attributes {
  switch (data.type) {
    case 'function':
      return { [names.toolArguments]: textOf(data['input']), [names.toolResult]: textOf(data['output']) }
    case 'handoff':
      return { from_agent: textOf(data['from_agent']), to_agent: textOf(data['to_agent']) }
    case 'guardrail':
      return { triggered: data['triggered'] === true }
    default:
      return {}
  }
}

/**
 * The call of a model that a span tells of; null for others, and where `traceIncludeSensitiveData` is off. Chat Completions keep
 * no tools, and their streams no token ids.
 */
function exchangeOf(data: AgentsSpan['spanData']): ModelExchange | null {
  if (data.type === 'generation' && data['input'] !== undefined) {
    const { model, model_config: config, input: messages, output } = data
    const answer: unknown = Array.isArray(output) ? output[0] : null
    return { api: 'chat_completions', request: { ...(config as object), model, messages }, answer }
  }
  if (data.type === 'response' && data['_input'] !== undefined) {
    const answer = data['_response']
    // The answer repeats what the request said beyond its input.
    const { model, instructions, tools } = (answer ?? {}) as Readonly<Record<string, unknown>>
    return { api: 'responses', request: { model, instructions, tools, input: toWireInput(data['_input']) }, answer }
  }
  return null
}

/** The SDK's own items as Responses spell them. */
function toWireInput(input: unknown): unknown {
  if (!Array.isArray(input)) return input
  return input.map((item: Readonly<Record<string, unknown>>) => {
    const callId = item['callId']
    if (item['type'] === 'function_call_result') {
      const output = item['output'] as { readonly text?: string } | string | null
      return {
        type: 'function_call_output',
        call_id: callId,
        output: typeof output === 'object' ? (output?.text ?? output) : output,
      }
    }
    return callId === undefined ? item : { ...item, call_id: callId }
  })
}
