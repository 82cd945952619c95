import { AglError, hideCredentials, isPlainObject, type JsonObject, rootMessage } from '@agl/types'
import { retryAfterOf } from './retry.ts'

/** Where a model is called over HTTP. */
export interface Endpoint {
  readonly url: URL
  /** May hold secrets: their values are kept out of every message. */
  readonly headers: Readonly<Record<string, string>>
  readonly fetch: typeof globalThis.fetch
}

/** An answer that came, good or not. */
export interface EndpointReply {
  readonly status: number
  readonly text: string
  readonly retryAfterMs: number | null
}

/** Longest quote of what a service said that went wrong. */
const longestQuote = 500

/** For messages: a query may hold a key. */
export function describeEndpoint({ url }: Endpoint): string {
  return `POST ${hideCredentials(url.origin + url.pathname)}`
}

/** @throws AglError `upstream_failed` when no whole answer came */
export async function post(endpoint: Endpoint, body: JsonObject, signal: AbortSignal): Promise<EndpointReply> {
  try {
    const response = await endpoint.fetch(endpoint.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', ...endpoint.headers },
      body: JSON.stringify(body),
      signal,
    })
    const { status, headers } = response
    return { status, text: await response.text(), retryAfterMs: retryAfterOf((name) => headers.get(name)) }
  } catch (error) {
    throw new AglError({
      code: 'upstream_failed',
      message: `${describeEndpoint(endpoint)} gave no answer: ${hideSecrets(rootMessage(error), endpoint)}.`,
      data: { url: endpoint.url.origin + endpoint.url.pathname },
      cause: error,
    })
  }
}

const codesByStatus: ReadonlyMap<number, string> = new Map([
  [400, 'invalid_argument'],
  [401, 'unauthorized'],
  [403, 'forbidden'],
  [404, 'not_found'],
  [413, 'context_length_exceeded'],
  [422, 'invalid_argument'],
])

/** What OpenAI, vLLM and Anthropic say of it. */
const isTooLong = /context_length_exceeded|maximum context length|prompt is too long/

/** The error that a reply tells of. Another try may mend it when the service is busy or broken; never what it refused. */
export function errorOfReply(endpoint: Endpoint, { status, text, retryAfterMs }: EndpointReply, problem?: string): AglError {
  const body = hideSecrets(text, endpoint).slice(0, longestQuote)
  return new AglError({
    code: status === 400 && isTooLong.test(text) ? 'context_length_exceeded' : (codesByStatus.get(status) ?? 'upstream_failed'),
    message: `${describeEndpoint(endpoint)} answered ${status}${problem === undefined ? '' : `, ${problem}`}: ${body || '(nothing)'}`,
    data: { url: endpoint.url.origin + endpoint.url.pathname, status, body, ...(retryAfterMs === null ? {} : { retryAfterMs }) },
    isRetryable: isTransient(status),
  })
}

/** Also of answers with a good status that hold no answer, as gateways write them when a model behind them fails. */
export function isTransient(status: number): boolean {
  return status < 300 || status === 408 || status === 409 || status === 429 || status >= 500
}

/** Services quote keys that they refuse. */
function hideSecrets(text: string, { headers }: Endpoint): string {
  const secrets = Object.values(headers).flatMap((value) => [value, value.replace(/^\S+\s+/, '')])
  return secrets.filter((secret) => secret.length >= 8).reduce((hidden, secret) => hidden.replaceAll(secret, '…'), text)
}

/**
 * The parameter of the request that a 400 says the model does not take; null when it says something else. Told by the field
 * `param` of OpenAI's errors, or by the name in the text, together with words that refuse the parameter and not its value.
 */
export function refusedParameter({ status, text }: EndpointReply, sent: readonly string[]): string | null {
  if (status !== 400 && status !== 422) return null
  if (
    !/unsupported|not supported|n[o']t support|deprecated|unknown|unrecognized|not permitted|extra inputs|unexpected/i.test(text)
  )
    return null
  const param = paramOf(text)
  return sent.find((name) => (param === null ? new RegExp(`\\b${name}\\b`).test(text) : name === param)) ?? null
}

function paramOf(text: string): string | null {
  try {
    const body: unknown = JSON.parse(text)
    const error = isPlainObject(body) ? body['error'] : null
    const param = isPlainObject(error) ? error['param'] : null
    // A part of it (`response_format.json_schema`) stands for the whole.
    return typeof param === 'string' && param !== '' ? param.replace(/[.[].*$/s, '') : null
  } catch {
    return null
  }
}
