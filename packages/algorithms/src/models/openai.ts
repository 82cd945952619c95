import { type JsonObject, parseOptions } from '@agl/types'
import { z } from 'zod'
import { type ChatModel, type ChatRequest, describeFormat } from './chat-model.ts'
import { apiUrl, createHttpModel, httpModelDefaults, type HttpModelOptions, httpModelShape } from './http-model.ts'
import { policyOf } from './retry.ts'

/** `baseUrl` ends in `/v1` with most services (default: OpenAI's); `apiKey` is sent as `Authorization: Bearer …`. */
export type OpenAiModelOptions = HttpModelOptions

const optionsSchema = z.strictObject({ ...httpModelShape })

/** A model behind OpenAI's Chat Completions, or any endpoint that speaks it: Ollama, LM Studio, vLLM, OpenRouter, Azure … */
export function createOpenAiModel(options: OpenAiModelOptions): ChatModel {
  const defaults = { ...httpModelDefaults, baseUrl: 'https://api.openai.com/v1', fetch: globalThis.fetch }
  const {
    model,
    name = model,
    apiKey,
    headers,
    parameters,
    ...rest
  } = parseOptions(optionsSchema, options, defaults, 'options of createOpenAiModel')
  return createHttpModel({
    name,
    api: 'chat_completions',
    endpoint: {
      url: apiUrl(rest.baseUrl, '/chat/completions'),
      headers: { ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }), ...headers },
      fetch: rest.fetch,
    },
    policy: policyOf(rest),
    // OpenAI's reasoning models take the limit under another name only, most other services under this one only.
    optional: ['max_tokens', 'max_completion_tokens', 'temperature', 'seed', 'response_format'],
    write: (request, refused) => ({ model, ...parameters, ...writeRequest(request, refused) }),
  })
}

function writeRequest(request: ChatRequest, refused: ReadonlySet<string>): JsonObject {
  const { messages, temperature, maxTokens, seed, responseFormat } = request
  const isAskedInWords = responseFormat !== undefined && refused.has('response_format')
  const limit = refused.has('max_tokens') ? 'max_completion_tokens' : 'max_tokens'
  return {
    messages: [
      ...messages.map(({ role, content }) => ({ role, content })),
      ...(isAskedInWords ? [{ role: 'user', content: describeFormat(responseFormat) }] : []),
    ],
    ...(temperature !== undefined && { temperature }),
    ...(maxTokens !== undefined && { [limit]: maxTokens }),
    ...(seed !== undefined && { seed }),
    ...(responseFormat !== undefined && {
      response_format:
        responseFormat === 'json'
          ? { type: 'json_object' }
          : { type: 'json_schema', json_schema: { name: 'answer', schema: responseFormat, strict: true } },
    }),
  }
}
