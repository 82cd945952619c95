import { createParser } from 'eventsource-parser'
import { fieldsOf, parseJson } from '../loose.ts'
import type { ModelApi } from '../model-api.ts'
import type { Assembly } from './assembly.ts'
import { createChoicesAssembly } from './choices.ts'
import { createMessageAssembly } from './message.ts'
import { createResponseAssembly } from './response.ts'

/** Puts a streamed answer together, beside the stream that goes to whoever asked. Linear in the bytes; never throws. */
export interface StreamAssembler {
  /** The next piece of the stream, cut anywhere. */
  feed(text: string): void
  /** What the API would have answered without a stream, as far as it has come; null when nothing came. */
  answer(): unknown
  /** What is wrong with the answer so far: an error sent in the stream, or no end; null when it is whole. */
  problem(): string | null
  /** Whether the API has said that this is all: a reader may leave now, before the stream is over. */
  isEnded(): boolean
}

const assemblies: Readonly<Record<ModelApi, () => Assembly>> = {
  chat_completions: () => createChoicesAssembly('chat.completion'),
  completions: () => createChoicesAssembly('text_completion'),
  responses: createResponseAssembly,
  messages: createMessageAssembly,
}

export function createStreamAssembler(api: ModelApi): StreamAssembler {
  const assembly = assemblies[api]()
  let isDone = false
  const parser = createParser({
    onEvent({ data }) {
      if (data === '[DONE]') {
        isDone = true
        return
      }
      try {
        assembly.take(fieldsOf(parseJson(data)))
      } catch {
        // Of a shape that no API has: the reader sees it as it is; there is nothing in it to record.
      }
    },
  })
  return {
    feed: (text) => parser.feed(text),
    answer: () => assembly.answer(),
    problem: () => assembly.failure() ?? (assembly.isWhole() ? null : 'The stream ended before the answer did'),
    isEnded: () => isDone || assembly.isEnded(),
  }
}
