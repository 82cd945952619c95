import type { IncomingMessage, ServerResponse } from 'node:http'
import { AglError, errorMessage, type LightningStore, type Logger } from '@agl/types'
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express'
import { toErrorReply } from '../wire/errors.ts'
import { withoutOddNumbers } from '../wire/python-json.ts'
import { apiHeader, apiPrefixes, apiVersion, idempotencyHeader } from '../wire/paths.ts'
import { type Authenticator, authorize, challengeHeaders, type Identity } from './auth/index.ts'
import { type BodyLimits, parseJsonBody, readBody } from './body.ts'
import type { Cors } from './cors.ts'
import type { Metrics } from './metrics.ts'
import { describeApi } from './openapi.ts'
import { handleTraces } from './otlp-route.ts'
import { keepNumbers, mayHaveOddNumbers, withLongIntegersAsText } from './numbers.ts'
import { bodyProblem, misfit } from './problems.ts'
import { readQuery } from './query.ts'
import type { Call, Route } from './route.ts'
import { routes } from './routes/index.ts'
import { stringify } from '../wire/stringify.ts'

export interface AppParts {
  readonly store: LightningStore
  readonly logger: Logger
  readonly authenticator: Authenticator
  readonly cors: Cors
  /** Refuses a request before anything is read of it. @throws AglError */
  readonly guard: (request: IncomingMessage) => void
  readonly limits: BodyLimits
  readonly maxWaitMs: number
  readonly metrics: Metrics
  /** Aborted when the server closes. */
  readonly closing: AbortSignal
}

/** The whole API over one store. */
export function createApp(parts: AppParts): Express {
  const app = express().disable('etag').disable('x-powered-by').set('query parser', false)
  app.set('case sensitive routing', true)
  app.use((request, response, next) => {
    response.setHeader(apiHeader, apiVersion)
    for (const [name, value] of Object.entries(parts.cors.headersFor(request.headers))) response.setHeader(name, value)
    const preflight = parts.cors.preflight(request.method, request.headers)
    if (preflight === null) {
      parts.guard(request)
      return next()
    }
    response.writeHead(preflight.status, preflight.headers).end(preflight.body)
  })
  const allowed = new Map<string, Set<string>>()
  for (const route of routes) {
    for (const prefix of apiPrefixes) {
      const path = prefix + route.path
      allowed.set(path, (allowed.get(path) ?? new Set()).add(route.method))
      app[toMethod(route.method)](path, (request, response) => serve(route, request, response, parts))
    }
  }
  app.post('/v1/traces', (request, response) => handleTraces(request, response, parts))
  app.post(['/v1/metrics', '/v1/logs', '/v1/development/profiles'], (_request, response) => void response.status(501).end())
  app.get('/v1/prometheus{/}', async (request, response) => {
    authorize(parts.authenticator.authenticate(request.headers), 'metrics')
    const { contentType, text } = await parts.metrics.read()
    response.setHeader('content-type', contentType)
    response.end(text)
  })
  let description: string | null = null
  app.get('/openapi.json', (_request, response) => {
    description ??= JSON.stringify(describeApi())
    response.setHeader('content-type', 'application/json')
    response.end(description)
  })
  for (const [path, methods] of allowed) {
    app.all(path, (_request, response) => {
      response.setHeader('allow', [...methods].join(', '))
      sendJson(response, 405, { detail: 'Method Not Allowed' })
    })
  }
  app.use((_request, response) => sendJson(response, 404, { detail: 'Not Found' }))
  app.use(((error: unknown, _request, response, _next) => {
    sendError(response, asAglError(error), parts.logger)
  }) satisfies ErrorRequestHandler)
  return app
}

function toMethod(method: Route['method']): 'get' | 'post' | 'put' | 'patch' | 'delete' {
  return method.toLowerCase() as 'get'
}

/** What express throws by itself (a path that cannot be decoded) carries a status of its own. */
function asAglError(error: unknown): unknown {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined
  if (AglError.isInstance(error) || typeof status !== 'number' || status >= 500) return error
  return new AglError({ code: 'invalid_argument', message: errorMessage(error), data: { status } })
}

/** Who asks for what needs no token. */
const anybody: Identity = Object.freeze({ role: 'viewer', name: 'anybody' })

