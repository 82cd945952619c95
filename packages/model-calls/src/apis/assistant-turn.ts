import { fieldsOf } from '../loose.ts'
import type { ChatMessage, ContentPart, ToolCall } from '../model-call.ts'

/** What a model said in one go, where an API gives it in pieces that Chat Completions has in one message. */
export interface AssistantTurn {
  readonly parts: ContentPart[]
  readonly calls: ToolCall[]
  readonly reasoning: string[]
}

export function createTurn(): AssistantTurn {
  return { parts: [], calls: [], reasoning: [] }
}

export function turnToMessage({ parts, calls, reasoning }: AssistantTurn): ChatMessage {
  const content = parts.length === 0 ? null : (joinedText(parts) ?? parts)
  return {
    role: 'assistant',
    content,
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(reasoning.length > 0 && { reasoning_content: reasoning.join('\n') }),
  }
}

/** APIs cut one text into parts where it is cited; null when there is more than text. */
function joinedText(parts: readonly ContentPart[]): string | null {
  let joined = ''
  for (const { type, text } of parts) {
    if (type !== 'text' || typeof text !== 'string') return null
    joined += text
  }
  return joined
}

/** A list of one text is that text. */
export function plainContent(parts: readonly ContentPart[]): ChatMessage['content'] {
  const [first] = parts
  if (first === undefined) return null
  return parts.length === 1 && first.type === 'text' && typeof first['text'] === 'string' ? first['text'] : parts
}

/** A part as it came; what has no type is kept under one that no API has. */
export function contentPartOf(value: unknown): ContentPart {
  if (typeof value === 'string') return { type: 'text', text: value }
  const fields = fieldsOf(value)
  return typeof fields.type === 'string' ? (fields as ContentPart) : { type: 'unknown', value }
}
