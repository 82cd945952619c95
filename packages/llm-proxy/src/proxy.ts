import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AglError, errorMessage, jsonObjectSchema, type LlmProxy, parseOptions, type ProxyLlm } from '@agl/types'
import express, { type ErrorRequestHandler, type Express } from 'express'
import { z } from 'zod'
import { type ChatHandlerParts, handleChatCompletion } from './chat-completions.ts'
import { errorBody } from './openai.ts'
import { createRoutingTable, type LlmProxyOptions, resolveOptions } from './options.ts'

const resourceSchema = z.strictObject({ model: z.string().optional(), samplingParameters: jsonObjectSchema.optional() })

const attemptPath = '/rollout/:rolloutId/attempt/:attemptId'

/** Makes a gateway; it listens from `start` to `close`, and may be started again. */
export function createLlmProxy(options: LlmProxyOptions = {}): LlmProxy {
  const resolved = resolveOptions(options)
  let table = createRoutingTable(resolved.models)
  let server: Server | null = null
  let url: string | null = null

  async function close(): Promise<void> {
    const closing = server
    server = null
    url = null
    if (closing === null) return
    closing.closeAllConnections()
    await new Promise((resolve) => closing.close(resolve))
  }

  return Object.freeze({
    async start({ sink }) {
      if (server !== null) throw new AglError({ code: 'conflict', message: 'This gateway has been started already.' })
      const { logger, upstreamTimeoutMs, host, port } = resolved
      const app = createApp({ sink, table: () => table, upstreamTimeoutMs, logger }, resolved.maxBodyBytes)
      const starting = createServer(app)
      // Node closes idle connections after 5 s; clients pool them for longer and would write into a closed one.
      starting.keepAliveTimeout = 65_000
      server = starting
      try {
        await listen(starting, host, port)
      } catch (error) {
        server = null
        throw error
      }
      const address = starting.address() as AddressInfo
      url = `http://${host.includes(':') ? `[${host}]` : host}:${address.port}/v1`
      logger.info('The gateway is listening', { url })
      return { url }
    },
    async listModels() {
      return [...table.values()]
    },
    async putModels(models) {
      const added = createRoutingTable(models)
      table = new Map([...table, ...added])
    },
    async removeModels(names) {
      table = new Map([...table].filter(([name]) => !names.includes(name)))
    },
    async asResource(resourceOptions = {}): Promise<ProxyLlm> {
      const { model, samplingParameters } = parseOptions(resourceSchema, resourceOptions, {}, 'options of asResource')
      if (url === null) throw new AglError({ code: 'closed', message: 'Start the gateway before you make resources of it.' })
      return {
        resource_type: 'proxy_llm',
        endpoint: url,
        model: model ?? onlyModel([...table.keys()]),
        api_key: null,
        sampling_parameters: samplingParameters ?? {},
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  } satisfies LlmProxy)
}

function createApp(parts: ChatHandlerParts, maxBodyBytes: number): Express {
  const app = express().disable('etag').disable('x-powered-by')
  app.get('/health', (_request, response) => void response.json({ status: 'ok' }))
  app.get([`${attemptPath}/v1/models`, '/v1/models'], (_request, response) => {
    const data = [...parts.table().keys()].map((id) => ({ id, object: 'model', owned_by: 'agl' }))
    response.json({ object: 'list', data })
  })
  app.use(express.json({ limit: maxBodyBytes }))
  app.post([`${attemptPath}/v1/chat/completions`, `${attemptPath}/chat/completions`], (request, response) =>
    handleChatCompletion(request, response, parts),
  )
  app.use((request, response) => {
    const message =
      `The gateway serves POST ${attemptPath}/v1/chat/completions; it got ${request.method} ${request.path}. ` +
      "Use the endpoint of the rollout's own resource as base URL."
    response.status(404).json(errorBody(message, 'invalid_request_error', 'not_found'))
  })
  app.use(((error: unknown, _request, response, _next) => {
    const status = typeof error === 'object' && error !== null && 'status' in error ? Number(error.status) : 500
    if (status >= 500) parts.logger.error('The gateway failed', { error: errorMessage(error) })
    if (response.headersSent) return void response.destroy()
    response.status(status).json(errorBody(errorMessage(error), status < 500 ? 'invalid_request_error' : 'internal_error'))
  }) satisfies ErrorRequestHandler)
  return app
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new AglError({
          code: 'invalid_argument',
          message: `The gateway cannot listen on ${host}:${port}: ${error.message}`,
          cause: error,
        }),
      )
    })
    server.listen(port, host, () => resolve())
  })
}

function onlyModel(names: readonly string[]): string {
  const [name] = names
  if (names.length === 1 && name !== undefined) return name
  throw new AglError({
    code: 'invalid_argument',
    message: `Say which model: the gateway has ${names.length === 0 ? 'none' : names.join(', ')}.`,
  })
}
