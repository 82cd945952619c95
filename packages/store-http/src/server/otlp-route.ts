import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { AglError, errorMessage, type LightningStore, type NewSpan } from '@agl/types'
import type { DecodedTraces } from '../otlp/collect-spans.ts'
import { decodeTraces } from '../otlp/decode-traces.ts'
import { otlpContentTypes, otlpEncoding } from '../otlp/encoding.ts'
import { encodeRpcStatus, encodeTraceResponse, traceResponseToJson } from '../otlp/trace-response.ts'
import { toErrorReply } from '../wire/errors.ts'
import type { AppParts } from './app.ts'
import { authorize, type Identity, mayTouchAttempt } from './auth/index.ts'
import { readBody } from './body.ts'
import { countRequest } from './metrics.ts'

const gzipped = promisify(gzip)

type Encoding = ReturnType<typeof otlpEncoding>

/** What was not stored, and why: the first reasons, since one mistake is often repeated by every span. */
interface Rejected {
  count: number
  readonly messages: string[]
}

const mostMessages = 3

function reject(rejected: Rejected, count: number, message: string): void {
  rejected.count += count
  if (rejected.messages.length < mostMessages && !rejected.messages.includes(message)) rejected.messages.push(message)
}

/** `POST /v1/traces`: what fits is stored, what does not is counted in the answer; nothing else fails because of it. */
export async function handleTraces(request: IncomingMessage, response: ServerResponse, parts: AppParts): Promise<void> {
  const { authenticator, limits, logger, metrics, store } = parts
  countRequest(metrics, { path: '/v1/traces', method: 'POST' }, response)
  const identity = authenticator.authenticate(request.headers)
  authorize(identity, 'report')
  const body = await readBody(request, limits)
  const type = request.headers['content-type']
  let encoding: Encoding = 'protobuf'
  try {
    encoding = otlpEncoding(type)
    const decoded = decodeTraces(body, type)
    const rejected = await storeSpans(store, identity, decoded)
    if (rejected.count > 0) logger.warn('spans were left out', { count: rejected.count, why: rejected.messages.join(' ') })
    const outcome = { rejectedSpans: rejected.count, message: rejected.messages.join(' ') }
    const reply = encoding === 'json' ? JSON.stringify(traceResponseToJson(outcome)) : encodeTraceResponse(outcome)
    await send(request, response, { status: 200, encoding, reply })
  } catch (error) {
    const { status } = toErrorReply(error)
    if (status >= 500) logger.warn('traces could not be stored', { error: errorMessage(error) })
    const message = AglError.isInstance(error) ? error.message : 'Internal server error'
    const reply = encoding === 'json' ? JSON.stringify({ message }) : encodeRpcStatus(message)
    // Exporters send again what is answered with one of a few statuses, and a span that comes twice is stored once.
    await send(request, response, { status: status === 507 ? 503 : status, encoding, reply })
  }
}

async function storeSpans(
  store: LightningStore,
  identity: Identity,
  { spans, rejected: unread }: DecodedTraces,
): Promise<Rejected> {
  const rejected: Rejected = { count: unread.count, messages: [...unread.messages] }
  const own = spans.filter((span) => mayTouchAttempt(identity, span.rollout_id, span.attempt_id))
  if (own.length < spans.length) reject(rejected, spans.length - own.length, 'The token belongs to another attempt.')
  if (own.length === 0) return rejected
  try {
    await store.addManySpans({ spans: own })
  } catch (error) {
    if (!isOfSpans(error)) throw error
    for (const group of groupByAttempt(own)) await storeGroup(store, group, rejected)
  }
  return rejected
}

/** Whether some of the spans are at fault, so that the others may be stored. */
function isOfSpans(error: unknown): boolean {
  return AglError.isInstance(error, 'not_found') || AglError.isInstance(error, 'invalid_argument')
}

async function storeGroup(store: LightningStore, spans: readonly NewSpan[], rejected: Rejected): Promise<void> {
  try {
    await store.addManySpans({ spans })
  } catch (error) {
    if (!isOfSpans(error)) throw error
    if (spans.length === 1 || AglError.isInstance(error, 'not_found')) reject(rejected, spans.length, errorMessage(error))
    else for (const span of spans) await storeGroup(store, [span], rejected)
  }
}

function groupByAttempt(spans: readonly NewSpan[]): Iterable<readonly NewSpan[]> {
  return Map.groupBy(spans, (span) => JSON.stringify([span.rollout_id, span.attempt_id])).values()
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, encoding, reply }: { readonly status: number; readonly encoding: Encoding; readonly reply: Uint8Array | string },
): Promise<void> {
  if (response.destroyed) return
  const isGzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
  const body = isGzip ? await pack(reply) : Buffer.from(reply as string)
  response.writeHead(status, {
    'content-type': otlpContentTypes[encoding],
    'content-length': body.length,
    ...(isGzip ? { 'content-encoding': 'gzip' } : {}),
  })
  // A body of its own, even of no bytes, is a second part of what is written.
  if (body.length === 0) response.end()
  else response.end(body)
}

let packedNothing: Promise<Buffer> | null = null

/** Most answers are empty, and Python's exporters ask for all of them in gzip. */
function pack(reply: Uint8Array | string): Promise<Buffer> {
  return reply.length === 0 ? (packedNothing ??= gzipped(reply)) : gzipped(reply)
}
