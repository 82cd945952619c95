import { setTimeout as sleep } from 'node:timers/promises'
import { AglError, implementing, type Logger, silentLogger } from '@agl/types'
import { z } from 'zod'

/** How calls that failed are sent again: after a random time between 0 and `baseMs` · 2ⁿ, at most `maxMs`. */
export interface ModelRetry {
  /** Tries of one call, the first included; at least 1. */
  readonly attempts?: number
  /** In milliseconds, at least 0. */
  readonly baseMs?: number
  /** In milliseconds, at least 0. What the service asks to wait (`Retry-After`) is waited on top. */
  readonly maxMs?: number
}

/** What every maker of a {@link ChatModel} takes. */
export interface ModelCallOptions {
  /** Called so in logs and reports. Default: what the service calls the model. */
  readonly name?: string
  /** Longest time of one try in milliseconds, up to its last byte. Node's own `fetch` gives up after 300,000 without headers. */
  readonly requestTimeoutMs?: number
  /** Longest time of one call in milliseconds, with all its tries and the pauses between them. */
  readonly deadlineMs?: number
  readonly retry?: ModelRetry
  /** Told of tries that failed, and of parameters that a model turned out not to take. Default: silent. */
  readonly logger?: Logger
}

/** The defaults of {@link ModelCallOptions}: a minute of rate limiting or of a service that restarts is survived. */
export const modelCallDefaults: Readonly<{
  requestTimeoutMs: number
  deadlineMs: number
  retry: Readonly<Required<ModelRetry>>
}> = Object.freeze({
  requestTimeoutMs: 180_000,
  deadlineMs: 600_000,
  retry: Object.freeze({ attempts: 8, baseMs: 500, maxMs: 30_000 }),
})

/** Longer timers would fire at once. */
const longestTimerMs = 2 ** 31 - 1
const milliseconds = z.number().positive().max(longestTimerMs)

/** For the schemas of the makers. */
export const modelCallShape: Readonly<Record<keyof ModelCallOptions, z.ZodType>> = Object.freeze({
  name: z.string().min(1).optional(),
  requestTimeoutMs: milliseconds.optional(),
  deadlineMs: milliseconds.optional(),
  retry: z
    .strictObject({
      attempts: z.int().min(1).optional(),
      baseMs: z.number().min(0).max(longestTimerMs).optional(),
      maxMs: z.number().min(0).max(longestTimerMs).optional(),
    })
    .optional(),
  logger: implementing<Logger>('a Logger', 'debug', 'info', 'warn', 'error').optional(),
})

export interface CallPolicy {
  readonly requestTimeoutMs: number
  readonly deadlineMs: number
  readonly retry: Readonly<Required<ModelRetry>>
  readonly logger: Logger
}

/** Options that have been parsed, with everything filled in. */
export function policyOf(options: ModelCallOptions): CallPolicy {
  const { requestTimeoutMs, deadlineMs } = modelCallDefaults
  const { attempts, baseMs, maxMs } = modelCallDefaults.retry
  const { retry = {} } = options
  return {
    requestTimeoutMs: options.requestTimeoutMs ?? requestTimeoutMs,
    deadlineMs: options.deadlineMs ?? deadlineMs,
    retry: { attempts: retry.attempts ?? attempts, baseMs: retry.baseMs ?? baseMs, maxMs: retry.maxMs ?? maxMs },
    logger: options.logger ?? silentLogger,
  }
}

/**
 * Tries until one try answers. An error says itself whether another try may mend it (`isRetryable`), and how long the service
 * asked to wait (`data.retryAfterMs`). Pauses are random (full jitter), so that calls that were refused together do not come
 * back together.
 * @param what names the call in messages
 */
export async function withRetries<Value>(
  what: string,
  { requestTimeoutMs, deadlineMs, retry, logger }: CallPolicy,
  signal: AbortSignal | undefined,
  attempt: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const end = performance.now() + deadlineMs
  for (let tries = 1; ; tries += 1) {
    signal?.throwIfAborted()
    let failure: AglError
    try {
      return await withTimeout(what, Math.max(1, Math.min(requestTimeoutMs, end - performance.now())), signal, attempt)
    } catch (error) {
      signal?.throwIfAborted()
      if (!AglError.isInstance(error) || !error.isRetryable) throw error
      failure = error
    }
    const { retryAfterMs } = failure.data
    const asked = typeof retryAfterMs === 'number' ? retryAfterMs : 0
    const pauseMs = asked + Math.random() * Math.min(retry.maxMs, retry.baseMs * 2 ** (tries - 1))
    if (tries >= retry.attempts) throw givenUp(failure, tries, `${tries} of ${retry.attempts} tries`)
    if (performance.now() + pauseMs >= end)
      throw givenUp(failure, tries, `the next try would come after the ${deadlineMs} ms that a call has`)
    logger.warn('A call of a model failed; it is sent again', { error: failure.message, tries, pauseMs: Math.round(pauseMs) })
    await pause(pauseMs, signal)
  }
}

function givenUp({ code, message, data, cause }: AglError, tries: number, why: string): AglError {
  return new AglError({ code, message: `${message} (given up: ${why})`, data: { ...data, tries }, cause, isRetryable: true })
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    // Node's own error hides the reason.
    signal?.throwIfAborted()
    throw error
  }
}

async function withTimeout<Value>(
  what: string,
  ms: number,
  signal: AbortSignal | undefined,
  attempt: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const late = new AbortController()
  const timer = setTimeout(() => {
    late.abort(new AglError({ code: 'timeout', message: `${what} gave no answer within ${Math.round(ms)} ms.` }))
  }, ms)
  try {
    return await attempt(signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]))
  } catch (error) {
    // Whatever the transport made of the abort.
    throw late.signal.aborted ? late.signal.reason : error
  } finally {
    clearTimeout(timer)
  }
}

/** What a service asks to wait, in milliseconds: `Retry-After-Ms`, or `Retry-After` in seconds or as a date; null = it does not say. */
export function retryAfterOf(header: (name: string) => string | null | undefined): number | null {
  const ms = header('retry-after-ms')
  if (ms != null && /^\d+(\.\d+)?$/.test(ms.trim())) return Number(ms)
  const after = header('retry-after')?.trim()
  if (after === undefined) return null
  if (/^\d+(\.\d+)?$/.test(after)) return Number(after) * 1000
  const date = Date.parse(after)
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now())
}
