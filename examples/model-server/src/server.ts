import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Api } from './api.ts'
import { chatCompletions } from './chat-completions.ts'
import { messages } from './messages.ts'
import { answerTo, type JsonRecord, recordOf } from './model.ts'
import { responses } from './responses.ts'

export interface ModelServer {
  /** `http://127.0.0.1:…`: what Anthropic's client takes; OpenAI's takes it with `/v1` behind. */
  readonly url: string
  close(): Promise<void>
}

const apis: Readonly<Record<string, Api>> = {
  '/v1/chat/completions': chatCompletions,
  '/v1/responses': responses,
  '/v1/messages': messages,
}

/** Starts the scripted model on a free port. Keys are not looked at. */
export async function startModelServer({ port = 0 }: { readonly port?: number } = {}): Promise<ModelServer> {
  let answers = 0
  const server = createServer((request, response) => {
    answer(request, response, () => ++answers).catch((error: unknown) => {
      response.writeHead(400, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: { message: String(error), type: 'invalid_request_error' } }))
    })
  })
  await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => void server.close(resolve))
    },
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, nextNumber: () => number): Promise<void> {
  const api = apis[new URL(request.url ?? '/', 'http://localhost').pathname]
  if (api === undefined || request.method !== 'POST') {
    response.writeHead(404, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ error: { message: `There is no ${request.method} ${request.url} here.`, type: 'not_found' } }))
    return
  }
  const body: JsonRecord = recordOf(JSON.parse(await text(request)))
  const context = { body, answer: answerTo(api.turns(body), api.toolNames(body)), number: nextNumber() }
  if (body['stream'] !== true) {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(api.write(context)))
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const { event, data } of api.stream(context)) {
    const line = typeof data === 'string' ? data : JSON.stringify(data)
    response.write(`${event === null ? '' : `event: ${event}\n`}data: ${line}\n\n`)
    // Each event on its own, as a real stream brings them.
    await new Promise((resolve) => setImmediate(resolve))
  }
  response.end()
}
