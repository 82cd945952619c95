import { imageUrlsOf, type ModelCall, type ModelChoice } from '@agl/model-calls'
import { type Attributes, modelCallAttributes as names, type Span, spanAttributes, type Triplet } from '@agl/types'
import { attributesUnder, unflattenAttributes } from '@agl/types/spans'
import type { FoundCall } from './find-calls.ts'
import type { OnFinding } from './findings.ts'

/** A call as training data, without a reward so far. What cannot be used of it is reported. */
export function makeTriplet({ call, span, agentName }: FoundCall, report: OnFinding): Triplet {
  const choice = call.choices[0]
  const spanId = span.span_id
  const logprobs = readLogprobs(choice, spanId, report)
  reportFurtherChoices(call, spanId, report)
  return {
    prompt: { tokenIds: call.promptTokenIds ?? [], rawContent: call.messages, imageUrls: imageUrlsOf(call.messages) },
    response: {
      tokenIds: choice?.tokenIds ?? [],
      rawContent: call.choices.map(toAnswer),
      ...(logprobs === null ? {} : { logprobs }),
    },
    reward: null,
    metadata: {
      span_id: spanId,
      sequence_id: span.sequence_id,
      response_id: call.responseId,
      agent_name: agentName,
      request_model: call.model,
      response_model: call.responseModel,
      model_version: call.modelVersion,
      finish_reason: choice?.finishReason ?? null,
      request: readRequest(call, span),
      response: readResponse(call, span),
    },
  }
}

export function reportFurtherChoices({ choices }: ModelCall, spanId: string, report: OnFinding): void {
  if (choices.length <= 1) return
  const count = choices.length - 1
  const reason = `The call has ${choices.length} answers and only the first is learnt from: ask for one answer per call (n: 1).`
  report({ kind: 'further_choices', spanId, count, reason })
}

/** Whether a call can be trained on: both its prompt and its response have token ids. */
export function isTrainable({ prompt, response }: Triplet): boolean {
  return prompt.tokenIds.length > 0 && response.tokenIds.length > 0
}

/** Reports a call without token ids, with the way to get them. */
export function reportUntrainable({ prompt, response, metadata }: Triplet, isSkipped: boolean, report: OnFinding): void {
  const hasPrompt = prompt.tokenIds.length > 0
  const hasResponse = response.tokenIds.length > 0
  if (hasPrompt && hasResponse) return
  const missing = hasPrompt ? 'response' : hasResponse ? 'prompt' : 'both'
  const what = missing === 'both' ? 'no token ids' : `no token ids of its ${missing}`
  const reason = `The call has ${what}${isSkipped ? ' and is left out' : ''}. ${howToGetTokenIds}`
  report({ kind: 'call_not_trainable', spanId: String(metadata['span_id']), missing, reason })
}

/** What to do about calls without token ids. */
export const howToGetTokenIds: string =
  'The backend must give them (`return_token_ids`), and its entry in the gateway must say `tokenIds: true`.'

function toAnswer({ message, finishReason }: ModelChoice): Readonly<Record<string, unknown>> {
  return finishReason === null ? message : { ...message, finish_reason: finishReason }
}

function readLogprobs(choice: ModelChoice | undefined, spanId: string, report: OnFinding): readonly number[] | null {
  const { logprobs = null, tokenIds = null } = choice ?? {}
  if (logprobs === null) return null
  // Whatever list a tracer wrote.
  const values = logprobs.map((entry: { readonly logprob?: unknown } | null) => Number(entry?.logprob ?? Number.NaN))
  const isAligned = tokenIds === null || tokenIds.length === values.length
  if (isAligned && values.every((value) => Number.isFinite(value))) return values
  const reason =
    `Expected a finite log-probability for each of the ${tokenIds?.length ?? values.length} tokens of the answer, ` +
    `got ${values.length} values; they are left out.`
  report({ kind: 'malformed_attributes', spanId, reason })
  return null
}

function readRequest({ model, parameters }: ModelCall, { attributes }: Span): unknown {
  const given = unflatten(attributes, 'gen_ai.request') ?? unflatten(attributes, spanAttributes.operationInput)
  return without(given, ['messages']) ?? { model, ...parameters }
}

function readResponse({ responseId, responseModel }: ModelCall, { attributes }: Span): unknown {
  const given = unflatten(attributes, 'gen_ai.response') ?? unflatten(attributes, spanAttributes.operationOutput)
  return without(given, ['choices', names.promptTokenIds, names.responseTokenIds]) ?? { id: responseId, model: responseModel }
}

function without(value: unknown, keys: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)))
}

/** Undefined when there are none. */
function unflatten(attributes: Attributes, prefix: string): unknown {
  const below = attributesUnder(attributes, prefix)
  return Object.keys(below).length === 0 ? undefined : unflattenAttributes(below)
}
