import type { ContentPart, ToolCall } from '../model-call.ts'
import { callIdOf, toolCallOf } from './tools.ts'
import { excerpt, type Fields, fieldsOf, firstName, listOf, nameOf, type Report, textOf, toText } from './values.ts'

/** What the parts of one message come to. */
export interface Gathered {
  readonly content: ContentPart[]
  readonly toolCalls: ToolCall[]
  readonly results: ToolResult[]
  readonly reasoning: string[]
  refusal: string | null
}

export interface ToolResult {
  readonly callId: string | null
  readonly content: string | readonly ContentPart[]
}

export function emptyParts(): Gathered {
  return { content: [], toolCalls: [], results: [], reasoning: [], refusal: null }
}

/**
 * Sorts one part of a message to where it belongs. The names are those of OpenAI's APIs, the GenAI conventions, Anthropic,
 * Gemini, Bedrock, LangChain and the AI SDK, which seldom clash; a part that nobody knows stays in the content as it came.
 */
export function gather(part: unknown, into: Gathered, where: string, report: Report): void {
  if (typeof part === 'string') return void into.content.push(textPart(part))
  const fields = fieldsOf(part)
  if (fields === null) return report(`${where}: expected a part of a message, got ${excerpt(part)}; it is left out`)
  switch (nameOf(fields['type'])) {
    case null:
      return gatherUntyped(fields, into, where, report)
    case 'text':
    case 'input_text':
    case 'output_text':
      return gatherText(fields, into, where, report)
    case 'reasoning':
    case 'thinking':
      return gatherReasoning(fields, into)
    case 'tool_call':
    case 'tool-call':
    case 'tool_use':
    case 'function_call': {
      const call = toolCallOf(fields, where, report)
      if (call !== null) into.toolCalls.push(call)
      return
    }
    case 'tool_call_response':
    case 'tool-result':
    case 'tool_result':
    case 'function_call_output':
      return void into.results.push(resultOf(fields, where, report))
    case 'refusal':
      into.refusal = textOf(fields['content']) ?? textOf(fields['refusal'])
      return
    case 'image_url':
    case 'image-url':
    case 'input_image':
    case 'image':
    case 'uri':
    case 'blob':
    case 'binary':
    case 'file':
      return void into.content.push(mediaPart(fields))
    default:
      return void into.content.push(fields as ContentPart)
  }
}

export function textPart(text: string): ContentPart {
  return { type: 'text', text }
}

function gatherText(fields: Fields, into: Gathered, where: string, report: Report): void {
  const text = textOf(fields['content']) ?? textOf(fields['text'])
  if (text === null) report(`${where}: the text part holds no text; the instrumentation may be told not to record content`)
  else into.content.push(textPart(text))
}

/** What is encrypted stays as it came: nobody can read it, but the API wants it back. */
function gatherReasoning(fields: Fields, into: Gathered): void {
  const summary = listOf(fields['summary'])
  const texts = summary === null ? [] : summary.flatMap((item) => textOf(fieldsOf(item)?.['text']) ?? [])
  const text = firstName(fields['content'], fields['text'], fields['thinking'], fields['reasoning'], texts.join('\n'))
  if (text !== null) into.reasoning.push(text)
  else if (Object.keys(fields).length > 1) into.content.push(fields as ContentPart)
}

/** Gemini and Bedrock tell the kind of a part by the name of its only field. */
function gatherUntyped(fields: Fields, into: Gathered, where: string, report: Report): void {
  const text = textOf(fields['text'])
  if (text !== null) return void (fields['thought'] === true ? into.reasoning.push(text) : into.content.push(textPart(text)))
  const called = fieldsOf(fields['toolUse'] ?? fields['functionCall'] ?? fields['function_call'])
  if (called !== null) {
    const call = toolCallOf(called, where, report)
    if (call !== null) into.toolCalls.push(call)
    return
  }
  const result = fieldsOf(fields['toolResult'] ?? fields['functionResponse'] ?? fields['function_response'])
  if (result !== null) return void into.results.push(resultOf(result, where, report))
  const thought = fieldsOf(fieldsOf(fields['reasoningContent'])?.['reasoningText'])
  if (thought !== null) return gatherReasoning(thought, into)
  const data = fieldsOf(fields['inlineData'] ?? fields['inline_data'] ?? fields['fileData'] ?? fields['file_data'])
  if (data !== null) return void into.content.push(mediaPart(data))
  report(`${where}: expected a part with a type, got fields ${excerpt(Object.keys(fields).join(', '))}; it is kept as it came`)
  into.content.push({ ...fields, type: 'unknown' })
}

function resultOf(fields: Fields, where: string, report: Report): ToolResult {
  const value = fields['response'] ?? fields['result'] ?? fields['output'] ?? fields['content'] ?? ''
  return { callId: callIdOf(fields), content: resultContent(value, where, report) }
}

/** A result of text blocks is their text; anything else that is not text is JSON. */
function resultContent(value: unknown, where: string, report: Report): string | readonly ContentPart[] {
  const wrapped = fieldsOf(value)
  // The AI SDK wraps results as `{ type: 'text' | 'json' | ..., value }`.
  if (wrapped !== null && 'value' in wrapped && nameOf(wrapped['type']) !== null) return toText(wrapped['value'], where, report)
  const texts = listOf(value)?.map((block) => textOf(fieldsOf(block)?.['text']) ?? textOf(fieldsOf(block)?.['content']))
  if (texts === undefined || texts.length === 0 || texts.includes(null)) return toText(value, where, report)
  return texts.length === 1 ? texts[0]! : texts.map((text) => textPart(text!))
}

/** Images and sound in the forms of OpenAI; other media stay as they came. */
function mediaPart(fields: Fields): ContentPart {
  const type = nameOf(fields['type'])
  const source = fieldsOf(fields['source']) ?? fields
  const mediaType = firstName(
    source['mime_type'],
    source['media_type'],
    source['mediaType'],
    source['mimeType'],
    fields['mime_type'],
    fields['mediaType'],
  )
  const given = fieldsOf(fields['image_url']) ?? fieldsOf(source['data']) ?? source
  const place = firstName(given['url'], given['uri'], given['fileUri'], given['file_uri'], fields['image_url'], given['image'])
  const data = firstName(given['content'], given['data'], given['bytes'], given['file_data'])
  const kind = nameOf(fields['modality']) ?? mediaType?.split('/')[0] ?? (type?.includes('image') ? 'image' : null)
  const url = place === null || isPlace(place) ? place : null
  const bytes = data ?? (url === null ? place : null)
  if (kind === 'image' && (url !== null || bytes !== null)) {
    const detail = nameOf(given['detail'])
    const link = url ?? (isPlace(bytes!) ? bytes! : `data:${mediaType ?? 'image/png'};base64,${bytes!}`)
    return { type: 'image_url', image_url: { url: link, ...(detail === null ? {} : { detail }) } }
  }
  if (kind === 'audio' && bytes !== null) {
    return { type: 'input_audio', input_audio: { data: bytes, format: mediaType?.split('/')[1] ?? 'wav' } }
  }
  return { ...fields, type: type ?? 'file' }
}

function isPlace(text: string): boolean {
  return text.startsWith('http://') || text.startsWith('https://') || text.startsWith('data:') || text.startsWith('gs://')
}
