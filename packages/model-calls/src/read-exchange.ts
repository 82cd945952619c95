import { readChatCompletions } from './apis/chat-completions.ts'
import { readCompletions } from './apis/completions.ts'
import { readMessages } from './apis/messages.ts'
import { readResponses } from './apis/responses.ts'
import { type Fields, fieldsOf } from './loose.ts'
import type { ModelApi } from './model-api.ts'
import type { ModelCall } from './model-call.ts'

/** What went over the wire, as parsed JSON. */
export interface ModelExchange {
  readonly api: ModelApi
  readonly request: unknown
  /** Null when there is none. */
  readonly answer: unknown
}

const readers: Readonly<Record<ModelApi, (request: Fields, answer: Fields) => ModelCall>> = {
  chat_completions: readChatCompletions,
  completions: readCompletions,
  responses: readResponses,
  messages: readMessages,
}

/** The call that two bodies make. Never throws: what is missing is null, what is unknown stays where there is a place for it. */
export function readExchange({ api, request, answer }: ModelExchange): ModelCall {
  return readers[api](fieldsOf(request), fieldsOf(answer))
}
