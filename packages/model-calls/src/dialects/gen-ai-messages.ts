import { modelCallAttributes as names, type Attributes } from '@agl/types'
import { type ReadableSpan, afterInstructions, unknownCall } from '../dialect.ts'
import type { ModelCall, ModelChoice, ToolDefinition } from '../model-call.ts'
import { choicesOf, readAnswer, readRequest } from '../reading/bodies.ts'
import { finishReasonsOf, operationOf, readGenAiMetadata } from '../reading/gen-ai-metadata.ts'
import { instructionsOf } from '../reading/messages.ts'
import { toolCallsOf, toolDefinitionsOf } from '../reading/tools.ts'
import { treeUnder } from '../reading/tree.ts'
import { contentOf, fieldsOf, listOf, type Report } from '../reading/values.ts'

/** The attributes that hold what was said, on spans and on their events. */
const input = 'gen_ai.input.messages'
const output = 'gen_ai.output.messages'
const instructions = 'gen_ai.system_instructions'
const definitions = 'gen_ai.tool.definitions'

/** The event that carries the content where it shall not be on the span. */
export const detailsEvent = 'gen_ai.client.inference.operation.details'

/**
 * `gen_ai.input.messages` and `gen_ai.output.messages` of the GenAI semantic conventions, on the span or on its event
 * `gen_ai.client.inference.operation.details`: the AI SDK 7, OpenLLMetry, Mastra, Pydantic AI, Strands, LiteLLM ... A span
 * that says it is an inference is a call even without any content.
 */
export function readGenAiMessages({ attributes, events }: ReadableSpan, report: Report): ModelCall | null {
  const holders: Attributes[] = [attributes]
  for (const event of events ?? []) if (event.name === detailsEvent) holders.push(event.attributes ?? {})
  const hasContent = holders.some((holder) => input in holder || output in holder)
  if (!hasContent && (operationOf(attributes) ?? null) === null) return null
  const said = holders.flatMap((holder) =>
    instructionsOf(contentOf(holder[instructions], instructions, report), instructions, report),
  )
  const messages = holders.flatMap((holder) => readRequest(contentOf(holder[input], input, report), input, report).messages)
  return {
    ...unknownCall,
    ...readGenAiMetadata(attributes),
    messages: afterInstructions(said, messages),
    tools: toolsOf(holders, report),
    choices: withFunctionCalls(choicesIn(holders, report), attributes, report),
  }
}

/** Each reason for an end that is given beside the messages goes to the choice at its place. */
function choicesIn(holders: readonly Attributes[], report: Report): readonly ModelChoice[] {
  const reasons = finishReasonsOf(holders[0]!)
  const lists: (readonly unknown[])[] = []
  for (const holder of holders) {
    const value = contentOf(holder[output], output, report)
    const list = listOf(value)
    if (list !== null) lists.push(list)
    else if (value !== undefined && value !== null && value !== '')
      return withReasons(readAnswer(value, output, report).choices, reasons)
  }
  return withReasons(choicesOf(lists.flat(), output, report, reasons.length), reasons)
}

export function withReasons(choices: readonly ModelChoice[], reasons: readonly (string | null)[]): readonly ModelChoice[] {
  return choices.map((choice, index) => ({ ...choice, finishReason: choice.finishReason ?? reasons[index] ?? null }))
}

/** LiteLLM leaves the calls of tools out of the message, and writes them beside it, without their ids. */
function withFunctionCalls(choices: readonly ModelChoice[], attributes: Attributes, report: Report): readonly ModelChoice[] {
  const [first, ...others] = choices
  if (first === undefined || first.message.tool_calls !== undefined) return choices
  if (attributes[`${names.completion}.0.function_call.name`] === undefined) return choices
  const called = Object.values(treeUnder(attributes, `${names.completion}.`)).map((item) => fieldsOf(item)?.['function_call'])
  const calls = toolCallsOf(called, `${names.completion}.{i}.function_call`, report)
  return [{ ...first, message: { ...first.message, tool_calls: calls } }, ...others]
}

/** LiteLLM and OpenLLMetry number the attributes of each tool. */
function toolsOf(holders: readonly Attributes[], report: Report): readonly ToolDefinition[] | null {
  for (const holder of holders) {
    const tools = toolDefinitionsOf(holder[definitions], definitions, report)
    if (tools !== null) return tools
  }
  return numberedTools(holders[0]!, report)
}

export function numberedTools(attributes: Attributes, report: Report): readonly ToolDefinition[] | null {
  for (const prefix of ['gen_ai.request.functions', 'llm.request.functions']) {
    const tools = toolDefinitionsOf(Object.values(treeUnder(attributes, `${prefix}.`)), prefix, report)
    if (tools !== null) return tools
  }
  return null
}

/** Whether the span says that it is something else than an inference. */
export function isOtherOperation(attributes: Attributes): boolean {
  return attributes[names.operationName] !== undefined && operationOf(attributes) === undefined
}
