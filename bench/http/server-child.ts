// A server in a process of its own, whose CPU time is its own. See driver.ts.
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createStoreServer } from '@agl/store-http/server'
import { createMemoryStore } from '@agl/store-memory'
import type { LightningStore } from '@agl/types'
import { serveParent } from '../lib/child.ts'
import { collectGarbage } from '../lib/measure.ts'
import { createExpressStore } from '../peers/express-store.ts'
import { createRawStore } from '../peers/raw-store.ts'
import { benchToken, type Side } from './side.ts'

export type ServerVerbs = {
  readonly start: (side: Side) => Promise<{ readonly port: number }>
  /** CPU microseconds since the process began. */
  readonly cpu: (none: null) => number
  readonly memory: (none: null) => { readonly rss: number }
}

const createStore = (): LightningStore => createMemoryStore({ retention: { maxBytes: 64 * 2 ** 20 } })

async function startOurs(
  options: Omit<Parameters<typeof createStoreServer>[0], 'store'>,
  store: LightningStore = createStore(),
): Promise<{ readonly port: number }> {
  const { url } = await createStoreServer({ store, port: 0, ...options }).start()
  return { port: Number(new URL(url).port) }
}

async function startPeer(listener: RequestListener): Promise<{ readonly port: number }> {
  const server = createServer({ keepAliveTimeout: 65_000 }, listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port }
}

serveParent<ServerVerbs>({
  start(side) {
    switch (side) {
      case 'ours':
        return startOurs({})
      case 'ours, bare':
        return startOurs({ metrics: false })
      case 'ours, large':
        return startOurs({}, createMemoryStore({ retention: { maxBytes: 2 ** 31 } }))
      case 'ours, with tokens':
        return startOurs({ tokens: [{ token: benchToken, role: 'admin' }] })
      case 'express':
        return startPeer(createExpressStore())
      case 'raw':
        return startPeer(createRawStore(createStore()))
      default:
        throw new Error(`there is no side ${side satisfies never}`)
    }
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
