import { type ModelApi, modelApiOf } from '@agl/model-calls'
import { isPlainObject } from '@agl/types'

export type FetchArguments = Parameters<typeof globalThis.fetch>
type Input = FetchArguments[0]
type Init = FetchArguments[1]

/** Told by its form: libraries bring a `Request` of their own. */
function isRequest(input: Input): input is Request {
  return typeof input === 'object' && 'url' in input
}

/** The API that a request goes to; null when it does not ask a model for anything. */
export function modelApiOfRequest(input: Input, init?: Init): ModelApi | null {
  const method = init?.method ?? (isRequest(input) ? input.method : 'GET')
  return method.toUpperCase() === 'POST' ? modelApiOf(isRequest(input) ? input.url : input) : null
}

export function signalOf(input: Input, init?: Init): AbortSignal | null {
  return init?.signal ?? (isRequest(input) ? input.signal : null)
}

/** The body as JSON, left to be sent; null for a body that can be read only once (a stream) or is no JSON object. */
export async function readRequest(input: Input, init?: Init): Promise<Readonly<Record<string, unknown>> | null> {
  try {
    const body: unknown = JSON.parse(await readText(input, init))
    return isPlainObject(body) ? body : null
  } catch {
    return null
  }
}

async function readText(input: Input, init?: Init): Promise<string> {
  const body = init?.body ?? null
  if (typeof body === 'string') return body
  if (body instanceof Uint8Array || body instanceof ArrayBuffer) return new TextDecoder().decode(body)
  return body === null && isRequest(input) ? await input.clone().text() : ''
}

/** The same request, asking for token ids too. A length that the caller counted would be wrong now. */
export function withTokenIds(request: Readonly<Record<string, unknown>>, input: Input, init?: Init): FetchArguments {
  const headers = new Headers(init?.headers ?? (isRequest(input) ? input.headers : undefined))
  headers.delete('content-length')
  const body = JSON.stringify({ ...request, return_token_ids: true, logprobs: true })
  return [input, { ...init, headers, body }]
}
