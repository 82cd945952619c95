import * as fc from 'fast-check'
import type { ChatMessage, ModelCall, ModelChoice, ToolCall, ToolDefinition } from './model-call.ts'

const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> => fc.option(value, { nil: null })

/** Text that cannot be taken for JSON, which is what attributes cannot tell apart. */
const plainText = fc.string().filter((text) => !/^[[{]/.test(text))
const tokenIds = fc.array(fc.nat(200_000), { minLength: 1, maxLength: 5 })
const json = fc.jsonValue({ maxDepth: 2 }).map((value): unknown => JSON.parse(JSON.stringify(value)))

const toolCall: fc.Arbitrary<ToolCall> = fc.record({
  id: fc.string(),
  type: fc.constant('function' as const),
  function: fc.record({ name: fc.string(), arguments: fc.string() }),
})

const part = fc.oneof(
  fc.record({ type: fc.constant('text'), text: fc.string() }),
  fc.record({ type: fc.constant('image_url'), image_url: fc.record({ url: fc.string() }) }),
)

const optionalFields = fc.record(
  {
    tool_calls: fc.array(toolCall, { minLength: 1, maxLength: 3 }),
    tool_call_id: fc.string(),
    name: fc.string(),
    reasoning_content: fc.string(),
    is_error: fc.boolean(),
  },
  { requiredKeys: [] },
)

const message: fc.Arbitrary<ChatMessage> = fc
  .tuple(fc.string(), fc.oneof(fc.constant(null), plainText, fc.array(part, { minLength: 1, maxLength: 3 })), optionalFields)
  .map(([role, content, fields]) => ({ ...fields, role, content }))

const choice: fc.Arbitrary<ModelChoice> = fc.record({
  message,
  finishReason: maybe(fc.string({ minLength: 1 })),
  tokenIds: maybe(tokenIds),
  logprobs: maybe(fc.array(fc.record({ token: fc.string(), logprob: fc.integer() }), { minLength: 1, maxLength: 3 })),
})

const tool: fc.Arbitrary<ToolDefinition> = fc
  .tuple(fc.string(), fc.record({ description: fc.string(), parameters: fc.dictionary(fc.string(), json) }, { requiredKeys: [] }))
  .map(([name, rest]) => ({ type: 'function', function: { name, ...rest } }))

const parameter = fc.oneof(
  plainText,
  fc.integer(),
  fc.boolean(),
  fc.array(fc.string(), { minLength: 1 }),
  fc.dictionary(fc.string(), json),
)
const parameterName = fc.string().filter((name) => name !== 'model' && name !== '__proto__' && !name.startsWith('functions.'))

/** Calls as attributes can hold them: with a message or a choice at least. */
export const storableCall: fc.Arbitrary<ModelCall> = fc
  .record<ModelCall>({
    operation: fc.constantFrom('chat', 'text_completion'),
    model: maybe(fc.string()),
    parameters: fc.dictionary(parameterName, parameter, { maxKeys: 4 }),
    messages: fc.array(message, { maxLength: 12 }),
    tools: maybe(fc.array(tool, { minLength: 1, maxLength: 3 })),
    responseId: maybe(fc.string()),
    responseModel: maybe(fc.string()),
    modelVersion: maybe(fc.string()),
    choices: fc.array(choice, { maxLength: 3 }),
    promptTokenIds: maybe(tokenIds),
    usage: maybe(fc.record({ inputTokens: maybe(fc.nat()), outputTokens: maybe(fc.nat()) })).map((usage) =>
      usage?.inputTokens === null && usage.outputTokens === null ? null : usage,
    ),
  })
  .filter(({ messages, choices }) => messages.length + choices.length > 0)
