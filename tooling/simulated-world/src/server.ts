import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { modelNames, type Models } from './models.ts'

export interface WorldServer {
  /** With `/v1` at its end, as OpenAI's clients take it. */
  readonly baseUrl: string
  close(): Promise<void>
}

const content = z.union([z.string(), z.array(z.object({ text: z.string().optional() }))]).nullish()
const requestSchema = z.object({
  model: z.enum(modelNames),
  messages: z.array(z.object({ role: z.string(), content })).min(1),
  seed: z.int().nullish(),
  stream: z.literal(false).nullish(),
})

/** Serves the models at `/v1/chat/completions` on a free port of this machine. Keys are not looked at. */
export async function startWorldServer(models: Models): Promise<WorldServer> {
  let replies = 0
  const server = createServer((request, response) => {
    answer(models, request, response, () => ++replies).catch((error: unknown) => {
      // The asker may be gone; then there is nobody to tell.
      if (!response.writableEnded) refuse(response, 400, error instanceof z.ZodError ? z.prettifyError(error) : String(error))
    })
  })
  // Clients pool connections for longer than Node keeps idle ones.
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => void server.close(resolve))
    },
  }
}

async function answer(models: Models, request: IncomingMessage, response: ServerResponse, nextId: () => number): Promise<void> {
  if (request.url !== '/v1/chat/completions' || request.method !== 'POST') {
    refuse(response, 404, `There is no ${request.method} ${request.url} here; POST /v1/chat/completions.`)
    return
  }
  const { model, messages, seed } = requestSchema.parse(JSON.parse(await text(request)))
  const said = messages.map(({ content }) => textOf(content)).join('\n\n')
  const reply = models.call({ model, text: said, ...(seed != null && { seed }) })
  if (reply.latencyMs > 0) await sleep(reply.latencyMs)
  if (reply.failure !== null) {
    refuse(response, reply.failure, reply.failure === 429 ? 'Rate limit reached.' : 'The model failed.')
    return
  }
  const [promptTokens, completionTokens] = [said, reply.text].map((one) => Math.ceil(one.length / 4)) as [number, number]
  send(response, 200, {
    id: `chatcmpl-${nextId()}`,
    object: 'chat.completion',
    created: 1_700_000_000,
    model,
    choices: [
      { index: 0, message: { role: 'assistant', content: reply.text, refusal: null }, logprobs: null, finish_reason: 'stop' },
    ],
    usage: { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens },
  })
}

function textOf(content: z.infer<typeof requestSchema>['messages'][number]['content']): string {
  return typeof content === 'string' ? content : (content ?? []).map(({ text }) => text ?? '').join('')
}

function refuse(response: ServerResponse, status: number, message: string): void {
  const type = { 404: 'not_found', 429: 'rate_limit_error', 500: 'server_error' }[status] ?? 'invalid_request_error'
  send(response, status, { error: { message, type } })
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
