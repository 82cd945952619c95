import { spanAttributes } from '@agl/types'
import { type ReadableSpan, unknownCall } from '../dialect.ts'
import type { ModelCall } from '../model-call.ts'
import { readAnswer, readRequest } from '../reading/bodies.ts'
import { treeUnder } from '../reading/tree.ts'
import { fieldsOf, type Report } from '../reading/values.ts'

const inputPrefix = `${spanAttributes.operationInput}.`
const outputPrefix = `${spanAttributes.operationOutput}.`

/** Text that may well be `null` and mean it. */
const spoken: ReadonlySet<string> = new Set(['content', 'text', 'arguments'])

/**
 * `agentlightning.operation.input.*` and `.output.*`: calls of an OpenAI client that Weave traced, request and answer
 * flattened to dotted names. An operation is a model call when its output has choices, or messages went to a model.
 */
export function readOperation({ attributes }: ReadableSpan, report: Report): ModelCall | null {
  const input = withoutNulls(treeUnder(attributes, inputPrefix), 0)
  const output = withoutNulls(treeUnder(attributes, outputPrefix), 0)
  const fields = fieldsOf(input) ?? {}
  const answered = fieldsOf(output) ?? {}
  const isCall = 'choices' in answered || 'prompt_token_ids' in answered || ('messages' in fields && 'model' in fields)
  if (!isCall) return null
  const request = readRequest(fields, spanAttributes.operationInput, report)
  const { self: _, ...parameters } = request.parameters
  return { ...unknownCall, ...request, parameters, ...readAnswer(answered, spanAttributes.operationOutput, report) }
}

/** What was None is the text `null` after flattening. */
function withoutNulls(value: unknown, depth: number): unknown {
  if (Array.isArray(value)) return depth > 70 ? value : value.map((item) => withoutNulls(item, depth + 1))
  const fields = fieldsOf(value)
  if (fields === null || depth > 70) return value
  const hasCalls = 'tool_calls' in fields && fields['tool_calls'] !== 'null'
  const kept = Object.entries(fields).filter(([name, item]) => item !== 'null' || (spoken.has(name) && !hasCalls))
  const content = hasCalls && fields['content'] === 'null' ? { content: null } : {}
  return { ...Object.fromEntries(kept.map(([name, item]) => [name, withoutNulls(item, depth + 1)])), ...content }
}
