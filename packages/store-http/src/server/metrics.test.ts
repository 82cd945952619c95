import { request as httpRequest } from 'node:http'
import { createMemoryStore } from '@agl/store-memory'
import { AglError, type LightningStore } from '@agl/types'
import { describe, expect, test } from 'vitest'
import { startTestServer, type TestServer, until } from './test-server.test-support.ts'

async function read(server: TestServer): Promise<string> {
  return String((await server.call('GET', '/v1/prometheus')).body)
}

/** The lines of one metric that have these labels. */
async function valueOf(server: TestServer, line: string): Promise<number> {
  const found = (await read(server)).split('\n').find((text) => text.startsWith(`${line} `))
  return found === undefined ? 0 : Number(found.slice(line.length + 1))
}

const callOf = (method: string, status: string): string =>
  `agl_store_total{method="${method}",store_pubmeth="${method}",status="${status}"}`
const requestOf = (path: string, method: string, status: number): string =>
  `agl_http_total{path="/v1/agl${path}",method="${method}",status="${status}"}`

describe('Prometheus is told', () => {
  test('of requests by route, not by what callers choose, whichever prefix they take', async () => {
    const server = await startTestServer()
    for (const id of ['a', 'b']) await server.call('GET', `/rollouts/${id}`)
    await (await fetch(`${server.url}/agl/v1/rollouts/c`)).text()
    await until(async () => (await valueOf(server, requestOf('/rollouts/{rollout_id}', 'GET', 200))) === 3)
    const latency = 'agl_http_latency_bucket{le="300",path="/v1/agl/rollouts/{rollout_id}",method="GET",status="200"}'
    expect(await valueOf(server, latency)).toBe(3)
  })

  test('of the rollouts that finish, once somebody looks', async () => {
    const server = await startTestServer()
    await read(server)
    const [first, second] = await server.store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2, mode: 'val' }] })
    await server.store.updateRollout({ rolloutId: first!.rollout_id, status: 'succeeded' })
    await server.store.updateRollout({ rolloutId: first!.rollout_id, metadata: { told: 'again' } })
    await server.store.cancelRollouts({ rolloutIds: [second!.rollout_id] })
    await until(async () => (await valueOf(server, 'agl_rollouts_total{status="cancelled",mode="val"}')) === 1)
    expect(await valueOf(server, 'agl_rollouts_total{status="succeeded",mode="unknown"}')).toBe(1)
  })

  test('of calls of the store by verb and by how they ended', async () => {
    const server = await startTestServer()
    await server.call('GET', '/rollouts/a')
    await server.call('POST', '/rollouts/a', {})
    expect(await valueOf(server, callOf('get_rollout_by_id', 'OK'))).toBe(1)
    expect(await valueOf(server, callOf('update_rollout', 'not_found'))).toBe(1)
    const latency = 'agl_store_latency_count{method="update_rollout",store_pubmeth="update_rollout",status="not_found"}'
    expect(await valueOf(server, latency)).toBe(1)
    expect(new Set((await read(server)).match(/agl_store_latency_bucket{le="[^"]+"/g)).size).toBe(45)
  })

  test('of errors whose code nobody knows under one name', async () => {
    const store = createMemoryStore()
    let code = 0
    const odd: LightningStore = {
      ...store,
      statistics: () => Promise.reject(new AglError({ code: `odd_${code++}`, message: 'odd' })),
      getLatestResources: () => Promise.reject(new TypeError('a defect')),
    }
    const server = await startTestServer({ store: odd })
    await Promise.all([1, 2, 3].map(() => server.call('GET', '/statistics')))
    expect(await server.call('GET', '/resources/latest')).toMatchObject({ status: 500 })
    expect(await valueOf(server, callOf('statistics', 'internal'))).toBe(3)
    expect(await valueOf(server, callOf('get_latest_resources', 'internal'))).toBe(1)
    expect(await read(server)).not.toContain('odd_')
  })

  test('of a claim that is parked when it ends, and of a caller who has gone meanwhile as 499', async () => {
    const server = await startTestServer()
    const parked = (): Promise<unknown> => server.ours('POST', '/queues/rollouts/dequeue', { wait_seconds: 20, worker_id: 'w' })
    const waiting = parked()
    await until(async () => (await server.store.queryWorkers()).total === 1)
    expect(await valueOf(server, callOf('dequeue_rollout', 'OK'))).toBe(0)
    await server.store.enqueueRollout({ input: 1 })
    await waiting
    expect(await valueOf(server, callOf('dequeue_rollout', 'OK'))).toBe(1)

    const asked = httpRequest(`${server.url}/v1/agl/queues/rollouts/dequeue`, {
      method: 'POST',
      headers: { 'agl-api': '1', 'content-type': 'application/json' },
    })
    asked.on('error', () => {})
    asked.end(JSON.stringify({ wait_seconds: 20, worker_id: 'gone' }))
    await until(async () => (await server.store.queryWorkers()).total === 2)
    asked.destroy()
    await until(async () => (await valueOf(server, requestOf('/queues/rollouts/dequeue', 'POST', 499))) === 1)
    expect(await valueOf(server, callOf('dequeue_rollout', 'closed'))).toBe(1)
  })

  test('of an answer that broke off here as 520', async () => {
    const store = createMemoryStore()
    const broken: LightningStore = {
      ...store,
      async *exportSnapshot() {
        yield '{"line":1}'
        throw new Error('disk')
      },
    }
    const server = await startTestServer({ store: broken })
    await expect(server.call('GET', '/snapshot')).rejects.toThrow()
    await until(async () => (await valueOf(server, requestOf('/snapshot', 'GET', 520))) === 1)
    expect(await read(server)).not.toContain('status="499"')
  })

  test('of nothing when nobody wants to know', async () => {
    const server = await startTestServer({ metrics: false })
    expect(await server.call('GET', '/rollouts/a')).toMatchObject({ status: 200 })
    expect(await server.call('GET', '/v1/prometheus')).toMatchObject({ status: 404 })
  })
})
