import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AglError, errorMessage, implementing, parseOptions, type ReadableMetrics } from '@agl/types'
import { z } from 'zod'

export interface MetricsServerOptions {
  readonly metrics: ReadableMetrics
  /** Default 127.0.0.1. Whoever reaches it may read: there are no tokens here. */
  readonly host?: string
  /** 0, the default, takes any free one. */
  readonly port?: number
}

const optionsSchema = z.strictObject({
  metrics: implementing<ReadableMetrics>('metrics that can be read', 'read'),
  host: z.string().min(1).optional(),
  port: z.int().min(0).max(65_535).optional(),
})

/** Metrics of a process without a store server, such as a runner, for a scraper. */
export interface MetricsServer extends AsyncDisposable {
  readonly url: string
  close(): Promise<void>
}

/** Answers `GET /metrics`, and `/v1/prometheus` as a store server does. */
export async function serveMetrics(options: MetricsServerOptions): Promise<MetricsServer> {
  const { metrics, host, port } = parseOptions(optionsSchema, options, { host: '127.0.0.1', port: 0 }, 'options of serveMetrics')
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0]
    if (request.method !== 'GET' || (path !== '/metrics' && path !== '/v1/prometheus')) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Expected GET /metrics.\n')
      return
    }
    metrics.read().then(
      ({ contentType, text }) => response.writeHead(200, { 'content-type': contentType }).end(text),
      (error: unknown) => response.writeHead(500, { 'content-type': 'text/plain' }).end(`${errorMessage(error)}\n`),
    )
  })
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new AglError({
      code: 'conflict',
      message: `The metrics cannot be served at ${host}:${port}: ${errorMessage(cause)}. Choose another port, or 0 for any free one.`,
      cause,
    })
  }
  const address = server.address() as AddressInfo
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
  const close = async (): Promise<void> => {
    server.close()
    server.closeAllConnections()
  }
  return Object.freeze({ url: `http://${name}:${address.port}/metrics`, close, [Symbol.asyncDispose]: close })
}
