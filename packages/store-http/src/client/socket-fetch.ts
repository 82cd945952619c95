import { Agent, request as sendRequest, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/** What the client uses of `fetch`. */
export interface SocketRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | ReadableStream<Uint8Array> | null
  readonly signal: AbortSignal
}

/** Requests over a socket of this machine, which Node's own `fetch` has no way to name. */
export interface SocketFetch {
  fetch(path: string, request: SocketRequest): Promise<Response>
  /** Lets idle connections go. */
  close(): void
}

/** Statuses whose replies must have no body, which `Response` insists on. */
const withoutBody: ReadonlySet<number> = new Set([204, 205, 304])

export function createSocketFetch(socketPath: string): SocketFetch {
  const agent = new Agent({ keepAlive: true })
  return {
    fetch(path, { method, headers, body, signal }) {
      return new Promise((resolve, reject) => {
        const length = typeof body === 'string' || body instanceof Uint8Array ? { 'content-length': Buffer.byteLength(body) } : {}
        const sending = sendRequest(
          { socketPath, agent, path, method, headers: { host: 'localhost', ...headers, ...length }, signal },
          (incoming) => resolve(toResponse(incoming, signal)),
        )
        sending.once('error', reject)
        if (body instanceof ReadableStream) {
          // What fails here fails the request, which tells of it.
          Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0])
            .on('error', (error) => sending.destroy(error))
            .pipe(sending)
        } else sending.end(body ?? undefined)
      })
    },
    close: () => agent.destroy(),
  }
}

function toResponse(incoming: IncomingMessage, signal: AbortSignal): Response {
  const { statusCode: status = 500, rawHeaders } = incoming
  const headers = new Headers()
  for (let index = 0; index < rawHeaders.length; index += 2) headers.append(rawHeaders[index]!, rawHeaders[index + 1]!)
  if (withoutBody.has(status)) {
    incoming.resume()
    return new Response(null, { status, headers })
  }
  return new Response(bodyOf(incoming, signal), { status, headers })
}

/** An abort counts for what has come and was not read, too: Node's own stream would still give that out. */
function bodyOf(incoming: IncomingMessage, signal: AbortSignal): ReadableStream<Uint8Array> {
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
      // The signal is the request's own and goes with it.
      signal.addEventListener('abort', onAbort, { once: true })
    },
    pull: () => void incoming.resume(),
    cancel() {
      isOver = true
      incoming.destroy()
    },
  })
}
