/** The model itself: what every API asks of it, and its answer by rule. */

/** A conversation as each API is reduced to. */
export type Turn =
  | { readonly role: 'system' | 'user'; readonly text: string }
  | { readonly role: 'assistant'; readonly text: string; readonly toolCalls: readonly ToolUse[] }
  | { readonly role: 'tool'; readonly text: string }

export interface ToolUse {
  readonly name: string
  /** JSON text. */
  readonly arguments: string
}

export interface Answer {
  /** Empty when the answer is a tool call. */
  readonly text: string
  readonly toolCall: ToolUse | null
  readonly promptTokens: readonly number[]
  readonly answerTokens: readonly number[]
}

/**
 * The whole of the model's knowledge: it calls `get_price` when the last user message asks what something costs and no tool
 * has answered yet; without that tool it hands over by the first tool named `transfer_to_…`; otherwise it says what it was told.
 */
export function answerTo(turns: readonly Turn[], toolNames: readonly string[]): Answer {
  const lastQuestion = turns.findLastIndex(({ role }) => role === 'user')
  const question = turns[lastQuestion]?.text ?? ''
  const results = turns.slice(lastQuestion + 1).filter(({ role }) => role === 'tool')
  const item = /cost|price/.test(question) ? (/(?:does|of) the (.+?)(?: cost)?\?/.exec(question)?.[1] ?? null) : null
  const price = results.map(({ text }) => /\d+/.exec(text)?.[0]).findLast((digits) => digits !== undefined)
  const transfer = toolNames.find((name) => name.startsWith('transfer_to_'))

  let text = ''
  let toolCall: ToolUse | null = null
  if (item === null) text = 'Ask me what something costs.'
  else if (price !== undefined) text = `The ${item} costs ${price} crowns.`
  else if (toolNames.includes('get_price')) toolCall = { name: 'get_price', arguments: JSON.stringify({ item }) }
  else if (transfer !== undefined) toolCall = { name: transfer, arguments: '{}' }
  else text = `I do not know what the ${item} costs.`
  return {
    text,
    toolCall,
    promptTokens: [...turns.flatMap(encodeTurn), special.assistant],
    answerTokens: [...encodeText(text + (toolCall === null ? '' : toolText(toolCall))), special.end],
  }
}

/** Above every code point, so that no text can spell them. */
const special = { system: 0x110000, user: 0x110001, assistant: 0x110002, tool: 0x110003, end: 0x110004 } as const

/**
 * One token per code point. An assistant's turn is encoded as it was sampled, so the prompt of a second turn begins with
 * prompt and answer of the first.
 */
export function encodeText(text: string): readonly number[] {
  return Array.from(text, (character) => character.codePointAt(0)!)
}

/** Special tokens decode to nothing. */
export function decodeTokens(tokens: readonly number[]): string {
  return tokens.map((token) => (token < special.system ? String.fromCodePoint(token) : '')).join('')
}

function encodeTurn(turn: Turn): readonly number[] {
  const calls = turn.role === 'assistant' ? turn.toolCalls.map(toolText).join('') : ''
  return [special[turn.role], ...encodeText(turn.text + calls), special.end]
}

function toolText(call: ToolUse): string {
  return `<tool_call>${call.name} ${call.arguments}`
}

/** Pieces as a stream would bring them: whole words, and at least two for anything longer than a character. */
export function piecesOf(text: string): readonly string[] {
  return text.match(/\S+\s*|\s+/g)?.flatMap((word) => (word.length > 8 ? [word.slice(0, 8), word.slice(8)] : [word])) ?? []
}

/** Text of a content that is a string or a list of parts with `text`; what holds no text counts as none. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  return recordsOf(content)
    .map(({ text }) => (typeof text === 'string' ? text : ''))
    .join('')
}

export type JsonRecord = Readonly<Record<string, unknown>>

export function recordsOf(value: unknown): readonly JsonRecord[] {
  if (!Array.isArray(value)) return []
  return value.filter((item: unknown): item is JsonRecord => typeof item === 'object' && item !== null && !Array.isArray(item))
}

export function recordOf(value: unknown): JsonRecord {
  return recordsOf([value])[0] ?? {}
}
