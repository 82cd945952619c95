import type { ChatMessage, ContentPart, ModelChoice } from '../model-call.ts'
import { finishReasonOf } from './finish-reason.ts'
import { emptyParts, gather, type Gathered, textPart } from './parts.ts'
import { callIdOf, toolCallOf, toolCallsOf } from './tools.ts'
import { excerpt, type Fields, fieldsOf, firstName, listOf, nameOf, type Report, textOf } from './values.ts'

/** What messages are called by those who do not say `role`, and the roles that OpenAI spells differently. */
const roles: ReadonlyMap<string, string> = new Map([
  ['human', 'user'],
  ['ai', 'assistant'],
  ['AIMessageChunk', 'assistant'],
  ['model', 'assistant'],
  ['system', 'system'],
  ['developer', 'developer'],
  ['user', 'user'],
  ['assistant', 'assistant'],
  ['tool', 'tool'],
  ['function', 'function'],
])

/** Whose the parts are that only one role has. */
const partRoles: ReadonlyMap<string, string> = new Map([
  ['reasoning', 'assistant'],
  ['thinking', 'assistant'],
  ['function_call', 'assistant'],
  ['tool_call', 'assistant'],
  ['tool-call', 'assistant'],
  ['tool_use', 'assistant'],
  ['function_call_output', 'tool'],
  ['tool_call_response', 'tool'],
  ['tool-result', 'tool'],
  ['tool_result', 'tool'],
])

/** Classes of LangChain, as its serialisation names them. */
const classRoles: readonly (readonly [string, string])[] = [
  ['Human', 'user'],
  ['AI', 'assistant'],
  ['System', 'system'],
  ['Tool', 'tool'],
  ['Function', 'function'],
]

/**
 * Messages as any dialect spells them, in the form of Chat Completions. Results of tools become messages of their own, as
 * that form wants them. Never throws: what is malformed is reported, and left out only when nothing can be made of it.
 */
export function messagesOf(value: unknown, where: string, report: Report): ChatMessage[] {
  if (value === undefined || value === null) return []
  if (typeof value === 'string') return [{ role: 'user', content: value }]
  const list = listOf(value)
  if (list === null) return messageOf(value, 'user', where, report)
  // LangChain keeps a list of prompts, each a list of messages; the models in use take one.
  const items = list.length === 1 && Array.isArray(list[0]) ? (list[0] as readonly unknown[]) : list
  return inMessages(items).flatMap((item, index) => messageOf(item, 'user', `${where}[${index}]`, report))
}

/**
 * Parts that are in no message, put into some: OpenAI's Responses have reasoning, calls and results beside the messages, and
 * a prompt may be parts alone. What follows each other in one role is one message, as parallel calls must be.
 */
function inMessages(items: readonly unknown[]): readonly unknown[] {
  const messages: unknown[] = []
  let openRole: string | null = null
  let content: unknown[] = []
  for (const item of items) {
    const role = bareRole(item)
    if (role === null) messages.push(item)
    else if (role === openRole) content.push(item)
    else {
      content = [item]
      messages.push({ role, content })
    }
    openRole = role
  }
  return messages
}

/** Null for a message. */
function bareRole(item: unknown): string | null {
  const fields = fieldsOf(item)
  const type = fields === null || roleOf(fields) !== null ? null : nameOf(fields['type'])
  if (type === null || type === 'message' || fields?.['lc'] !== undefined || fields?.['parts'] !== undefined) return null
  return partRoles.get(type) ?? 'user'
}

