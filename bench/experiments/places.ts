import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createStoreServer } from '@agl/store-http/server'
import { createMemoryStore } from '@agl/store-memory'
import type { LightningStore } from '@agl/types'
import { startServer } from '../../packages/store-redis/src/redis-server.test-support.ts'
import { openAccess } from '../faults/open-access.ts'
import type { Access } from '../faults/plan.ts'
import { freePort } from '../lib/free-port.ts'

/** A store that can be restarted, and that other processes reach. */
export interface Place {
  /** As this process has it; another one after each restart. */
  readonly store: LightningStore
  readonly access: Access
  restart(): Promise<void>
  close(): Promise<void>
}

/** `memory` is served to other processes over HTTP; `http` is a file behind a server, and this process is one of its clients. */
export type PlaceName = 'memory' | 'sqlite' | 'redis' | 'http'

export async function openTestPlace(name: PlaceName): Promise<Place> {
  switch (name) {
    case 'memory':
      return await openMemory()
    case 'sqlite': {
      const { file, remove } = await makeFile()
      return await openAt({ kind: 'sqlite', file }, { restart: async () => {}, stop: remove })
    }
    case 'redis': {
      const server = await startServer('--appendonly', 'yes', '--appendfsync', 'always')
      const restart = async (): Promise<void> => {
        await server.kill()
        await server.restart()
      }
      return await openAt({ kind: 'redis', url: server.url, namespace: 'experiments' }, { restart, stop: () => server.stop() })
    }
    case 'http': {
      const { file, remove } = await makeFile()
      const served = await serve(await openAccess({ kind: 'sqlite', file }))
      const restart = async (): Promise<void> => {
        await served.leave()
        await served.store.close()
        await served.enter(await openAccess({ kind: 'sqlite', file }))
      }
      const stop = async (): Promise<void> => {
        await served.leave()
        await served.store.close()
        await remove()
      }
      return await openAt(served.access, { restart, stop })
    }
    default:
      return name satisfies never
  }
}

async function makeFile(): Promise<{ readonly file: string; readonly remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'agl-experiments-'))
  return { file: join(folder, 'store.db'), remove: () => rm(folder, { recursive: true, force: true }) }
}

/** What lies behind is restarted while this process has no handle on it. */
async function openAt(
  access: Access,
  { restart, stop }: { readonly restart: () => Promise<void>; readonly stop: () => Promise<void> },
): Promise<Place> {
  let store = await openAccess(access)
  return {
    get store() {
      return store
    },
    access,
    async restart() {
      await store.close()
      await restart()
      store = await openAccess(access)
    },
    async close() {
      await store.close()
      await stop()
    },
  }
}

async function openMemory(): Promise<Place> {
  const served = await serve(createMemoryStore())
  return {
    get store() {
      return served.store
    },
    access: served.access,
    async restart() {
      await served.leave()
      const lines: string[] = []
      for await (const line of served.store.exportSnapshot()) lines.push(line)
      await served.store.close()
      const next = createMemoryStore()
      await next.importSnapshot({ lines })
      await served.enter(next)
    },
    async close() {
      await served.leave()
      await served.store.close()
    },
  }
}

interface Served {
  readonly store: LightningStore
  readonly access: Access
  /** Serves another store at the same address. */
  enter(store: LightningStore): Promise<void>
  leave(): Promise<void>
}

async function serve(first: LightningStore): Promise<Served> {
  const port = await freePort()
  let store = first
  let server = createStoreServer({ store, port, metrics: false })
  await server.start()
  return {
    get store() {
      return store
    },
    access: { kind: 'http', url: `http://127.0.0.1:${port}` },
    async enter(next) {
      store = next
      server = createStoreServer({ store, port, metrics: false })
      await server.start()
    },
    leave: () => server.close(),
  }
}
