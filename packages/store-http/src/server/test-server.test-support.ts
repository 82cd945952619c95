import { createManualClock, type ManualClock } from '@agl/store-kit/testing'
import { createMemoryStore } from '@agl/store-memory'
import type { LightningStore } from '@agl/types'
import { onTestFinished } from 'vitest'
import { createStoreServer, type StoreServerOptions } from './create-store-server.ts'

export interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers: Headers
}

export interface TestServer {
  readonly url: string
  readonly store: LightningStore
  readonly clock: ManualClock
  readonly close: () => Promise<void>
  /** A request as the Python client makes it. @param body undefined: none at all, with its odd content type */
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>
  /** The same from a client of ours. */
  ours(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>
}

/** A server over a memory store whose time stands still, closed after the test. */
export async function startTestServer(options: Partial<StoreServerOptions> = {}): Promise<TestServer> {
  const clock = createManualClock()
  const store = options.store ?? createMemoryStore({ clock, seed: 1 })
  const server = createStoreServer({ port: 0, ...options, store })
  const { url } = await server.start()
  const close = async (): Promise<void> => {
    await server.close()
    await store.close()
  }
  onTestFinished(close)
  const call: TestServer['call'] = async (method, path, body, headers = {}) => {
    const isEmpty = body === undefined
    const type = isEmpty ? 'application/octet-stream' : 'application/json'
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(path.startsWith('/v1/') ? url + path : `${url}/v1/agl${path}`, {
      method,
      headers: { ...(method === 'GET' ? {} : { 'content-type': type }), ...headers },
      ...(isEmpty ? {} : { body: text }),
    })
    const answer = await response.text()
    const isJson = response.headers.get('content-type') === 'application/json'
    return { status: response.status, body: isJson ? (JSON.parse(answer) as unknown) : answer, headers: response.headers }
  }
  return {
    url,
    store,
    clock,
    close,
    call,
    ours: (method, path, body, headers = {}) => call(method, path, body, { 'agl-api': '1', ...headers }),
  }
}

/** Looks again until it is so; what never is runs into the test's time. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setImmediate(resolve))
}