/** Instructions, which come as text, as parts, as messages, or as a message. */
export function instructionsOf(value: unknown, where: string, report: Report): ChatMessage[] {
  if (value === undefined || value === null || value === '') return []
  if (typeof value === 'string') return [{ role: 'system', content: value }]
  const list = listOf(value) ?? [value]
  if (list.some((item) => nameOf(fieldsOf(item)?.['role']) !== null || fieldsOf(item)?.['lc'] !== undefined)) {
    return list.flatMap((item, index) => messageOf(item, 'system', `${where}[${index}]`, report))
  }
  const parts = emptyParts()
  for (const [index, part] of list.entries()) gather(part, parts, `${where}[${index}]`, report)
  return parts.content.length === 0 ? [] : [{ role: 'system', content: contentOf(parts) }]
}

/** An answer, from a message as any dialect spells it. */
export function choiceOf(value: unknown, where: string, report: Report): ModelChoice {
  const fields = typeof value === 'string' ? { content: value } : fieldsOf(value)
  if (fields === null) report(`${where}: expected the message of an answer, got ${excerpt(value)}`)
  const message = fields === null ? { role: 'assistant', content: null } : assistantMessage(fields, where, report)
  return { message, finishReason: finishReasonOf(fields?.['finish_reason']), tokenIds: null, logprobs: null }
}

/** Several items of one answer: OpenAI's Responses answer with a list of reasoning, calls and messages. */
export function mergedChoice(values: readonly unknown[], where: string, report: Report): ModelChoice {
  const parts = emptyParts()
  let finishReason: string | null = null
  for (const [index, value] of values.entries()) {
    const fields = fieldsOf(value)
    if (fields === null) report(`${where}[${index}]: expected an item of an answer, got ${excerpt(value)}; it is left out`)
    else gatherMessage(fields, parts, `${where}[${index}]`, report)
    finishReason = finishReasonOf(fields?.['finish_reason']) ?? finishReason
  }
  return { message: answerOf(parts), finishReason, tokenIds: null, logprobs: null }
}

function assistantMessage(fields: Fields, where: string, report: Report): ChatMessage {
  const message = unwrapped(fields)
  const parts = emptyParts()
  gatherMessage(message, parts, where, report)
  return { ...answerOf(parts), ...nameField(message) }
}

/** Results of tools that the provider itself ran stay in the content: they are part of what was answered. */
function answerOf(parts: Gathered): ChatMessage {
  const results = parts.results.map(({ callId, content }): ContentPart => ({
    type: 'tool_call_response',
    id: callId,
    response: content,
  }))
  return { role: 'assistant', ...body({ ...parts, content: [...parts.content, ...results] }) }
}

function messageOf(value: unknown, fallbackRole: string, where: string, report: Report): ChatMessage[] {
  if (typeof value === 'string') return [{ role: fallbackRole, content: value }]
  const fields = fieldsOf(value)
  if (fields === null) {
    report(`${where}: expected a message, got ${excerpt(value)}; it is left out`)
    return []
  }
  const message = unwrapped(fields)
  // Who names the call that it answers is a tool, whatever its role: Anthropic has results in messages of the user.
  const isResult = nameOf(message['tool_call_id']) !== null
  const role = isResult ? 'tool' : roleOf(message)
  const parts = emptyParts()
  gatherMessage(message, parts, where, report)
  if (role === 'assistant' || (role === null && parts.toolCalls.length + parts.reasoning.length > 0)) {
    return [{ ...answerOf(parts), ...nameField(message) }]
  }
  const results = parts.results.map(({ callId, content }) => toolMessage(callId, content, where, report))
  if (results.length > 0 && parts.content.length === 0) return results
  if (role === null) report(`${where}: the message has no role; taken as one of role ${fallbackRole}`)
  if (role === 'tool')
    return [...results, { ...toolMessage(callIdOf(message), contentOf(parts), where, report), ...nameField(message) }]
  return [...results, { role: role ?? fallbackRole, ...body(parts), ...nameField(message) }]
}

function toolMessage(callId: string | null, content: ChatMessage['content'], where: string, report: Report): ChatMessage {
  if (callId === null) report(`${where}: the result of a tool names no call`)
  return { role: 'tool', content, ...(callId === null ? {} : { tool_call_id: callId }) }
}

