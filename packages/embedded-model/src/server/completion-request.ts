import { z } from 'zod'
import type { ChatMessage } from '../chat-template.ts'

/** A chat completion request, checked, with every default filled in. */
export interface CompletionRequest {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly temperature: number
  /** Undefined: as many as fit. */
  readonly maxTokens: number | undefined
  readonly stop: readonly string[]
  readonly seed: number | undefined
  readonly choices: number
  readonly wantsLogprobs: boolean
  /** vLLM's extension: token ids of prompt and completion in the answer. */
  readonly wantsTokenIds: boolean
  readonly wantsStream: boolean
  readonly wantsStreamUsage: boolean
}

/** Why a request was refused, in the terms of the OpenAI API. */
export interface RequestProblem {
  readonly message: string
  readonly param: string | null
  readonly code: 'invalid_value' | 'unknown_parameter' | 'unsupported_value'
}

const unsupported = 'is not supported by the embedded model unless it has its default'

const textPartsSchema = z
  .array(z.strictObject({ type: z.literal('text'), text: z.string() }))
  .transform((parts) => parts.map((part) => part.text).join(''))
const contentSchema = z.union([z.string(), textPartsSchema])

const messageSchema = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('system'), content: contentSchema }),
  z.strictObject({ role: z.literal('user'), content: contentSchema }),
  z.strictObject({ role: z.literal('assistant'), content: contentSchema, refusal: onlyDefault(null) }),
  // The API demands the id of the call that a tool answers; the template has no place for it.
  z.strictObject({ role: z.literal('tool'), content: contentSchema, tool_call_id: z.string().optional() }),
])

/** A parameter that this model does not have: accepted when it asks for nothing. */
function onlyDefault(...defaults: readonly unknown[]): z.ZodType<unknown> {
  return z
    .unknown()
    .refine((value) => value == null || defaults.some((one) => JSON.stringify(one) === JSON.stringify(value)), {
      message: unsupported,
    })
    .optional()
}

const requestSchema = z.strictObject({
  model: z.string(),
  messages: z.array(messageSchema).min(1),
  temperature: z.number().min(0).max(2).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(16)]).nullish(),
  seed: z.int().nullish(),
  n: z.int().min(1).max(128).nullish(),
  logprobs: z.boolean().nullish(),
  return_token_ids: z.boolean().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.strictObject({ include_usage: z.boolean().optional() }).nullish(),

  // These name or label a request and never change an answer.
  user: z.string().nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  safety_identifier: z.string().nullish(),
  prompt_cache_key: z.string().nullish(),

  audio: onlyDefault(),
  frequency_penalty: onlyDefault(0),
  function_call: onlyDefault('none', 'auto'),
  functions: onlyDefault([]),
  logit_bias: onlyDefault({}),
  modalities: onlyDefault(['text']),
  parallel_tool_calls: onlyDefault(true, false),
  prediction: onlyDefault(),
  presence_penalty: onlyDefault(0),
  reasoning_effort: onlyDefault('none'),
  response_format: onlyDefault({ type: 'text' }),
  service_tier: onlyDefault('auto', 'default'),
  store: onlyDefault(false),
  tool_choice: onlyDefault('none', 'auto'),
  tools: onlyDefault([]),
  top_logprobs: onlyDefault(0),
  top_p: onlyDefault(1),
  verbosity: onlyDefault('medium'),
  web_search_options: onlyDefault(),
})

export function parseCompletionRequest(
  body: unknown,
): { readonly request: CompletionRequest } | { readonly problem: RequestProblem } {
  const parsed = requestSchema.safeParse(body)
  if (!parsed.success) return { problem: problemOf(parsed.error.issues[0]!) }
  const { data } = parsed
  return {
    request: {
      model: data.model,
      messages: data.messages.map(({ role, content }) => ({ role, content })),
      temperature: data.temperature ?? 1,
      maxTokens: data.max_completion_tokens ?? data.max_tokens ?? undefined,
      stop: typeof data.stop === 'string' ? [data.stop] : (data.stop ?? []),
      seed: data.seed ?? undefined,
      choices: data.n ?? 1,
      wantsLogprobs: data.logprobs ?? false,
      wantsTokenIds: data.return_token_ids ?? false,
      wantsStream: data.stream ?? false,
      wantsStreamUsage: data.stream_options?.include_usage ?? false,
    },
  }
}

function problemOf(issue: z.core.$ZodIssue): RequestProblem {
  const path = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const param = [...issue.path, issue.keys[0]].join('.')
    return { message: `Unknown parameter: ${param}.`, param, code: 'unknown_parameter' }
  }
  if (issue.message === unsupported) return { message: `${path} ${unsupported}.`, param: path, code: 'unsupported_value' }
  return { message: `Invalid ${path || 'body'}: ${issue.message}.`, param: path || null, code: 'invalid_value' }
}
