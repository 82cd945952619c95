import {
  AglError,
  describeIssue,
  errorMessage,
  isPlainObject,
  type Logger,
  type NewSpan,
  newSpanSchema,
  type RewardValue,
  type SpanCoreFields,
} from '@agl/types'
import { findRewards, type OtelSpan, rewardToAttributes, spanFromOtel, spanOfAttempt } from '@agl/types/spans'

/** What an agent returned, ready to be recorded. */
export interface Returned {
  readonly reward: { readonly value: RewardValue; readonly options: { readonly primary?: string } } | null
  readonly spans: readonly NewSpan[]
}

export interface ReturnedFrom {
  readonly rolloutId: string
  readonly attemptId: string
  readonly logger: Logger
}

/** @throws AglError `agent_failed` for anything that a rollout cannot return */
export function toReturned(value: unknown, from: ReturnedFrom): Returned {
  if (value === null || value === undefined) return { reward: null, spans: [] }
  if (Array.isArray(value)) return { reward: null, spans: toSpans(value, from) }
  return { reward: toReward(value), spans: [] }
}

function toReward(value: unknown): Returned['reward'] {
  const { reward, primary, ...rest } = isPlainObject(value) ? value : { reward: value }
  const number = typeof reward === 'boolean' ? Number(reward) : reward
  const isReward = typeof number === 'number' || isPlainObject(number)
  const isWhole = Object.keys(rest).length === 0 && (primary === undefined || typeof primary === 'string')
  if (!isReward || !isWhole) throw failed(`it returned ${describe(value)}`)
  const options = typeof primary === 'string' ? { primary } : {}
  try {
    rewardToAttributes(number as RewardValue, options)
  } catch (error) {
    throw failed(errorMessage(error))
  }
  return { value: number as RewardValue, options }
}

function toSpans(values: readonly unknown[], from: ReturnedFrom): readonly NewSpan[] {
  const { rolloutId, attemptId, logger } = from
  if (values.length === 0) logger.warn('The agent returned an empty list of spans: nothing to add', { rolloutId, attemptId })
  const spans = values.map((value, index) => toSpan(value, index, from))
  findRewards(spans, ({ span, reason }) => {
    throw failed(`span ${spans.indexOf(span)} looks like a reward, but ${reason}`)
  })
  return spans
}

function toSpan(value: unknown, index: number, from: ReturnedFrom): NewSpan {
  if (typeof value !== 'object' || value === null) throw failed(`item ${index} of its list is ${describe(value)}`)
  let span: unknown
  try {
    span = complete(value, from)
  } catch (error) {
    throw failed(`item ${index} of its list cannot be read as a span: ${errorMessage(error)}`)
  }
  const result = newSpanSchema.safeParse(span)
  if (!result.success) {
    const issues = result.error.issues.slice(0, 5).map((issue) => describeIssue(issue, span))
    throw failed(`item ${index} of its list is no span:\n${issues.join('\n')}\n`)
  }
  const { rollout_id: rolloutId, attempt_id: attemptId } = result.data
  if (rolloutId !== from.rolloutId || attemptId !== from.attemptId) {
    throw failed(`item ${index} of its list is a span of attempt ${attemptId} of rollout ${rolloutId}, which is another one`)
  }
  return result.data
}

function complete(value: object, from: ReturnedFrom): unknown {
  if ('spanContext' in value) return spanFromOtel(value as OtelSpan, from)
  if ('span_id' in value || 'rollout_id' in value) return value
  // What came as JSON from elsewhere often leaves the times and the status out.
  const { start_time: startTime = Date.now() / 1000, end_time: endTime = startTime, ...rest } = value as Partial<SpanCoreFields>
  return spanOfAttempt({ attributes: {}, ...rest, start_time: startTime, end_time: endTime } as SpanCoreFields, from)
}

function failed(what: string): AglError {
  return new AglError({
    code: 'agent_failed',
    message: `An agent returns a finite number (its reward), a boolean, { reward, primary }, a list of spans, or nothing; ${what}.`,
  })
}

function describe(value: unknown): string {
  if (isPlainObject(value)) return `an object with the keys ${Object.keys(value).slice(0, 10).join(', ') || '(none)'}`
  return typeof value === 'number' || value === null ? String(value) : `a value of type ${typeof value}`
}
