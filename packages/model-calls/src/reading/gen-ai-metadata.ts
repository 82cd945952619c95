import { type Attributes, modelCallAttributes as names } from '@agl/types'
import type { ModelCall, ModelUsage } from '../model-call.ts'
import { finishReasonOf } from './finish-reason.ts'
import { countOf, jsonOrText, listOf, nameOf } from './values.ts'

/** What the GenAI conventions say about a call beside its content. */
export type GenAiMetadata = Pick<ModelCall, 'operation' | 'model' | 'parameters' | 'responseId' | 'responseModel' | 'usage'>

const requestPrefix = 'gen_ai.request.'

/** Names of request attributes that are no parameters, or whose values are records of their own. */
const notParameters: ReadonlySet<string> = new Set(['model', 'type', 'id', 'headers', 'functions', 'tools'])

/** Where the conventions call a parameter otherwise than requests do. */
const renamed: ReadonlyMap<string, string> = new Map([
  ['stop_sequences', 'stop'],
  ['choice.count', 'n'],
  ['streaming', 'stream'],
])

/** `gen_ai.operation.name` of inference; Semantic Kernel has names of its own, LiteLLM those of its functions. */
const inferences: ReadonlyMap<string, ModelCall['operation']> = new Map([
  ['chat', 'chat'],
  ['generate_content', 'chat'],
  ['chat.completions', 'chat'],
  ['completion', 'chat'],
  ['acompletion', 'chat'],
  ['responses', 'chat'],
  ['aresponses', 'chat'],
  ['anthropic_messages', 'chat'],
  ['agenerate_content', 'chat'],
  ['text_completion', 'text_completion'],
  ['text_completions', 'text_completion'],
  ['text.completions', 'text_completion'],
  ['atext_completion', 'text_completion'],
])

/** The operation that the span says it is: null when it says none, undefined when it is no inference. */
export function operationOf(attributes: Attributes): ModelCall['operation'] | null | undefined {
  const named = nameOf(attributes[names.operationName])
  return named === null ? null : inferences.get(named.toLowerCase())
}

export function readGenAiMetadata(attributes: Attributes): GenAiMetadata {
  const legacyType = nameOf(attributes['llm.request.type'])
  return {
    operation: operationOf(attributes) ?? (legacyType === 'completion' ? 'text_completion' : 'chat'),
    model: nameOf(attributes[names.requestModel]),
    parameters: parametersOf(attributes),
    responseId: nameOf(attributes[names.responseId]),
    responseModel: nameOf(attributes[names.responseModel]),
    usage: usageOf(
      attributes[names.inputTokens] ?? attributes['gen_ai.usage.prompt_tokens'],
      attributes[names.outputTokens] ?? attributes['gen_ai.usage.completion_tokens'],
    ),
  }
}

/** Why each choice ended; a list, or its JSON text, or names with commas between. */
export function finishReasonsOf(attributes: Attributes): readonly (string | null)[] {
  const value = jsonOrText(attributes[names.responseFinishReasons] ?? attributes['gen_ai.response.finish_reason'])
  const reasons = listOf(value) ?? (typeof value === 'string' ? value.split(', ') : [])
  return reasons.map(finishReasonOf)
}

export function usageOf(input: unknown, output: unknown): ModelUsage | null {
  const inputTokens = countOf(input)
  const outputTokens = countOf(output)
  return inputTokens === null && outputTokens === null ? null : { inputTokens, outputTokens }
}

/** From the `usage` of a body: OpenAI's, Anthropic's, Gemini's, LangChain's, the AI SDK's. */
export function usageOfBody(usage: Readonly<Record<string, unknown>> | null): ModelUsage | null {
  if (usage === null) return null
  return usageOf(
    usage['prompt_tokens'] ?? usage['input_tokens'] ?? usage['promptTokens'] ?? usage['promptTokenCount'] ?? usage['inputTokens'],
    usage['completion_tokens'] ??
      usage['output_tokens'] ??
      usage['completionTokens'] ??
      usage['candidatesTokenCount'] ??
      usage['outputTokens'],
  )
}

function parametersOf(attributes: Attributes): Readonly<Record<string, unknown>> {
  const parameters: [string, unknown][] = []
  for (const key of Object.keys(attributes)) {
    if (!key.startsWith(requestPrefix)) continue
    const name = key.slice(requestPrefix.length)
    const dot = name.indexOf('.')
    if (notParameters.has(dot === -1 ? name : name.slice(0, dot))) continue
    const value = attributes[key]
    parameters.push([renamed.get(name) ?? name, name === 'stop_sequences' ? jsonOrText(value) : value])
  }
  return Object.fromEntries(parameters)
}
