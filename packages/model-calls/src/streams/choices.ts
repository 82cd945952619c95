import { type Fields, fieldsOf, listOf, numberOf, textOf } from '../loose.ts'
import { failureOf } from '../read-answer.ts'
import { type Assembly, placeIn } from './assembly.ts'

interface ToolCallParts {
  id: string | null
  name: string
  arguments: string
}

interface ChoiceParts {
  /** Fields of the message that grow by text: `content`, `reasoning_content`, `refusal` ... */
  readonly texts: Map<string, string>
  /** Fields of the message that come whole. */
  readonly others: Map<string, unknown>
  readonly toolCalls: ToolCallParts[]
  finishReason: string | null
  readonly tokenIds: unknown[]
  readonly logprobs: Map<string, unknown[]>
  promptTokenIds: unknown
}

/** Chat Completions and Completions: chunks of choices. */
export function createChoicesAssembly(kind: 'chat.completion' | 'text_completion'): Assembly {
  const head = new Map<string, unknown>()
  const choices = new Map<number, ChoiceParts>()
  let failure: string | null = null

  function choiceAt(index: number): ChoiceParts {
    const there = choices.get(index)
    if (there !== undefined) return there
    const made: ChoiceParts = {
      texts: new Map(),
      others: new Map(),
      toolCalls: [],
      finishReason: null,
      tokenIds: [],
      logprobs: new Map(),
      promptTokenIds: null,
    }
    choices.set(index, made)
    return made
  }

  return {
    take(chunk) {
      failure = failureOf(chunk.error) ?? failure
      for (const name in chunk) if (name !== 'choices' && chunk[name] !== null) head.set(name, chunk[name])
      for (const each of listOf(chunk.choices)) {
        const part = fieldsOf(each)
        const choice = choiceAt(numberOf(part.index) ?? 0)
        takeDelta(choice, kind === 'chat.completion' ? fieldsOf(part.delta) : { content: part.text })
        choice.finishReason = textOf(part.finish_reason) ?? choice.finishReason
        choice.promptTokenIds ??= part.prompt_token_ids ?? null
        append(choice.tokenIds, part.token_ids ?? fieldsOf(part.provider_specific_fields).token_ids)
        takeLogprobs(choice, fieldsOf(part.logprobs))
      }
    },
    answer() {
      if (head.size === 0 && choices.size === 0) return null
      const toChoice = kind === 'chat.completion' ? toChatChoice : toTextChoice
      const sorted = [...choices].sort(([a], [b]) => a - b).map(([index, parts]) => toChoice(index, parts))
      const object = head.has('object') ? { object: kind } : {}
      return { ...Object.fromEntries(head), ...object, choices: sorted }
    },
    failure: () => failure,
    isWhole: () => choices.size > 0 && [...choices.values()].every(({ finishReason }) => finishReason !== null),
    isEnded: () => false,
  }
}

function takeDelta(choice: ChoiceParts, delta: Fields): void {
  for (const name in delta) {
    const value = delta[name]
    if (name === 'role' || value === null || value === undefined) continue
    if (name === 'tool_calls') for (const call of listOf(value)) takeToolCall(choice, fieldsOf(call))
    else if (name === 'function_call') takeToolCall(choice, { index: 0, function: value })
    else if (typeof value === 'string') choice.texts.set(name, (choice.texts.get(name) ?? '') + value)
    else choice.others.set(name, value)
  }
}

function takeToolCall({ toolCalls }: ChoiceParts, call: Fields): void {
  const parts = (toolCalls[placeIn(toolCalls, call.index)] ??= { id: null, name: '', arguments: '' })
  const called = fieldsOf(call.function ?? call.custom)
  parts.id = textOf(call.id) ?? parts.id
  parts.name += textOf(called.name) ?? ''
  parts.arguments += textOf(called.arguments ?? called.input) ?? ''
}

/** Each kind (`content`, `refusal`, and the lists side by side of Completions) is a list of its own. */
function takeLogprobs({ logprobs }: ChoiceParts, given: Fields): void {
  for (const name in given) {
    if (!Array.isArray(given[name])) continue
    const list = logprobs.get(name) ?? []
    logprobs.set(name, list)
    append(list, given[name])
  }
}

function append(list: unknown[], values: unknown): void {
  for (const value of listOf(values)) list.push(value)
}

function toChatChoice(index: number, parts: ChoiceParts): object {
  const calls = parts.toolCalls.map(({ id, ...called }) => ({ ...(id !== null && { id }), type: 'function', function: called }))
  return {
    index,
    message: {
      role: 'assistant',
      content: null,
      ...Object.fromEntries(parts.others),
      ...Object.fromEntries(parts.texts),
      ...(calls.length > 0 && { tool_calls: calls }),
    },
    ...toChoiceEnd(parts),
  }
}

function toTextChoice(index: number, parts: ChoiceParts): object {
  return { index, text: parts.texts.get('content') ?? '', ...toChoiceEnd(parts) }
}

function toChoiceEnd({ finishReason, tokenIds, logprobs, promptTokenIds }: ChoiceParts): object {
  return {
    finish_reason: finishReason,
    ...(tokenIds.length > 0 && { token_ids: tokenIds }),
    ...(promptTokenIds !== null && { prompt_token_ids: promptTokenIds }),
    ...(logprobs.size > 0 && { logprobs: Object.fromEntries(logprobs) }),
  }
}
