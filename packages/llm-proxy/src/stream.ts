import { createParser } from 'eventsource-parser'
import type { ChatAnswer, ToolCall } from './openai.ts'

/** Puts the chunks of a streamed answer together again, beside the stream that goes to the agent. */
export interface StreamCollector {
  feed(text: string): void
  /** The answer as far as it has come; null when nothing came. */
  answer(): ChatAnswer | null
  /** What is wrong with the answer so far: an error sent in the stream, or no end; null when it is whole. */
  problem(): string | null
}

interface ChoiceParts {
  content: string | null
  readonly toolCalls: { id?: string; name: string; arguments: string }[]
  finishReason: string | null
  readonly tokenIds: number[]
  readonly logprobs: unknown[]
}

interface Chunk extends Omit<ChatAnswer, 'choices'> {
  readonly error?: unknown
  readonly choices?: readonly {
    readonly index?: number
    readonly delta?: {
      readonly content?: string | null
      readonly tool_calls?: readonly (ToolCall & { readonly index?: number })[]
    }
    readonly finish_reason?: string | null
    readonly token_ids?: readonly number[] | null
    readonly logprobs?: { readonly content?: readonly unknown[] | null } | null
  }[]
}

export function createStreamCollector(): StreamCollector {
  let head: Omit<ChatAnswer, 'choices'> | null = null
  let failure: string | null = null
  const choices = new Map<number, ChoiceParts>()

  function take(chunk: Chunk): void {
    const { choices: parts, error, ...rest } = chunk
    if (error !== undefined && error !== null) failure = `The backend sent an error: ${JSON.stringify(error)}`
    head = { ...head, ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null && value !== undefined)) }
    for (const part of parts ?? []) {
      const choice = choiceAt(part.index ?? 0)
      if (typeof part.delta?.content === 'string') choice.content = (choice.content ?? '') + part.delta.content
      for (const call of part.delta?.tool_calls ?? []) addToolCall(choice, call)
      choice.finishReason = part.finish_reason ?? choice.finishReason
      choice.tokenIds.push(...(part.token_ids ?? []))
      choice.logprobs.push(...(part.logprobs?.content ?? []))
    }
  }

  function choiceAt(index: number): ChoiceParts {
    const there = choices.get(index)
    if (there !== undefined) return there
    const made: ChoiceParts = { content: null, toolCalls: [], finishReason: null, tokenIds: [], logprobs: [] }
    choices.set(index, made)
    return made
  }

  const parser = createParser({
    onEvent: ({ data }) => {
      if (data === '[DONE]') return
      try {
        take(JSON.parse(data) as Chunk)
      } catch {
        // Not JSON: the agent sees it as it is; there is nothing in it to record.
      }
    },
  })

  return {
    feed: (text) => parser.feed(text),
    answer() {
      if (head === null) return null
      const sorted = [...choices.entries()].sort(([a], [b]) => a - b)
      return { ...head, choices: sorted.map(([index, parts]) => toChoice(index, parts)) }
    },
    problem() {
      if (failure !== null) return failure
      const isWhole = choices.size > 0 && [...choices.values()].every(({ finishReason }) => finishReason !== null)
      return isWhole ? null : 'The stream ended before the answer did'
    },
  }
}

function addToolCall(choice: ChoiceParts, call: ToolCall & { readonly index?: number }): void {
  // The index comes from the backend: one that is no place in the list, or far beyond it, counts as the next call.
  const next = choice.toolCalls.length
  const position = Number.isInteger(call.index) && call.index! >= 0 && call.index! <= next ? call.index! : next
  const parts = (choice.toolCalls[position] ??= { name: '', arguments: '' })
  if (call.id !== undefined) parts.id = call.id
  parts.name += call.function?.name ?? ''
  parts.arguments += call.function?.arguments ?? ''
}

function toChoice(index: number, parts: ChoiceParts): NonNullable<ChatAnswer['choices']>[number] {
  const toolCalls = parts.toolCalls.map(({ id, ...called }) => ({ ...(id === undefined ? {} : { id }), function: called }))
  return {
    index,
    message: { role: 'assistant', content: parts.content, ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}) },
    finish_reason: parts.finishReason,
    ...(parts.tokenIds.length > 0 ? { token_ids: parts.tokenIds } : {}),
    ...(parts.logprobs.length > 0 ? { logprobs: { content: parts.logprobs } } : {}),
  }
}