/** The message inside of what serialisers put around it. */
function unwrapped(fields: Fields): Fields {
  const made = fieldsOf(fields['kwargs'])
  const path = listOf(fields['id'])
  if (made !== null && path !== null && fields['lc'] === 1) {
    const className = textOf(path.at(-1)) ?? ''
    return { role: classRoles.find(([start]) => className.startsWith(start))?.[1], ...made }
  }
  const data = fieldsOf(fields['data'])
  return data !== null && 'content' in data && !('content' in fields) ? { type: fields['type'], ...data } : fields
}

function roleOf(message: Fields): string | null {
  const role = nameOf(message['role'])
  if (role !== null) return roles.get(role) ?? role
  const type = nameOf(message['type'])
  return type === null ? null : (roles.get(type) ?? null)
}

function gatherMessage(message: Fields, parts: Gathered, where: string, report: Report): void {
  const isPart = message['parts'] === undefined && roleOf(message) === null && nameOf(message['type']) !== null
  if (isPart && message['type'] !== 'message') gather(message, parts, where, report)
  else gatherContent(message['parts'] ?? message['content'], parts, where, report)
  const reasoning = firstName(message['reasoning_content'], message['reasoning'])
  if (reasoning !== null && !isPart) parts.reasoning.push(reasoning)
  parts.refusal ??= nameOf(message['refusal'])
  if (!isPart) gatherToolCalls(message, parts, where, report)
  if (!isEmpty(parts) || message['content'] === '' || message['content'] === null) return
  report(`${where}: the message holds no content; the instrumentation may be told not to record it`)
}

function gatherContent(content: unknown, parts: Gathered, where: string, report: Report): void {
  if (content === undefined || content === null) return
  if (typeof content === 'string') return void parts.content.push(textPart(content))
  for (const [index, part] of (listOf(content) ?? [content]).entries()) gather(part, parts, `${where}[${index}]`, report)
}

/**
 * Calls beside the content. LangChain says them twice or three times: as the model wrote them under `additional_kwargs`, then
 * parsed, which loses the text of the arguments, then among the parts; a call is known by its id.
 */
function gatherToolCalls(message: Fields, parts: Gathered, where: string, report: Report): void {
  const known = new Set(parts.toolCalls.map(({ id }) => id))
  const written = listOf(fieldsOf(message['additional_kwargs'])?.['tool_calls'])
  const given = written === null || written.length === 0 ? (message['tool_calls'] ?? message['toolCalls']) : written
  const calls = toolCallsOf(given, `${where}.tool_calls`, report)
  for (const item of calls) if (item.id === '' || !known.has(item.id)) parts.toolCalls.push(item)
  const legacy = fieldsOf(message['function_call'])
  const call = legacy === null || calls.length > 0 ? null : toolCallOf(legacy, `${where}.function_call`, report)
  if (call !== null) parts.toolCalls.push(call)
}

function isEmpty({ content, toolCalls, results, reasoning, refusal }: Gathered): boolean {
  return content.length + toolCalls.length + results.length + reasoning.length === 0 && refusal === null
}

function nameField(message: Fields): { readonly name?: string } {
  const name = nameOf(message['name'])
  return name === null ? {} : { name }
}

function body(parts: Gathered): Omit<ChatMessage, 'role'> & Pick<ChatMessage, 'content'> {
  const { toolCalls, reasoning, refusal } = parts
  return {
    content: contentOf(parts),
    ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls }),
    ...(reasoning.length === 0 ? {} : { reasoning_content: reasoning.join('\n') }),
    ...(refusal === null ? {} : { refusal }),
  }
}

/** One text is text, so that what was text before it went through parts is text again. */
function contentOf({ content }: Gathered): ChatMessage['content'] {
  if (content.length === 0) return null
  const [first] = content
  return content.length === 1 && first!.type === 'text' ? String(first!['text']) : content
}
