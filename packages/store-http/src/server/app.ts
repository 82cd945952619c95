import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { AglError, errorMessage, type LightningStore, type Logger } from '@agl/types'
import express, { type ErrorRequestHandler, type Express } from 'express'
import { apiHeader, apiPrefixes, apiVersion } from '../wire/paths.ts'
import { sendError, sendJson } from './answers.ts'
import { type Authenticator, authorize } from './auth/index.ts'
import type { BodyLimits } from './body.ts'
import type { Cors } from './cors.ts'
import { createEndpointTable, type Endpoint, type PathParams } from './endpoint-table.ts'
import type { KeyedClaims } from './keyed-claims.ts'
import { countRequest, type Metrics } from './metrics.ts'
import { describeApi } from './openapi.ts'
import { handleTraces } from './otlp-route.ts'
import type { Route } from './route.ts'
import { routes } from './routes/index.ts'
import { serve } from './serve.ts'

export interface AppParts {
  readonly store: LightningStore
  readonly storeName: string
  readonly logger: Logger
  readonly authenticator: Authenticator
  readonly cors: Cors
  /** Refuses a request before anything is read of it. @throws AglError */
  readonly guard: (request: IncomingMessage) => void
  readonly limits: BodyLimits
  readonly maxWaitMs: number
  readonly maxPageSize: number
  readonly keyedClaims: KeyedClaims
  /** Null: nothing is measured. */
  readonly metrics: Metrics | null
  /** Aborted when the server closes. */
  readonly closing: AbortSignal
}

/** The whole API over one store. */
export function createApp(parts: AppParts): RequestListener {
  const endpoints = apiPrefixes.flatMap((prefix) => routes.map((route) => toEndpoint(route, prefix, parts)))
  const traces: Endpoint = {
    method: 'POST',
    path: '/v1/traces',
    answer: (request, response) => handleTraces(request, response, parts),
  }
  const find = createEndpointTable([...endpoints, traces])
  const app = createExpressApp(parts, endpoints, traces)
  return (request, response) => {
    const found = find(request.method!, request.url!)
    if (found === null) return app(request, response)
    const fail = (error: unknown): void => sendError(response, asAglError(error), parts.logger)
    try {
      greet(request, response, parts.cors)
      admit(request, parts)
      found.endpoint.answer(request, response, found.params).catch(fail)
    } catch (error) {
      fail(error)
    }
  }
}

/** A path as the reference writes it. */
function templateOf({ path }: Pick<Route, 'path'>): string {
  return path.replace(/:(\w+)/g, '{$1}')
}

function toEndpoint(route: Route, prefix: string, parts: AppParts): Endpoint {
  // Whichever prefix was asked.
  const kind = { path: apiPrefixes[0] + templateOf(route), method: route.method }
  return {
    method: route.method,
    path: prefix + route.path,
    answer(request, response, params) {
      countRequest(parts.metrics, kind, response)
      return serve(route, request, response, params, parts)
    },
  }
}

/** Before anything is read of a request. @throws AglError for one that is refused by where it comes from */
function admit(request: IncomingMessage, { guard, cors }: AppParts): void {
  guard(request)
  cors.refuseForeign(request.method, request.headers)
}

/** What every answer carries. */
function greet(request: IncomingMessage, response: ServerResponse, cors: Cors): void {
  response.setHeader(apiHeader, apiVersion)
  const shared = cors.headersFor(request.headers)
  for (const name in shared) response.setHeader(name, shared[name]!)
}

/** Everything, also what is asked for in an unusual way, or is no endpoint of the API. */
function createExpressApp(parts: AppParts, endpoints: readonly Endpoint[], traces: Endpoint): Express {
  const app = express().disable('etag').disable('x-powered-by').set('query parser', false)
  app.set('case sensitive routing', true)
  app.use((request, response, next) => {
    greet(request, response, parts.cors)
    const preflight = parts.cors.preflight(request.method, request.headers)
    if (preflight === null) {
      admit(request, parts)
      return next()
    }
    response.writeHead(preflight.status, preflight.headers).end(preflight.body)
  })
  const allowed = new Map<string, Set<string>>()
  for (const { method, path } of endpoints) allowed.set(path, (allowed.get(path) ?? new Set()).add(method))
  for (const { method, path, answer } of [...endpoints, traces]) {
    app[toMethod(method)](path, (request, response) => answer(request, response, request.params as PathParams))
  }
  app.post(['/v1/metrics', '/v1/logs', '/v1/development/profiles'], (_request, response) => void response.status(501).end())
  const { metrics } = parts
  if (metrics !== null) {
    app.get('/v1/prometheus{/}', async (request, response) => {
      authorize(parts.authenticator.authenticate(request.headers), 'metrics')
      const { contentType, text } = await metrics.read()
      response.setHeader('content-type', contentType)
      response.end(text)
    })
  }
  let description: string | null = null
  app.get('/openapi.json', (_request, response) => {
    description ??= JSON.stringify(describeApi())
    response.setHeader('content-type', 'application/json')
    response.end(description)
  })
  for (const [path, methods] of allowed) {
    app.all(path, (request, response) => {
      countRequest(metrics, { path: templateOf({ path }), method: request.method }, response)
      response.setHeader('allow', [...methods].join(', '))
      sendJson(response, 405, { detail: 'Method Not Allowed' })
    })
  }
  app.use((request, response) => {
    countRequest(metrics, { path: 'unknown', method: request.method }, response)
    sendJson(response, 404, { detail: 'Not Found' })
  })
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
