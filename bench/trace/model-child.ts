// A model that takes its time, in a process of its own. See agent-overhead.ts.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serveParent } from '../lib/child.ts'

export type ModelVerbs = {
  readonly start: (options: { readonly delayMs: number }) => Promise<{ readonly port: number }>
}

const text = 'The lamp costs 12 crowns, and three of them are in stock. '.repeat(4)

serveParent<ModelVerbs>({
  async start({ delayMs }) {
    let calls = 0
    const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
      request.resume()
      request.once('end', () => {
        const body = JSON.stringify({
          id: `chatcmpl-${++calls}`,
          object: 'chat.completion',
          created: 1,
          model: 'slow',
          choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
          usage: { prompt_tokens: 400, completion_tokens: 60, total_tokens: 460 },
        })
        setTimeout(() => response.writeHead(200, { 'content-type': 'application/json' }).end(body), delayMs)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { port: (server.address() as AddressInfo).port }
  },
})
