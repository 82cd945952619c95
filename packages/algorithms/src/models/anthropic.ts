import { type JsonObject, parseOptions } from '@agl/types'
import { z } from 'zod'
import { type ChatModel, type ChatRequest, describeFormat } from './chat-model.ts'
import { apiUrl, createHttpModel, httpModelDefaults, type HttpModelOptions, httpModelShape } from './http-model.ts'
import { policyOf } from './retry.ts'

/** `baseUrl` may end in `/v1` or not (default: Anthropic's); `apiKey` is sent as `x-api-key`. */
export interface AnthropicModelOptions extends HttpModelOptions {
  /** Longest answer in tokens where a request does not say: this API must be told. At least 1. Default 4096. */
  readonly maxTokens?: number
}

const optionsSchema = z.strictObject({ ...httpModelShape, maxTokens: z.int().min(1).optional() })

/** A model behind Anthropic's Messages. This API knows no seed. */
export function createAnthropicModel(options: AnthropicModelOptions): ChatModel {
  const defaults = { ...httpModelDefaults, baseUrl: 'https://api.anthropic.com', maxTokens: 4096, fetch: globalThis.fetch }
  const {
    model,
    name = model,
    apiKey,
    headers,
    parameters,
    maxTokens,
    ...rest
  } = parseOptions(optionsSchema, options, defaults, 'options of createAnthropicModel')
  return createHttpModel({
    name,
    api: 'messages',
    endpoint: {
      url: apiUrl(rest.baseUrl.replace(/\/v1\/?$/, ''), '/v1/messages'),
      headers: { 'anthropic-version': '2023-06-01', ...(apiKey === null ? {} : { 'x-api-key': apiKey }), ...headers },
      fetch: rest.fetch,
    },
    policy: policyOf(rest),
    optional: ['temperature', 'output_config'],
    write: (request, refused) => ({ model, max_tokens: maxTokens, ...parameters, ...writeRequest(request, refused) }),
  })
}

function writeRequest(request: ChatRequest, refused: ReadonlySet<string>): JsonObject {
  const { messages, temperature, maxTokens, responseFormat } = request
  const isSchema = responseFormat !== undefined && responseFormat !== 'json' && !refused.has('output_config')
  const instructions = messages.filter(({ role }) => role === 'system').map(({ content }) => content)
  if (responseFormat !== undefined && !isSchema) instructions.push(describeFormat(responseFormat))
  return {
    ...(instructions.length > 0 && { system: instructions.join('\n\n') }),
    messages: messages.filter(({ role }) => role !== 'system').map(({ role, content }) => ({ role, content })),
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
    ...(temperature !== undefined && { temperature }),
    ...(isSchema && { output_config: { format: { type: 'json_schema', schema: responseFormat } } }),
  }
}
