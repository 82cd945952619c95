import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { JsonObject } from '@agl/types'
import { onTestFinished } from 'vitest'

/** One request as it came. */
export interface Seen {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: JsonObject
}

export interface ScriptedModel {
  readonly url: string
  readonly seen: readonly Seen[]
  /** Resolves when so many requests have come. */
  count(requests: number): Promise<void>
}

/** A real server that says what the script says; the index counts the requests from 0. */
export async function serveModel(script: (response: ServerResponse, seen: Seen, index: number) => void): Promise<ScriptedModel> {
  const seen: Seen[] = []
  const waiting = new Set<() => void>()
  const server = createServer(async (request, response) => {
    const one: Seen = { path: request.url ?? '', headers: request.headers, body: (await json(request)) as JsonObject }
    seen.push(one)
    for (const look of waiting) look()
    script(response, one, seen.length - 1)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => void server.close(resolve))
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    count: (requests) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (seen.length >= requests) resolve()
        }
        waiting.add(look)
        look()
      }),
  }
}

export function answer(
  response: ServerResponse,
  body: unknown,
  status: number = 200,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

/** As OpenAI's Chat Completions answer. */
export const completion = (content: string, finishReason: string = 'stop'): JsonObject => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: finishReason }],
  usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 },
})

/** As OpenAI refuses a parameter. */
export const unsupported = (param: string, message: string): JsonObject => ({
  error: { message, type: 'invalid_request_error', param, code: 'unsupported_parameter' },
})