async function serve(route: Route, request: Request, response: Response, parts: AppParts): Promise<void> {
  const start = performance.now()
  response.once('close', () => {
    parts.metrics.observe({
      path: route.path,
      method: route.method,
      status: statusOf(response),
      milliseconds: performance.now() - start,
    })
  })
  const identity = route.action === null ? anybody : parts.authenticator.authenticate(request.headers)
  if (route.action !== null) authorize(identity, route.action)
  const call: Call = {
    store: parts.store,
    logger: parts.logger,
    identity,
    isOurs: request.headers[apiHeader] !== undefined,
    params: request.params as Readonly<Record<string, string>>,
    query: route.query === undefined ? undefined : parseQuery(route, request.url),
    mintToken: parts.authenticator.hasTokens ? parts.authenticator.mintAttemptToken : null,
    body: route.body === undefined ? undefined : await parseBody(route, request, parts.limits),
    idempotencyKey: decodeHeader(headerOf(request, idempotencyHeader)),
    header: (name) => headerOf(request, name),
    signal: () => signalOf(response, parts.closing),
    maxWaitMs: parts.maxWaitMs,
    setHeader: (name, value) => void response.setHeader(name, value),
    request,
    response,
  }
  const answer = await route.handle(call)
  if (response.headersSent) return
  if (route.onLost !== undefined) followLost(route, call, answer, parts.logger)
  sendJson(response, route.status ?? 200, answer ?? null)
}

/** 499: the caller was gone before it had an answer. */
function statusOf(response: ServerResponse): number {
  return response.writableFinished ? response.statusCode : 499
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** Clients of ours write what a header cannot carry as in a URL. */
function decodeHeader(value: string | undefined): string | undefined {
  try {
    return value === undefined ? undefined : decodeURIComponent(value)
  } catch {
    return value
  }
}

function parseQuery(route: Route, url: string): unknown {
  const mark = url.indexOf('?')
  const value = readQuery(new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1)))
  const result = route.query!.safeParse(value)
  if (!result.success) throw misfit(result.error.issues, value, 'query')
  return result.data
}

const jsonType = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i

async function parseBody(route: Route, request: IncomingMessage, limits: BodyLimits): Promise<unknown> {
  const bytes = await readBody(request, limits)
  const value = bytes.length === 0 ? undefined : readJson(route, bytes, request.headers['content-type'])
  if (value === undefined || value === null) {
    if (route.isBodyOptional === true) return undefined
    if (value === undefined) throw bodyProblem('missing', 'Field required')
  }
  const result = route.body!.safeParse(value)
  if (!result.success) throw misfit(result.error.issues, value, 'body')
  return result.data
}

function readJson(route: Route, bytes: Uint8Array, contentType: string | undefined): unknown {
  if (contentType === undefined || !jsonType.test(contentType)) {
    throw bodyProblem('model_attributes_type', 'Expected JSON with the Content-Type application/json')
  }
  const value = parseJson(bytes)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  if (route.numbers === 'attributes') return withLongIntegersAsText(value, text)
  const known = mayHaveOddNumbers(text) ? withoutOddNumbers(value) : value
  if (route.numbers !== undefined) keepNumbers(known, text, route.numbers)
  return known
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return parseJsonBody(bytes)
  } catch (error) {
    if (AglError.isInstance(error) && error.data.status !== 422) throw error
    const offset = AglError.isInstance(error) && typeof error.data.offset === 'number' ? error.data.offset : undefined
    throw bodyProblem('json_invalid', `JSON decode error: ${errorMessage(error)}`, offset)
  }
}

/** Aborted when the caller is gone before it was answered, or the server closes. */
function signalOf(response: ServerResponse, closing: AbortSignal): AbortSignal {
  const ended = new AbortController()
  const onClosing = (): void => ended.abort(closing.reason)
  const onClose = (): void => {
    closing.removeEventListener('abort', onClosing)
    ended.abort(new AglError({ code: 'closed', message: 'The caller is gone.' }))
  }
  if (response.destroyed) onClose()
  else response.once('close', onClose)
  if (closing.aborted) onClosing()
  else closing.addEventListener('abort', onClosing)
  return ended.signal
}

function followLost(route: Route, call: Call, answer: unknown, logger: Logger): void {
  const { response } = call
  const onLost = (): void => {
    if (response.writableFinished) return
    route.onLost!(call, answer).catch((error: unknown) => {
      logger.warn('what a caller has not got could not be taken back', { path: route.path, error: errorMessage(error) })
    })
  }
  if (response.destroyed) onLost()
  else response.once('close', onLost)
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  if (response.destroyed) return
  const text = stringify(value)
  // A short text goes out in one write with its head; a long one is turned into bytes once.
  const body = text.length > 16_384 ? Buffer.from(text) : text
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(body)
  if (response.writableLength > 0) letGoOfSlowReader(response)
}

/** An answer that its reader does not take is memory that others need. */
const slowReaderMs = 60_000

function letGoOfSlowReader(response: ServerResponse): void {
  const timer = setTimeout(() => response.destroy(), slowReaderMs)
  timer.unref()
  response.once('close', () => clearTimeout(timer))
}

export function sendError(response: ServerResponse, error: unknown, logger: Logger): void {
  const { status, body } = toErrorReply(error)
  if (status >= 500 && !AglError.isInstance(error)) logger.error('a request has failed', { error: errorMessage(error) })
  if (response.headersSent) return void response.destroy()
  if (status === 401) for (const [name, value] of Object.entries(challengeHeaders)) response.setHeader(name, value)
  sendJson(response, status, body)
}
