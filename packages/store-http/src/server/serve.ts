import type { IncomingMessage, ServerResponse } from 'node:http'
import { AglError, errorMessage, type Logger } from '@agl/types'
import { apiHeader, apiVersion, idempotencyHeader } from '../wire/paths.ts'
import { withoutOddNumbers } from '../wire/python-json.ts'
import { sendJson } from './answers.ts'
import type { AppParts } from './app.ts'
import { authorize, type Identity } from './auth/index.ts'
import { type BodyLimits, decodeBody, parseJsonBody, readBody } from './body.ts'
import type { PathParams } from './endpoint-table.ts'
import { keepNumbers, mayHaveOddNumbers, withLongIntegersAsText } from './numbers.ts'
import { bodyProblem, misfit } from './problems.ts'
import { readQuery } from './query.ts'
import type { Call, Route } from './route.ts'

/** Who asks for what needs no token. */
const anybody: Identity = Object.freeze({ role: 'viewer', name: 'anybody' })

/** Answers one request to a route. @throws AglError where the answer is an error */
export async function serve(
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
  params: PathParams,
  parts: AppParts,
): Promise<void> {
  const identity = route.action === null ? anybody : parts.authenticator.authenticate(request.headers)
  if (route.action !== null) authorize(identity, route.action)
  const call: Call = {
    store: parts.store,
    storeName: parts.storeName,
    logger: parts.logger,
    identity,
    isOurs: isOurs(request),
    params,
    query: route.query === undefined ? undefined : parseQuery(route, request.url!),
    mintToken: parts.authenticator.hasTokens ? parts.authenticator.mintAttemptToken : null,
    body: route.body === undefined ? undefined : await parseBody(route, request, parts.limits),
    idempotencyKey: decodeHeader(headerOf(request, idempotencyHeader)),
    header: (name) => headerOf(request, name),
    signal: () => signalOf(response, parts.closing),
    maxWaitMs: parts.maxWaitMs,
    maxPageSize: parts.maxPageSize,
    keyedClaims: parts.keyedClaims,
    setHeader: (name, value) => void response.setHeader(name, value),
    request,
    response,
  }
  const answer = await route.handle(call)
  if (response.headersSent) return
  if (route.onLost !== undefined) followLost(route, call, answer, parts.logger)
  sendJson(response, route.status ?? 200, answer ?? null)
}

/** @throws AglError for a client of a later version, which would be misunderstood */
function isOurs({ headers: { [apiHeader]: version } }: IncomingMessage): boolean {
  if (version === undefined) return false
  if (version === apiVersion) return true
  throw new AglError({
    code: 'invalid_argument',
    message: `This server speaks version ${apiVersion} of the API; the request is of version ${JSON.stringify(version)}. Update the server.`,
    data: { expected: apiVersion, received: version },
  })
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
  const text = decodeBody(bytes)
  const value = parseJson(text)
  if (route.numbers === 'attributes') return withLongIntegersAsText(value, text)
  const known = mayHaveOddNumbers(text) ? withoutOddNumbers(value) : value
  if (route.numbers !== undefined) keepNumbers(known, text, route.numbers)
  return known
}

function parseJson(text: string): unknown {
  try {
    return parseJsonBody(text)
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
    // A response that was written whole is closed, too, and the stack of an error is a tenth of what a claim takes.
    if (!response.writableFinished) ended.abort(new AglError({ code: 'closed', message: 'The caller is gone.' }))
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
