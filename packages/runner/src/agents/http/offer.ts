import { setTimeout as sleep } from 'node:timers/promises'
import { AglError, errorMessage, type Logger } from '@agl/types'
import { backOff } from '../../retry.ts'
import { infraError } from '../infra-error.ts'
import { type HttpReply, type HttpSend, send, SendError } from './send.ts'

/** An agent that wants to be left alone for longer is asked no later than this all the same, in milliseconds. */
const longestRetryAfterMs = 60_000

/** How much of a reply an error tells. */
const longestQuote = 500

/**
 * Offers a task until the agent takes it: again only where it cannot have been taken, which is when no connection was made, or
 * when the agent says so (429 or 503 with `Retry-After`).
 * @throws AglError an infrastructure error, or `agent_failed` for status 500: the agent's own failure
 */
export async function offer(
  request: HttpSend,
  { retries, logger }: { readonly retries: number; readonly logger: Logger },
): Promise<HttpReply> {
  const again = (why: string): void => logger.info('A task was not taken; it is offered again', { to: placeOf(request.url), why })
  for (let tries = 0; ; tries += 1) {
    let reply: HttpReply
    try {
      reply = await send(request)
    } catch (error) {
      if (!(error instanceof SendError)) throw error
      if (error.wasSent || tries >= retries || !passing.test(error.message)) throw unreachable(request.url, error, tries + 1)
      again(error.message)
      await backOff(tries, request.signal)
      continue
    }
    if (reply.status >= 200 && reply.status < 300) return reply
    const retryAfterMs = reply.status === 429 || reply.status === 503 ? retryAfterOf(reply) : null
    if (retryAfterMs === null || tries >= retries) throw refused(request.url, reply, tries + 1)
    again(`status ${reply.status}`)
    await sleep(Math.min(retryAfterMs, longestRetryAfterMs), undefined, { signal: request.signal })
  }
}

/** Without what a URL may hold of secrets. */
export function placeOf({ origin, pathname }: URL): string {
  return origin + pathname
}

/** What a reply began with. */
export function quoteOf({ body }: HttpReply): string {
  const text = body.trim()
  if (text === '') return '(nothing)'
  return text.length <= longestQuote ? text : `${text.slice(0, longestQuote)}… (${text.length} characters)`
}

/** What is different a moment later, such as while the agent is started anew; an unknown name or a bad certificate is not. */
const passing: RegExp = /^(ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN)/

function unreachable(url: URL, error: SendError, tries: number): AglError {
  const { cause } = error
  if (AglError.isInstance(cause, 'agent_failed')) {
    return new AglError({
      code: 'agent_failed',
      message: `The agent at ${placeOf(url)} answered too much: ${cause.message}.`,
      cause,
    })
  }
  const message = error.wasSent
    ? `The agent at ${placeOf(url)} did not finish its reply (${errorMessage(error)}); the task is not sent again, since it may be at work on it.`
    : `The agent at ${placeOf(url)} cannot be reached (${errorMessage(error)}; ${tries === 1 ? 'one try' : `${tries} tries`}). Is it running, and is this its address?`
  return infraError({ code: 'upstream_failed', message, cause: error })
}

function refused(url: URL, reply: HttpReply, tries: number): AglError {
  const { status, headers } = reply
  const offered = tries === 1 ? '' : ` after ${tries} tries`
  const to = headers.location === undefined ? '' : ` (to ${headers.location}; set \`url\` to where it is)`
  const message = `The agent at ${placeOf(url)} answered ${status}${to}${offered}: ${quoteOf(reply)}`
  const data = { status }
  if (status === 500) return new AglError({ code: 'agent_failed', message, data })
  const isRetryable = status === 429 || status > 500
  return infraError({ code: 'upstream_failed', message, data, isRetryable })
}

/** Seconds or a date, in milliseconds from now; null when it says nothing. */
function retryAfterOf({ headers }: HttpReply): number | null {
  const text = headers['retry-after']
  if (text === undefined) return null
  const ms = /^\s*\d+\s*$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isNaN(ms) ? null : Math.max(0, ms)
}
