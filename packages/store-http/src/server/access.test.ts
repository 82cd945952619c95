import { spanOf } from '@agl/store-kit/testing'
import { createMemoryStore } from '@agl/store-memory'
import type { AttemptedRollout, ResourcesUpdate } from '@agl/types'
import { request } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createStoreClient } from '../client/index.ts'
import { createStoreServer } from './create-store-server.ts'
import { startTestServer, type TestServer } from './test-server.test-support.ts'

const tokenOf = (role: string): string => `${role}-token-of-enough-characters`
const tokens = (['admin', 'algorithm', 'runner', 'viewer'] as const).map((role) => ({ role, token: tokenOf(role) }))
const bearer = (role: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${tokenOf(role)}` })

async function statusOf(server: TestServer, role: string, method: string, path: string, body?: unknown): Promise<number> {
  return (await server.ours(method, path, body, bearer(role))).status
}

describe('roles', () => {
  test('may do what they need, and nothing else', async () => {
    const server = await startTestServer({ tokens })
    const rollouts = { rollouts: [{ input: 1 }] }
    const llm = { main: { resource_type: 'llm', endpoint: 'http://model', model: 'm', api_key: 'sk-secret' } }
    const cases: readonly (readonly [method: string, path: string, body: unknown, allowed: readonly string[]])[] = [
      ['POST', '/queues/rollouts/enqueue', rollouts, ['admin', 'algorithm', 'runner']],
      ['POST', '/queues/rollouts/dequeue', { limit: 1 }, ['admin', 'runner']],
      ['POST', '/resources/mine', llm, ['admin', 'algorithm']],
      ['GET', '/rollouts', undefined, ['admin', 'algorithm', 'runner', 'viewer']],
      ['POST', '/cancellations/rollouts', { rollout_ids: [] }, ['admin', 'algorithm']],
      ['POST', '/deletions/rollouts', { rollout_ids: [] }, ['admin', 'algorithm']],
      ['GET', '/snapshot', undefined, ['admin']],
      ['GET', '/v1/prometheus', undefined, ['admin', 'viewer']],
    ]
    for (const [method, path, body, allowed] of cases) {
      const found: string[] = []
      for (const { role } of tokens) {
        const status = await statusOf(server, role, method, path, body)
        if (status !== 403) found.push(status < 300 ? role : `${role}: ${status}`)
      }
      expect([path, found]).toEqual([path, allowed])
    }
    const keyOf = async (role: string): Promise<unknown> =>
      ((await server.ours('GET', '/resources/mine', undefined, bearer(role))).body as ResourcesUpdate).resources.main
    expect(await keyOf('runner')).toMatchObject({ api_key: 'sk-secret' })
    expect(await keyOf('viewer')).toMatchObject({ api_key: null, model: 'm' })
  })

  test('a secret does not come along in the text that a number came as', async () => {
    const server = await startTestServer({ tokens })
    const text =
      '{"main":{"resource_type":"llm","endpoint":"http://model","model":"m","sampling_parameters":' +
      '{"t":1.0,"extra":{"api_key":"sk-secret"},"extra":{}}}}'
    await server.ours('POST', '/resources/mine', text, bearer('algorithm'))
    const textOf = async (role: string): Promise<string> => {
      const headers = { 'agl-api': '1', ...bearer(role) }
      return (await fetch(`${server.url}/v1/agl/resources/mine`, { headers })).text()
    }
    expect(await textOf('runner')).toContain('1.0')
    expect(await textOf('viewer')).not.toContain('sk-secret')
  })

  test('are asked for, but by the health check', async () => {
    const server = await startTestServer({ tokens })
    expect((await server.call('GET', '/rollouts')).status).toBe(401)
    expect((await server.call('GET', '/rollouts')).headers.get('www-authenticate')).toBe('Bearer')
    expect((await server.call('GET', '/rollouts', undefined, { authorization: 'Bearer wrong-but-long-enough' })).status).toBe(401)
    expect((await server.call('GET', '/health')).status).toBe(200)
    // As the Python client sends what stands in its URL.
    const basic = `Basic ${Buffer.from(`agl:${tokenOf('viewer')}`).toString('base64')}`
    expect((await server.call('GET', '/rollouts', undefined, { authorization: basic })).status).toBe(200)
  })

  test('an attempt has a token of its own, which opens nothing but its spans', async () => {
    const server = await startTestServer({ tokens })
    await server.store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] })
    const claim = async (): Promise<AttemptedRollout & { readonly attempt_token: string }> =>
      ((await server.ours('POST', '/queues/rollouts/dequeue', {}, bearer('runner'))).body as never[])[0]!
    const mine = await claim()
    const other = await claim()
    const own = { authorization: `Bearer ${mine.attempt_token}` }
    expect((await server.call('POST', '/spans', spanOf(mine, { sequence_id: 1 }), own)).status).toBe(201)
    expect(
      (await server.call('POST', '/spans/next', { rollout_id: mine.rollout_id, attempt_id: mine.attempt.attempt_id }, own))
        .status,
    ).toBe(200)
    const forbidden: readonly (readonly [string, string, unknown])[] = [
      ['POST', '/spans', spanOf(other, { sequence_id: 1 })],
      ['POST', '/spans/batch', { spans: [spanOf(mine), spanOf(other)] }],
      ['POST', `/rollouts/${mine.rollout_id}/attempts/latest`, { status: 'succeeded' }],
      ['GET', `/rollouts/${mine.rollout_id}`, undefined],
      ['POST', '/queues/rollouts/dequeue', {}],
    ]
    for (const [method, path, body] of forbidden) {
      expect([path, (await server.call(method, path, body, own)).status]).toEqual([path, 403])
    }
    expect((await server.store.querySpans({ rolloutId: mine.rollout_id })).total).toBe(1)
    const seen = await server.call('POST', '/queues/rollouts/dequeue', {}, bearer('runner'))
    expect(JSON.stringify(seen.body)).not.toContain('attempt_token')
  })

  test('a client hands the token of an attempt on with its claim, and with nothing else', async () => {
    const server = await startTestServer({ tokens })
    const client = await createStoreClient({ url: server.url, token: tokenOf('runner') })
    onTestFinished(() => client.close())
    const { rollout_id: rolloutId } = await client.enqueueRollout({ input: 1 })
    const claimed = await client.dequeueRollout()
    const own = { authorization: `Bearer ${claimed!.attempt_token}` }
    expect((await server.call('POST', '/spans', spanOf(claimed!, { sequence_id: 1 }), own)).status).toBe(201)
    expect(await client.getRolloutById({ rolloutId })).not.toHaveProperty('attempt_token')
  })
})

describe('a server without tokens', () => {
  test('does not listen beyond this machine unless it is told to', async () => {
    const store = createMemoryStore()
    await expect(createStoreServer({ store, host: '0.0.0.0', port: 0 }).start()).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('openssl rand -hex 24'),
    })
    const open = createStoreServer({ store, host: '0.0.0.0', port: 0, allowUnauthenticated: true })
    await open.start()
    await open.close()
  })

  test('answers to the names of this machine only', async () => {
    const server = await startTestServer()
    const { port } = new URL(server.url)
    const ask = async (host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        request({ port, path: '/v1/agl/rollouts', headers: { host } }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
          .on('error', reject)
          .end()
      })
    expect(await ask(`localhost:${port}`)).toBe(200)
    expect(await ask(`attacker.example:${port}`)).toBe(403)
  })
})

describe('web pages', () => {
  test('of listed origins may call, others may not', async () => {
    const server = await startTestServer({ corsOrigins: ['https://app.example'] })
    const asked = { origin: 'https://app.example', 'access-control-request-method': 'POST' }
    const preflight = await server.call('OPTIONS', '/rollouts', undefined, asked)
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([200, 'https://app.example'])
    const own = await server.call('GET', '/rollouts', undefined, { origin: 'https://app.example' })
    expect(own.headers.get('access-control-allow-origin')).toBe('https://app.example')
    const other = await server.call('GET', '/rollouts', undefined, { origin: 'https://other.example' })
    expect(other.headers.get('access-control-allow-origin')).toBeNull()
  })
})

test('a body that is too large or packed too well is refused, and the server goes on', async () => {
  const server = await startTestServer({ body: { maxBodyBytes: 2000, maxDecompressedBytes: 4000 } })
  const large = { rollouts: [{ input: 'x'.repeat(3000) }] }
  expect((await server.call('POST', '/queues/rollouts/enqueue', large)).status).toBe(413)
  expect((await server.call('GET', '/statistics')).body).toMatchObject({ total_rollouts: 0 })
})
