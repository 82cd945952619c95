import { type Fields, fieldsOf, listOf, otherFields, textOf } from '../loose.ts'
import type { ChatMessage, ContentPart, ModelCall, TokenLogprob } from '../model-call.ts'
import { type AssistantTurn, contentPartOf, createTurn, plainContent, turnToMessage } from './assistant-turn.ts'
import { readTokenLogprobs, readTool, readUsage, toolCall } from './chat-completions.ts'

const notParameters: ReadonlySet<string> = new Set(['model', 'instructions', 'input', 'tools'])

/** OpenAI's Responses. What an earlier response holds (`previous_response_id`) is not in the body, so it is not in the call. */
export function readResponses(request: Fields, answer: Fields): ModelCall {
  const tools = listOf(request.tools)
  const instructions = textOf(request.instructions)
  return {
    operation: 'chat',
    model: textOf(request.model),
    parameters: otherFields(request, notParameters),
    messages: [...(instructions === null ? [] : [{ role: 'system', content: instructions }]), ...readInput(request.input)],
    tools: tools.length === 0 ? null : tools.map(readTool),
    responseId: textOf(answer.id),
    responseModel: textOf(answer.model),
    modelVersion: null,
    choices: Array.isArray(answer.output) ? [readOutput(answer, answer.output)] : [],
    promptTokenIds: null,
    usage: readUsage(answer.usage),
  }
}

function readInput(input: unknown): readonly ChatMessage[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }]
  const messages: ChatMessage[] = []
  let turn: AssistantTurn | null = null
  const endTurn = (): void => {
    if (turn !== null) messages.push(turnToMessage(turn))
    turn = null
  }
  for (const item of listOf(input).map(fieldsOf)) {
    const type = textOf(item.type) ?? 'message'
    const role = textOf(item.role)
    if (type === 'message' && role !== 'assistant') {
      endTurn()
      messages.push({ role: role ?? 'user', content: readContent(item.content) })
    } else if (type.endsWith('_output')) {
      endTurn()
      messages.push(readToolOutput(item, type))
    } else {
      // Calls follow the text of their turn; anything else that comes after text or calls begins the next one.
      if (!isCall(type) && turn !== null && !isOpening(turn)) endTurn()
      turn ??= createTurn()
      takeItem(turn, type, item)
    }
  }
  endTurn()
  return messages
}

function isCall(type: string): boolean {
  return type === 'function_call' || type === 'custom_tool_call'
}

/** Whether nothing has been said yet but thoughts. */
function isOpening({ parts, calls }: AssistantTurn): boolean {
  return parts.length === 0 && calls.length === 0
}

function readToolOutput(item: Fields, type: string): ChatMessage {
  const callId = textOf(item.call_id)
  const isKnown = type === 'function_call_output' || type === 'custom_tool_call_output'
  const content = isKnown ? readContent(item.output) : [item as ContentPart]
  return { role: 'tool', content, ...(callId !== null && { tool_call_id: callId }) }
}

/** Adds one thing that the model said; items of tools that the service itself runs stay as parts. */
function takeItem(turn: AssistantTurn, type: string, item: Fields): void {
  switch (type) {
    case 'message':
      if (typeof item.content === 'string') turn.parts.push({ type: 'text', text: item.content })
      else turn.parts.push(...listOf(item.content).map(readPart))
      return
    case 'function_call':
      turn.calls.push(toolCall(item.call_id ?? item.id, item.name, item.arguments))
      return
    case 'custom_tool_call':
      turn.calls.push(toolCall(item.call_id ?? item.id, item.name, item.input))
      return
    case 'reasoning':
      for (const thought of [...listOf(item.summary), ...listOf(item.content)]) {
        const text = textOf(fieldsOf(thought).text)
        if (text !== null) turn.reasoning.push(text)
      }
      return
    default:
      turn.parts.push(contentPartOf(item))
  }
}

function readOutput(answer: Fields, output: readonly unknown[]): ModelCall['choices'][number] {
  const turn = createTurn()
  const logprobs: TokenLogprob[] = []
  for (const item of output.map(fieldsOf)) {
    takeItem(turn, textOf(item.type) ?? 'message', item)
    for (const part of listOf(item.content)) {
      for (const entry of readTokenLogprobs(fieldsOf(part).logprobs) ?? []) logprobs.push(entry)
    }
  }
  return {
    message: turnToMessage(turn),
    finishReason: readFinishReason(answer, turn),
    tokenIds: null,
    logprobs: logprobs.length === 0 ? null : logprobs,
  }
}

function readFinishReason(answer: Fields, { calls }: AssistantTurn): string | null {
  switch (answer.status) {
    case 'completed':
      return calls.length > 0 ? 'tool_calls' : 'stop'
    case 'incomplete': {
      const reason = textOf(fieldsOf(answer.incomplete_details).reason)
      return reason === 'max_output_tokens' ? 'length' : reason
    }
    default:
      return null
  }
}

function readContent(content: unknown): ChatMessage['content'] {
  return typeof content === 'string' ? content : plainContent(listOf(content).map(readPart))
}

function readPart(value: unknown): ContentPart {
  const part = contentPartOf(value)
  const { type, text, image_url: url, detail } = part
  switch (type) {
    case 'input_text':
    case 'output_text':
      return { type: 'text', text }
    case 'input_image':
      // An image that was uploaded before has an id instead.
      return typeof url === 'string' ? { type: 'image_url', image_url: { url, ...(detail != null && { detail }) } } : part
    default:
      return part
  }
}
