import { type Fields, fieldsOf, textOf } from '../loose.ts'
import { failureOf } from '../read-answer.ts'
import { type Assembly, placeIn } from './assembly.ts'

type Item = Record<string, unknown>

/** Where the text of a delta goes: a field of a part in a list of the item, or a field of the item. */
interface Growing {
  readonly item: string
  readonly list: { readonly name: string; readonly index: string; readonly part: string } | null
  readonly field: string
}

const growing: Readonly<Record<string, Growing>> = {
  'response.output_text': grow('message', 'content', 'output_text'),
  'response.refusal': { ...grow('message', 'content', 'refusal'), field: 'refusal' },
  'response.reasoning_text': grow('reasoning', 'content', 'reasoning_text'),
  'response.reasoning_summary_text': grow('reasoning', 'summary', 'summary_text'),
  'response.function_call_arguments': { item: 'function_call', list: null, field: 'arguments' },
  'response.custom_tool_call_input': { item: 'custom_tool_call', list: null, field: 'input' },
}

function grow(item: string, name: string, part: string): Growing {
  return { item, list: { name, index: name === 'summary' ? 'summary_index' : 'content_index', part }, field: 'text' }
}

/** Responses. The last event holds all of it; the deltas stand in for it when the stream breaks off, or when it holds nothing. */
export function createResponseAssembly(): Assembly {
  let head: Fields | null = null
  let end: Fields | null = null
  let failure: string | null = null
  const items: Item[] = []

  function itemAt(index: unknown, type: string): Item {
    return (items[placeIn(items, index)] ??= { type })
  }

  function takeText(event: Fields, way: Growing, step: 'delta' | 'done'): void {
    const item = itemAt(event.output_index, way.item)
    const target = way.list === null ? item : partAt(item, way.list, event)
    if (step === 'delta') target[way.field] = (textOf(target[way.field]) ?? '') + (textOf(event.delta) ?? '')
    else target[way.field] = textOf(event[way.field]) ?? target[way.field]
    if (step === 'delta' && Array.isArray(event.logprobs)) {
      const logprobs = Array.isArray(target.logprobs) ? target.logprobs : (target.logprobs = [])
      for (const entry of event.logprobs) (logprobs as unknown[]).push(entry)
    }
  }

  return {
    take(event) {
      const type = textOf(event.type) ?? ''
      switch (type) {
        case 'response.created':
        case 'response.queued':
        case 'response.in_progress':
          head = fieldsOf(event.response)
          return
        case 'response.completed':
        case 'response.incomplete':
        case 'response.failed':
        case 'response.cancelled':
          end = fieldsOf(event.response)
          failure = failureOf(end.error) ?? failure
          if (type === 'response.failed') failure ??= 'The backend says that the response failed'
          return
        case 'response.output_item.added':
        case 'response.output_item.done':
          items[placeIn(items, event.output_index)] = { ...fieldsOf(event.item) }
          return
        case 'error': {
          // The service sends the error itself as the event; others wrap it.
          const { type: _event, sequence_number: _number, ...said } = event
          failure = failureOf(event.error ?? said)
          return
        }
        default: {
          const [, name = '', step] = /^(.+)\.(delta|done)$/.exec(type) ?? []
          const way = Object.hasOwn(growing, name) ? growing[name] : undefined
          if (way !== undefined) takeText(event, way, step as 'delta' | 'done')
        }
      }
    },
    answer() {
      if (end !== null && (items.length === 0 || (Array.isArray(end.output) && end.output.length > 0))) return end
      if (head === null && items.length === 0) return null
      return { ...head, ...end, output: items }
    },
    failure: () => failure,
    isWhole: () => end !== null,
    isEnded: () => end !== null,
  }
}

function partAt(item: Item, { name, index, part }: NonNullable<Growing['list']>, event: Fields): Item {
  const parts = (Array.isArray(item[name]) ? item[name] : (item[name] = [])) as Item[]
  return (parts[placeIn(parts, event[index])] ??= { type: part })
}
