import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

/** Stands in for a model, so that this runs anywhere: it knows one capital. Put the address of your own in its place. */
export async function startModel(): Promise<{ readonly url: string; close(): void }> {
  const server = createServer(async (request, response) => {
    const { messages } = (await json(request)) as { readonly messages: readonly { readonly content: string }[] }
    const content = messages.at(-1)!.content.includes('France') ? 'Paris' : 'I do not know.'
    const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }]
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'capitals', choices }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/v1`, close: () => void server.close() }
}
