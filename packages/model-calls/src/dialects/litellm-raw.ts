import type { Attributes } from '@agl/types'
import { type ReadableSpan, unknownCall } from '../dialect.ts'
import type { ModelCall } from '../model-call.ts'
import { readAnswer, readRequest } from '../reading/bodies.ts'
import { readPythonLiteral } from '../reading/python-literal.ts'
import { excerpt, type Fields, fieldsOf, type Report } from '../reading/values.ts'

export const rawRequestSpan = 'raw_gen_ai_request'

/** Fields of the answer, which lie among those of the request. */
const answerFields: ReadonlySet<string> = new Set([
  'id',
  'object',
  'created',
  'choices',
  'usage',
  'content',
  'role',
  'type',
  'stop_reason',
  'candidates',
  'usageMetadata',
  'modelVersion',
  'responseId',
  'output',
  'status',
  'service_tier',
  'system_fingerprint',
  'prompt_token_ids',
  'response_token_ids',
  'prompt_logprobs',
  'kv_transfer_params',
  'stringified_raw_response',
])

/** A call has at least one of these; embeddings and the like have none. */
const contentFields = ['messages', 'choices', 'contents', 'content', 'candidates', 'output', 'prompt'] as const

/**
 * `llm.{provider}.*` of LiteLLM's span `raw_gen_ai_request`: what went to the provider and what came back, every field of
 * both bodies side by side, each as Python prints it. Where both have a field (`model`) the answer's stands.
 */
export function readLiteLlmRaw({ name, attributes }: ReadableSpan, report: Report): ModelCall | null {
  if (name !== rawRequestSpan && !Object.keys(attributes).some(isChoices)) return null
  const body = bodyOf(attributes, report)
  if (!contentFields.some((field) => field in body)) return null
  const asked = Object.fromEntries(Object.entries(body).filter(([field]) => !answerFields.has(field)))
  const answered = Object.fromEntries(Object.entries(body).filter(([field]) => answerFields.has(field) || field === 'model'))
  const request = readRequest(asked, rawRequestSpan, report)
  return {
    ...unknownCall,
    operation: 'prompt' in body && !('messages' in body) ? 'text_completion' : 'chat',
    ...request,
    ...readAnswer(answered, rawRequestSpan, report),
    parameters: withExtra(request.parameters),
  }
}

/** Whoever uses LiteLLM may name the span; then `llm.{provider}.choices` tells. */
function isChoices(key: string): boolean {
  return key.startsWith('llm.') && key.endsWith('.choices') && key.length > 'llm.choices'.length
}

/** What a client added to the body goes there under its own names. */
function withExtra(parameters: Fields): Fields {
  const { extra_body: extra, ...others } = parameters
  return { ...others, ...fieldsOf(extra) }
}

function bodyOf(attributes: Attributes, report: Report): Fields {
  const fields: [string, unknown][] = []
  for (const key of Object.keys(attributes)) {
    if (!key.startsWith('llm.')) continue
    const dot = key.indexOf('.', 4)
    if (dot !== -1) fields.push([key.slice(dot + 1), valueOf(attributes[key], key, report)])
  }
  return Object.fromEntries(fields)
}

/** Python prints None, lists and maps; text stays without quotes, so that only what begins like a value is read as one. */
function valueOf(value: unknown, key: string, report: Report): unknown {
  if (typeof value !== 'string') return value
  if (value === '') return null
  if (!'[{('.includes(value[0]!)) return value === 'None' ? null : value
  const read = jsonOrLiteral(value)
  if (read !== undefined) return read
  report(`${key}: expected JSON or a Python literal, got ${excerpt(value)}; it is left out`)
  return null
}

function jsonOrLiteral(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return readPythonLiteral(text)
  }
}
