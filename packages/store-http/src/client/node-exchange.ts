import * as http from 'node:http'
import * as https from 'node:https'
import { Readable } from 'node:stream'
import type { Exchange, Incoming, Sending } from './exchange.ts'
import type { Server } from './servers.ts'

/**
 * Idle connections are closed after this many milliseconds, and earlier where the server says so: the Python server closes its own after
 * 5 s without a word, and what is sent at that moment is lost.
 */
const idleMs = 4000
/** Parked calls may be as many, and each leaves a connection behind. */
const mostIdle = 1024

/** By Node's own `http`, which takes half the time of its `fetch`, and can name a socket of this machine. */
export function createNodeExchange({ url, socketPath }: Pick<Server, 'url' | 'socketPath'>): Exchange {
  const isSecure = url.startsWith('https:')
  const { request, Agent, globalAgent } = isSecure ? https : http
  // A proxy that Node has been told of is for connections of ours too.
  const { proxyEnv } = (globalAgent as { readonly options?: http.AgentOptions }).options ?? {}
  const agent = new Agent({
    keepAlive: true,
    timeout: idleMs,
    maxFreeSockets: mostIdle,
    ...(proxyEnv === undefined ? {} : { proxyEnv }),
  })
  const { place, host, base } = socketPath === null ? toPlace(url) : { place: { socketPath }, host: 'localhost', base: '' }
  return {
    send({ method, path, headers, body, signal }) {
      return new Promise<Incoming>((resolve, reject) => {
        signal.throwIfAborted()
        const length = typeof body === 'string' || body instanceof Uint8Array ? Buffer.byteLength(body) : null
        const sending = request(
          {
            ...place,
            agent,
            path: `${base}${path}`,
            method,
            headers: { host, ...headers, ...(length === null ? {} : { 'content-length': length }) },
          },
          (incoming) => resolve(toIncoming(incoming, signal)),
        )
        sending.on('error', reject)
        signal.addEventListener('abort', () => sending.destroy(signal.reason as Error), { once: true })
        if (body instanceof ReadableStream) pipe(body, sending)
        else if (typeof body === 'string') sending.end(body, length === body.length ? 'latin1' : 'utf8')
        else sending.end(body ?? undefined)
      })
    },
    close: () => agent.destroy(),
  }
}

function toPlace(url: string): { readonly place: http.RequestOptions; readonly host: string; readonly base: string } {
  const { hostname, port, host, pathname } = new URL(url)
  // Brackets are for URLs only.
  const name = hostname.replace(/^\[(.*)\]$/, '$1')
  return { place: { hostname: name, ...(port === '' ? {} : { port }) }, host, base: pathname === '/' ? '' : pathname }
}

function pipe(body: ReadableStream<Uint8Array>, sending: http.ClientRequest): void {
  // What fails here fails the request, which tells of it.
  Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0])
    .on('error', (error) => sending.destroy(error))
    .pipe(sending)
}

function toIncoming(incoming: http.IncomingMessage, signal: Sending['signal']): Incoming {
  return {
    status: incoming.statusCode!,
    header(name) {
      const value = incoming.headers[name]
      return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value
    },
    text: () => textOf(incoming, signal),
    stream: () => streamOf(incoming, signal),
    discard: () => void incoming.resume(),
  }
}

function textOf(incoming: http.IncomingMessage, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const fail = (error: unknown): void => reject((signal.aborted ? signal.reason : error) as Error)
    const onBroken = (): void => fail(new Error('the connection was closed before the reply was whole'))
    const onEnd = (): void => {
      if (signal.aborted) return onBroken()
      const text = (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString()
      // A byte order mark, which is none of the text.
      resolve(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)
    }
    // What is destroyed already tells of it to nobody.
    if (incoming.destroyed) return onBroken()
    incoming.on('data', (chunk: Buffer) => void chunks.push(chunk))
    incoming.on('end', onEnd)
    incoming.on('error', fail)
    // Behind its end every reply is closed; an error that nobody gets, with its stack, took a fortieth of a runner's time.
    incoming.on('close', () => {
      if (!incoming.readableEnded) onBroken()
    })
  })
}

/** An abort counts for what has come and was not read, too: Node's own stream would still give that out. */
function streamOf(incoming: http.IncomingMessage, signal: AbortSignal): ReadableStream<Uint8Array> {
  let isOver = false
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const end = (how: () => void): void => {
        if (isOver) return
        isOver = true
        how()
      }
      incoming.on('data', (chunk: Buffer) => {
        if (isOver) return
        controller.enqueue(chunk)
        if ((controller.desiredSize ?? 0) <= 0) incoming.pause()
      })
      incoming.once('end', () => end(() => controller.close()))
      incoming.on('error', (error) => end(() => controller.error(error)))
      const onAbort = (): void => {
        incoming.destroy()
        // Harmless where all of it was read.
        controller.error(signal.reason)
        isOver = true
      }
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
    },
    pull: () => void incoming.resume(),
    cancel() {
      isOver = true
      incoming.destroy()
    },
  })
}
