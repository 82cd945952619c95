import { type Fields, fieldsOf, listOf, numberOf, otherFields, textOf } from '../loose.ts'
import type { ChatMessage, ContentPart, ModelCall, ModelUsage } from '../model-call.ts'
import { contentPartOf, createTurn, plainContent, turnToMessage } from './assistant-turn.ts'
import { readTool, toolCall } from './chat-completions.ts'

const notParameters: ReadonlySet<string> = new Set(['model', 'system', 'messages', 'tools'])

/** Anthropic's Messages. */
export function readMessages(request: Fields, answer: Fields): ModelCall {
  const tools = listOf(request.tools)
  const system = readContent(request.system)
  return {
    operation: 'chat',
    model: textOf(request.model),
    parameters: otherFields(request, notParameters),
    messages: [
      ...(system === null ? [] : [{ role: 'system', content: system }]),
      ...listOf(request.messages).flatMap(readMessage),
    ],
    tools: tools.length === 0 ? null : tools.map(readTool),
    responseId: textOf(answer.id),
    responseModel: textOf(answer.model),
    modelVersion: null,
    choices: Array.isArray(answer.content)
      ? [
          {
            message: readAssistant(answer.content),
            finishReason: readStopReason(answer.stop_reason),
            tokenIds: null,
            logprobs: null,
          },
        ]
      : [],
    promptTokenIds: null,
    usage: readUsage(fieldsOf(answer.usage)),
  }
}

function readMessage(value: unknown): readonly ChatMessage[] {
  const message = fieldsOf(value)
  const role = textOf(message.role) ?? 'user'
  if (!Array.isArray(message.content)) return [{ role, content: textOf(message.content) }]
  return role === 'assistant' ? [readAssistant(message.content)] : readBlocks(role, message.content)
}

/** Results of tools are messages of their own in Chat Completions; what stands between them is one each. */
function readBlocks(role: string, blocks: readonly unknown[]): readonly ChatMessage[] {
  const messages: ChatMessage[] = []
  let parts: ContentPart[] = []
  const endParts = (): void => {
    if (parts.length > 0) messages.push({ role, content: plainContent(parts) })
    parts = []
  }
  for (const block of blocks) {
    const { type, tool_use_id: id, content, is_error: isError } = fieldsOf(block)
    if (type !== 'tool_result') {
      parts.push(readPart(block))
      continue
    }
    endParts()
    const failed = isError === true && { is_error: true }
    messages.push({ role: 'tool', content: readContent(content), tool_call_id: textOf(id) ?? '', ...failed })
  }
  endParts()
  return messages
}

function readAssistant(blocks: readonly unknown[]): ChatMessage {
  const turn = createTurn()
  for (const block of blocks) {
    const fields = fieldsOf(block)
    if (fields.type === 'tool_use') turn.calls.push(toolCall(fields.id, fields.name, fields.input))
    else if (fields.type === 'thinking') turn.reasoning.push(textOf(fields.thinking) ?? '')
    else turn.parts.push(readPart(block))
  }
  return turnToMessage(turn)
}

function readContent(content: unknown): ChatMessage['content'] {
  return typeof content === 'string' ? content : plainContent(listOf(content).map(readPart))
}

/** Text loses its marks for the cache and its citations; the rest stays. */
function readPart(block: unknown): ContentPart {
  const part = contentPartOf(block)
  if (part.type === 'text') return { type: 'text', text: part['text'] }
  if (part.type !== 'image') return part
  const source = fieldsOf(part['source'])
  if (source.type === 'url') return { type: 'image_url', image_url: { url: source.url } }
  if (source.type !== 'base64') return part
  return { type: 'image_url', image_url: { url: `data:${textOf(source.media_type)};base64,${textOf(source.data)}` } }
}

const stopReasons: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  tool_use: 'tool_calls',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  refusal: 'content_filter',
}

function readStopReason(value: unknown): string | null {
  const reason = textOf(value)
  return reason !== null && Object.hasOwn(stopReasons, reason) ? stopReasons[reason]! : reason
}

/** `input_tokens` leaves out what was read from the cache or written to it; the model saw it all the same. */
function readUsage(usage: Fields): ModelUsage | null {
  const input = numberOf(usage.input_tokens)
  const outputTokens = numberOf(usage.output_tokens)
  if (input === null && outputTokens === null) return null
  const cached = (numberOf(usage.cache_read_input_tokens) ?? 0) + (numberOf(usage.cache_creation_input_tokens) ?? 0)
  return { inputTokens: input === null ? null : input + cached, outputTokens }
}
