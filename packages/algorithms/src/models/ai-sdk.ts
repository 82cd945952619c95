import { AglError, describeValue, isPlainObject, type JsonObject, parseOptions } from '@agl/types'
import { z } from 'zod'
import {
  type ChatModel,
  type ChatReply,
  type ChatRequest,
  finishReasonOf,
  parseChatRequest,
  textOfContent,
} from './chat-model.ts'
import { type ModelCallOptions, modelCallShape, policyOf, retryAfterOf, withRetries } from './retry.ts'

/**
 * What is used of a model of the AI SDK, whichever version of the specification it implements (v2 and later): every
 * `LanguageModel` object of a provider fits, for example `openai('gpt-5-mini')`.
 */
export interface AiSdkLanguageModel {
  readonly specificationVersion: string
  readonly provider: string
  readonly modelId: string
  doGenerate(options: AiSdkCallOptions): PromiseLike<AiSdkResult>
}

export interface AiSdkCallOptions {
  readonly prompt: AiSdkMessage[]
  readonly temperature?: number
  readonly maxOutputTokens?: number
  readonly seed?: number
  readonly responseFormat?: { readonly type: 'json'; readonly schema?: object }
  readonly abortSignal: AbortSignal
}

export type AiSdkMessage =
  | { readonly role: 'system'; readonly content: string }
  | { readonly role: 'user' | 'assistant'; readonly content: { readonly type: 'text'; readonly text: string }[] }

export interface AiSdkResult {
  readonly content: readonly { readonly type: string }[]
  /** Of v4: the part of the content that is the answer, where that is not all of its text. */
  readonly structuredOutputText?: string
  /** A text in v2, `{ unified, raw }` later. */
  readonly finishReason: unknown
  /** Counts in v2, counts with their parts later. */
  readonly usage: { readonly inputTokens?: unknown; readonly outputTokens?: unknown }
}

const optionsSchema = z.strictObject({ ...modelCallShape })

/** A model of an AI SDK provider. Tries again itself, as `doGenerate` does not. */
export function fromAiSdk(model: AiSdkLanguageModel, options: ModelCallOptions = {}): ChatModel {
  if (typeof (model as Partial<AiSdkLanguageModel> | null)?.doGenerate !== 'function') {
    const came = describeValue(model)
    const message = `fromAiSdk takes a language model of a provider, as in fromAiSdk(openai("gpt-5-mini")); got ${came}.`
    throw new AglError({ code: 'invalid_argument', message })
  }
  const { name = `${model.provider}:${model.modelId}`, ...rest } = parseOptions(
    optionsSchema,
    options,
    {},
    'options of fromAiSdk',
  )
  const policy = policyOf(rest)
  return Object.freeze({
    name,
    async chat(request: ChatRequest) {
      const { signal } = parseChatRequest(request)
      return await withRetries(name, policy, signal, async (stop) => {
        try {
          return readResult(await model.doGenerate(writeCall(request, stop)))
        } catch (error) {
          throw toAglError(name, error)
        }
      })
    },
  })
}

function writeCall(request: ChatRequest, abortSignal: AbortSignal): AiSdkCallOptions {
  const { messages, temperature, maxTokens, seed, responseFormat } = request
  return {
    prompt: messages.map(({ role, content }) =>
      role === 'system' ? { role, content } : { role, content: [{ type: 'text', text: content }] },
    ),
    ...(temperature !== undefined && { temperature }),
    ...(maxTokens !== undefined && { maxOutputTokens: maxTokens }),
    ...(seed !== undefined && { seed }),
    ...(responseFormat !== undefined && {
      responseFormat: responseFormat === 'json' ? { type: 'json' } : { type: 'json', schema: responseFormat },
    }),
    abortSignal,
  }
}

function readResult({ content, structuredOutputText, finishReason, usage }: AiSdkResult): ChatReply {
  const reason = isPlainObject(finishReason) ? finishReason['unified'] : finishReason
  const [promptTokens, completionTokens] = [usage.inputTokens, usage.outputTokens].map((count) =>
    isPlainObject(count) ? count['total'] : count,
  )
  const isCounted = typeof promptTokens === 'number' || typeof completionTokens === 'number'
  return {
    text: structuredOutputText ?? textOfContent(content),
    usage: isCounted ? { promptTokens: Number(promptTokens ?? 0), completionTokens: Number(completionTokens ?? 0) } : null,
    finishReason: finishReasonOf(typeof reason === 'string' ? reason : null),
  }
}

/** Longest quote of what a service said that went wrong. */
const longestQuote = 500

/** Errors of providers are told by their fields (`APICallError`): several copies of the AI SDK may be about. */
function toAglError(name: string, thrown: unknown): unknown {
  if (!(thrown instanceof Error) || AglError.isInstance(thrown)) return thrown
  const { url, statusCode, responseBody, responseHeaders, isRetryable } = thrown as Error & JsonObject
  const retryAfterMs = retryAfterOf((header) => {
    const value = isPlainObject(responseHeaders) ? responseHeaders[header] : null
    return typeof value === 'string' ? value : null
  })
  const status = typeof statusCode === 'number' ? statusCode : null
  const body = typeof responseBody === 'string' ? responseBody.slice(0, longestQuote) : null
  return new AglError({
    code: 'upstream_failed',
    message: `${name} failed${status === null ? '' : ` with ${status}`}: ${body ?? thrown.message}`,
    data: {
      ...(typeof url === 'string' && { url: url.replace(/\?.*$/s, '') }),
      ...(status !== null && { status }),
      ...(body !== null && { body }),
      ...(retryAfterMs !== null && { retryAfterMs }),
    },
    cause: thrown,
    isRetryable: isRetryable === true,
  })
}
