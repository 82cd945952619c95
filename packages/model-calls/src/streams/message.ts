import { type Fields, fieldsOf, listOf, parseJson, textOf } from '../loose.ts'
import { failureOf } from '../read-answer.ts'
import { type Assembly, placeIn } from './assembly.ts'

interface Block {
  readonly fields: Record<string, unknown>
  /** The input of a tool so far, as JSON text. */
  input: string
}

/** Which field a delta of each kind makes longer. */
const texts: Readonly<Record<string, string>> = {
  text_delta: 'text',
  thinking_delta: 'thinking',
  signature_delta: 'signature',
}

/** Anthropic's Messages: a message, blocks that grow, and what ended it. */
export function createMessageAssembly(): Assembly {
  let message: Fields | null = null
  let usage: Fields = {}
  let isStopped = false
  let failure: string | null = null
  const blocks: Block[] = []

  return {
    take(event) {
      switch (event.type) {
        case 'message_start':
          message = fieldsOf(event.message)
          usage = fieldsOf(message.usage)
          for (const block of listOf(message.content)) blocks.push({ fields: { ...fieldsOf(block) }, input: '' })
          return
        case 'content_block_start':
          blocks[placeIn(blocks, event.index)] = { fields: { ...fieldsOf(event.content_block) }, input: '' }
          return
        case 'content_block_delta':
          takeDelta((blocks[placeIn(blocks, event.index)] ??= { fields: { type: 'text' }, input: '' }), fieldsOf(event.delta))
          return
        case 'message_delta':
          message = { ...message, ...said(fieldsOf(event.delta)) }
          // Counts of the whole message so far, left out where they do not apply.
          usage = { ...usage, ...said(fieldsOf(event.usage)) }
          return
        case 'message_stop':
          isStopped = true
          return
        case 'error':
          failure = failureOf(event.error ?? event)
          return
        default:
      }
    },
    answer: () => (message === null && blocks.length === 0 ? null : { ...message, content: blocks.map(toBlock), usage }),
    failure: () => failure,
    isWhole: () => isStopped || typeof message?.stop_reason === 'string',
    isEnded: () => isStopped,
  }
}

function takeDelta(block: Block, delta: Fields): void {
  const { fields } = block
  const type = textOf(delta.type) ?? ''
  const field = Object.hasOwn(texts, type) ? texts[type] : undefined
  if (field !== undefined) fields[field] = (textOf(fields[field]) ?? '') + (textOf(delta[field]) ?? '')
  else if (type === 'input_json_delta') block.input += textOf(delta.partial_json) ?? ''
  else if (type === 'citations_delta') {
    const citations: unknown[] = Array.isArray(fields.citations) ? fields.citations : (fields.citations = [])
    citations.push(delta.citation)
  }
}

function said(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))
}

/** Input that is not JSON (yet) stays the text that the model wrote. */
function toBlock({ fields, input }: Block): Fields {
  return input === '' ? fields : { ...fields, input: parseJson(input) ?? input }
}
