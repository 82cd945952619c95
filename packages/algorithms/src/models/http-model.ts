import { type ModelApi, readExchange } from '@agl/model-calls'
import { isPlainObject, type JsonObject, jsonObjectSchema } from '@agl/types'
import { z } from 'zod'
import {
  type ChatModel,
  type ChatReply,
  type ChatRequest,
  finishReasonOf,
  parseChatRequest,
  textOfContent,
} from './chat-model.ts'
import { describeEndpoint, type Endpoint, type EndpointReply, errorOfReply, post, refusedParameter } from './endpoint.ts'
import { type CallPolicy, type ModelCallOptions, modelCallShape, withRetries } from './retry.ts'

/** What the makers of models behind an HTTP API take. */
export interface HttpModelOptions extends ModelCallOptions {
  /** What the service calls the model. */
  readonly model: string
  /** Base URL; a query is kept. */
  readonly baseUrl?: string
  /** Default: none, as local servers have it. */
  readonly apiKey?: string | null
  /** Sent with every request, for example `{ 'api-key': '…' }` for Azure. Their values are kept out of messages. */
  readonly headers?: Readonly<Record<string, string>>
  /** More fields of the body, for example `{ reasoning_effort: 'low' }`. */
  readonly parameters?: JsonObject
  /** Default: `globalThis.fetch`. */
  readonly fetch?: typeof globalThis.fetch
}

/** The defaults of {@link HttpModelOptions}, the base URL aside. */
export const httpModelDefaults: Readonly<Required<Pick<HttpModelOptions, 'apiKey' | 'headers' | 'parameters'>>> = Object.freeze({
  apiKey: null,
  headers: Object.freeze({}),
  parameters: Object.freeze({}),
})

export const httpModelShape: Readonly<Record<keyof HttpModelOptions, z.ZodType>> = Object.freeze({
  ...modelCallShape,
  model: z.string().min(1),
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .refine((url) => new URL(url).username === '', { error: 'expected a URL without user and password; put them into `headers`' })
    .optional(),
  apiKey: z.string().nullable().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  parameters: jsonObjectSchema.optional(),
  fetch: z.custom<typeof globalThis.fetch>((value) => typeof value === 'function', { error: 'expected a function' }).optional(),
})

export interface HttpModelParts {
  readonly name: string
  readonly api: ModelApi
  readonly endpoint: Endpoint
  readonly policy: CallPolicy
  /** Fields of the body that a model may refuse. */
  readonly optional: readonly string[]
  /** @param refused what this model has refused before, and is not sent whatever this writes: it can be put otherwise */
  readonly write: (request: ChatRequest, refused: ReadonlySet<string>) => JsonObject
}

/**
 * A model behind an HTTP API. Models differ in what they take (reasoning models refuse `temperature` or `max_tokens`): what one
 * says that it refuses is left out from then on, in this call and all later ones.
 */
export function createHttpModel({ name, api, endpoint, policy, optional, write }: HttpModelParts): ChatModel {
  const refused = new Set<string>()

  async function ask(request: ChatRequest, signal: AbortSignal): Promise<ChatReply> {
    for (;;) {
      const body = without(write(request, refused), refused)
      const reply = await post(endpoint, body, signal)
      // Of calls in flight at the same time each hears the refusal itself; what was sent is gone from the next body, so this ends.
      const parameter = refusedParameter(
        reply,
        optional.filter((known) => body[known] !== undefined),
      )
      if (parameter === null) return readReply(reply)
      if (!refused.has(parameter))
        policy.logger.warn('A model does not take a parameter; it is left out from now on', { model: name, parameter })
      refused.add(parameter)
    }
  }

  function readReply(reply: EndpointReply): ChatReply {
    if (reply.status < 200 || reply.status > 299) throw errorOfReply(endpoint, reply)
    const answer = parse(reply.text)
    if (answer === null) throw errorOfReply(endpoint, reply, 'which is no JSON object')
    const { choices, usage } = readExchange({ api, request: null, answer })
    const [choice] = choices
    if (choice === undefined) throw errorOfReply(endpoint, reply, 'in which the model says nothing')
    return {
      text: textOfContent(choice.message.content),
      usage: usage === null ? null : { promptTokens: usage.inputTokens ?? 0, completionTokens: usage.outputTokens ?? 0 },
      finishReason: finishReasonOf(choice.finishReason),
    }
  }

  return Object.freeze({
    name,
    async chat(request: ChatRequest) {
      const { signal } = parseChatRequest(request)
      return await withRetries(describeEndpoint(endpoint), policy, signal, (stop) => ask(request, stop))
    },
  })
}

function without(body: JsonObject, fields: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([field]) => !fields.has(field)))
}

function parse(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text)
    return isPlainObject(value) ? (value as JsonObject) : null
  } catch {
    return null
  }
}

/** The URL of an API below a base URL, whose query (a version, a key) stays. */
export function apiUrl(baseUrl: string, path: string): URL {
  const url = new URL(baseUrl)
  url.pathname = url.pathname.replace(/\/+$/, '') + path
  return url
}
