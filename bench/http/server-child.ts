// A server in a process of its own, whose CPU time is its own. See rest-micro.ts.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createStoreServer } from '@agl/store-http/server'
import { createMemoryStore } from '@agl/store-memory'
import { serveParent } from '../lib/child.ts'
import { collectGarbage } from '../lib/measure.ts'
import { createExpressStore } from '../peers/express-store.ts'

export type ServerVerbs = {
  readonly start: (side: 'ours' | 'peer') => Promise<{ readonly port: number }>
  /** CPU microseconds since the process began. */
  readonly cpu: (none: null) => number
  readonly memory: (none: null) => { readonly rss: number }
}

serveParent<ServerVerbs>({
  async start(side) {
    if (side === 'ours') {
      const store = createMemoryStore({ retention: { maxBytes: 64 * 2 ** 20 } })
      const { url } = await createStoreServer({ store, port: 0 }).start()
      return { port: Number(new URL(url).port) }
    }
    const server = createServer(createExpressStore())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { port: (server.address() as AddressInfo).port }
  },
  cpu() {
    const { user, system } = process.cpuUsage()
    return user + system
  },
  memory() {
    collectGarbage()
    return { rss: process.memoryUsage().rss }
  },
})
