import { type Attributes, modelCallAttributes as names } from '@agl/types'
import type { DialectReader, ReadableSpan } from './dialect.ts'
import { readAiSdk } from './dialects/ai-sdk.ts'
import { readGenAiEvents } from './dialects/gen-ai-events.ts'
import { readGenAiIndexed } from './dialects/gen-ai-indexed.ts'
import { readGenAiMessages } from './dialects/gen-ai-messages.ts'
import { readGenAiText } from './dialects/gen-ai-text.ts'
import { readLangfuse } from './dialects/langfuse.ts'
import { readLiteLlmRaw } from './dialects/litellm-raw.ts'
import { readOpenInference } from './dialects/openinference.ts'
import { readOperation } from './dialects/operation.ts'
import { isSomethingElse, mark, marksOf } from './marks.ts'
import type { ModelCall, ModelChoice, TokenLogprob } from './model-call.ts'
import { logprobsOf, tokenIdsOf } from './reading/token-ids.ts'
import type { Report } from './reading/values.ts'

/** The ways of writing a model call into a span that are understood. */
export type Dialect =
  | 'operation'
  | 'ai_sdk'
  | 'gen_ai_messages'
  | 'openinference'
  | 'gen_ai_indexed'
  | 'gen_ai_events'
  | 'gen_ai_text'
  | 'langfuse'
  | 'litellm_raw'

/** What a span says of a model call, and where it says it badly. */
export interface ModelCallExplanation {
  /** Null for a span that records none. */
  readonly call: ModelCall | null
  /** In which the call was written; null without a call. */
  readonly dialect: Dialect | null
  /** What is malformed or missing in the record of the call: sentences for whoever looks after the instrumentation. */
  readonly problems: readonly string[]
}

/** A record that is malformed throughout says the same again and again. */
const maxProblems = 20

/**
 * In this order, because a span may hold several: LiteLLM writes bits of the indexed form beside messages, OpenInference
 * puts its own names beside those of the AI SDK.
 */
const dialects: readonly { readonly dialect: Dialect; readonly marks: number; readonly read: DialectReader }[] = [
  { dialect: 'operation', marks: mark.operation, read: readOperation },
  { dialect: 'ai_sdk', marks: mark.aiSdk, read: readAiSdk },
  { dialect: 'gen_ai_messages', marks: mark.genAi, read: readGenAiMessages },
  { dialect: 'openinference', marks: mark.llm, read: readOpenInference },
  { dialect: 'gen_ai_indexed', marks: mark.indexed | mark.tokenIds, read: readGenAiIndexed },
  { dialect: 'gen_ai_events', marks: mark.events, read: readGenAiEvents },
  { dialect: 'gen_ai_text', marks: mark.text, read: readGenAiText },
  { dialect: 'langfuse', marks: mark.langfuse, read: readLangfuse },
  { dialect: 'litellm_raw', marks: mark.llm, read: readLiteLlmRaw },
]

const none: ModelCallExplanation = Object.freeze({ call: null, dialect: null, problems: Object.freeze([]) })

/** The model call that a span records, in whichever dialect; null for a span that records none. */
export function readModelCall(span: ReadableSpan): ModelCall | null {
  return explainModelCall(span).call
}

/** As {@link readModelCall}, with the dialect and with what is malformed. Never throws, whatever the attributes hold. */
export function explainModelCall(span: ReadableSpan): ModelCallExplanation {
  const marks = marksOf(span)
  if (marks === 0 || isSomethingElse(span.attributes)) return none
  let best: { readonly call: ModelCall; readonly dialect: Dialect; readonly problems: string[] } | null = null
  for (const { dialect, marks: wanted, read } of dialects) {
    if ((marks & wanted) === 0) continue
    const problems: string[] = []
    const call = read(span, collector(problems))
    if (call === null) continue
    const isSaid = call.messages.length > 0 || call.choices.length > 0 || call.promptTokenIds !== null
    if (isSaid || best === null) best = { call, dialect, problems }
    if (isSaid) break
  }
  if (best === null) return none
  const report = collector(best.problems)
  const call = withTokenIds(best.call, span, report)
  if (call.messages.length === 0 && call.choices.length === 0) {
    report('the span records a call but nothing of what was said; turn on the recording of content in the instrumentation')
  }
  return { ...best, call }
}

function collector(problems: string[]): Report {
  return (problem) => {
    if (problems.length < maxProblems) problems.push(problem)
  }
}

/** The reference's instrumentation adds the ids to spans of any library, under names of their own; they are of the first choice. */
function withTokenIds(call: ModelCall, { attributes, events }: ReadableSpan, report: Report): ModelCall {
  const [first] = call.choices
  const promptTokenIds = call.promptTokenIds ?? tokenIdsOf(attributes[names.promptTokenIds], names.promptTokenIds, report)
  const tokenIds = first?.tokenIds ?? tokenIdsOf(attributes[names.responseTokenIds], names.responseTokenIds, report)
  const logprobs = first?.logprobs ?? logprobsIn(attributes, events, report)
  if (promptTokenIds === null && tokenIds === null && logprobs === null) return call
  const choice: ModelChoice = first ?? { message: { role: 'assistant', content: null }, finishReason: null, tokenIds, logprobs }
  const choices = first === undefined && tokenIds === null ? [] : [{ ...choice, tokenIds, logprobs }, ...call.choices.slice(1)]
  return { ...call, promptTokenIds, choices }
}

/** OpenLLMetry leaves them in an event. */
function logprobsIn(attributes: Attributes, events: ReadableSpan['events'], report: Report): readonly TokenLogprob[] | null {
  const event = events?.find(({ name }) => name === 'logprobs')
  return (
    logprobsOf(attributes[names.logprobsContent], names.logprobsContent, report) ??
    logprobsOf(event?.attributes?.['logprobs'], 'event logprobs', report)
  )
}
