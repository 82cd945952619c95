import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AglError, errorMessage, type Logger, parseOrThrow, silentLogger } from '@agl/types'
import express, { type NextFunction, type Request, type Response } from 'express'
import { z } from 'zod'
import type { EmbeddedModel } from '../model.ts'
import { completeChat } from './complete-chat.ts'
import { failure, unknownRoute } from './errors.ts'

export interface ModelServerOptions {
  /** Started and closed by the caller. */
  readonly model: EmbeddedModel
  /** Default `127.0.0.1`: there is no authentication, so think before you widen it. */
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  /** Default: says nothing. */
  readonly logger?: Logger
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number
  /** Default: a random UUID. */
  readonly createId?: () => string
}

/** The defaults of {@link ModelServerOptions}. */
export const modelServerDefaults: Readonly<{ host: string; port: number }> = Object.freeze({ host: '127.0.0.1', port: 0 })

/** The model behind the OpenAI API: `POST /v1/chat/completions`, `GET /v1/models`, `GET /health`. */
export interface ModelServer extends AsyncDisposable {
  /** `url` is the base for OpenAI clients: it ends in `/v1`. Once only. */
  start(): Promise<{ readonly url: string }>
  /** Ends at once: answers in the making are cut off. May be called again. The model stays open. */
  close(): Promise<void>
}

const isFunction = (value: unknown): boolean => typeof value === 'function'
const optionsSchema = z.strictObject({
  model: z.custom<EmbeddedModel>((value) => typeof value === 'object' && value !== null, 'expected an embedded model'),
  host: z.string().min(1).default(modelServerDefaults.host),
  port: z.int().min(0).max(65_535).default(modelServerDefaults.port),
  logger: z.custom<Logger>((value) => typeof value === 'object' && value !== null, 'expected a logger').default(silentLogger),
  now: z.custom<() => number>(isFunction, 'expected a function').default(() => Date.now),
  createId: z.custom<() => string>(isFunction, 'expected a function').default(() => randomUUID),
})

/** Longer than clients keep idle connections; Node's own 5 s makes pooled clients run into resets. */
const keepAliveMs = 65_000
const bodyLimit = '1mb'

export function createModelServer(options: ModelServerOptions): ModelServer {
  const { model, host, port, logger, now, createId } = parseOrThrow(optionsSchema, options, 'options of createModelServer')
  const startedAt = Math.floor(now() / 1000)
  const app = express().disable('etag').disable('x-powered-by')

  app.get('/health', (_request, response) => {
    response.status(model.isRunning ? 200 : 503).json({ status: model.isRunning ? 'ok' : 'unavailable', model: model.name })
  })
  app.get('/v1/models', (_request, response) => {
    const ids = [model.name, ...model.versions.map((version) => `${model.name}@${version}`)]
    response.json({ object: 'list', data: ids.map((id) => ({ id, object: 'model', created: startedAt, owned_by: 'agl' })) })
  })
  app.post('/v1/chat/completions', express.json({ limit: bodyLimit, type: () => true }), async (request, response) => {
    await completeChat({ model, now, createId }, request.body, response)
  })
  app.use((request, response) => {
    const { status, body } = unknownRoute(request.method, request.path)
    response.status(status).json(body)
  })
  // Express tells an error handler by its four parameters.
  app.use((thrown: unknown, _request: Request, response: Response, _next: NextFunction) => {
    const { status, body } = failure(thrown)
    if (status >= 500) logger.error('completion failed', { error: errorMessage(thrown), status })
    if (response.destroyed) return
    if (response.headersSent) response.end(`data: ${JSON.stringify(body)}\n\n`)
    else response.status(status).json(body)
  })

  let server: Server | undefined
  let isClosed = false
  const close = async (): Promise<void> => {
    isClosed = true
    if (!server?.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }

  return {
    async start() {
      if (isClosed || server !== undefined)
        throw new AglError({ code: 'conflict', message: 'The model server can be started once only.' })
      server = createServer({ keepAliveTimeout: keepAliveMs }, app)
      server.listen(port, host)
      try {
        await once(server, 'listening')
      } catch (cause) {
        throw new AglError({ code: 'conflict', message: `Cannot listen on ${host}:${port}: ${errorMessage(cause)}`, cause })
      }
      const address = server.address() as AddressInfo
      const url = `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}/v1`
      logger.info('model server listening', { url, model: model.name })
      return { url }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
