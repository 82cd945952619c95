import { Agent as HttpConnections, type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent as HttpsConnections, request as httpsRequest } from 'node:https'
import { AglError } from '@agl/types'

/** What came back. */
export interface HttpReply {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface HttpSend {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly maxReplyBytes: number
  readonly signal: AbortSignal
}

/**
 * One connection for each task: one that was kept from the task before may be closed just as it is used, and nobody could say
 * whether the agent has got the next one.
 */
const connections = { 'http:': new HttpConnections({ keepAlive: false }), 'https:': new HttpsConnections({ keepAlive: false }) }

/**
 * Posts once and reads the whole reply; redirections are not followed. By Node's own client and not by `fetch`, which gives up after
 * 5 minutes without a reply, and agents take their time.
 * @throws an error of the system's, with `data.wasSent` false when nothing can have arrived
 */
export async function send({ url, headers, body, maxReplyBytes, signal }: HttpSend): Promise<HttpReply> {
  const isSecure = url.protocol === 'https:'
  let wasSent = false
  try {
    return await new Promise<HttpReply>((resolve, reject) => {
      const options = {
        method: 'POST',
        agent: connections[isSecure ? 'https:' : 'http:'],
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          ...headers,
          'content-length': Buffer.byteLength(body),
        },
        signal,
      }
      const sending = isSecure ? httpsRequest(url, options) : httpRequest(url, options)
      sending.on('error', reject)
      sending.on('response', (response) => void readReply(response, maxReplyBytes).then(resolve, reject))
      sending.on('socket', (socket) => {
        socket.once(isSecure ? 'secureConnect' : 'connect', () => {
          wasSent = true
        })
      })
      sending.end(body)
    })
  } catch (error) {
    signal.throwIfAborted()
    throw new SendError(error, wasSent)
  }
}

/** Why there is no reply. */
export class SendError extends Error {
  override readonly name: string = 'SendError'
  /** Whether the agent may have got the task. */
  readonly wasSent: boolean

  constructor(cause: unknown, wasSent: boolean) {
    super(describe(cause), { cause })
    this.wasSent = wasSent
  }
}

function describe(cause: unknown): string {
  const { code, message } = cause as { readonly code?: string; readonly message?: string }
  // Of a name with several addresses Node tells the code alone.
  return [code, message].filter((part) => part !== undefined && part !== '').join(': ')
}

async function readReply(response: IncomingMessage, maxReplyBytes: number): Promise<HttpReply> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxReplyBytes) {
      response.destroy()
      throw new AglError({
        code: 'agent_failed',
        message: `its reply is longer than ${maxReplyBytes} bytes; raise \`maxReplyBytes\``,
      })
    }
    chunks.push(chunk)
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString('utf8') }
}
