import { createMemoryStore } from '@agl/store-memory'
import { describe, expect, test } from 'vitest'
import { createStoreServer } from './create-store-server.ts'
import { startTestServer } from './test-server.test-support.ts'

const foreign = 'https://elsewhere.example'

describe('a web page of somebody else', () => {
  // Of these a browser asks nobody first.
  test.each([
    ['/queues/rollouts/dequeue', {}],
    ['/rollouts/mine/attempts', {}],
    ['/workers/w', {}],
    ['/workers/w/', {}],
    ['/queues/rollouts/enqueue', { 'content-type': 'text/plain' }],
  ])('changes nothing by POST %s', async (path, headers) => {
    const server = await startTestServer()
    await server.store.enqueueRollout({ input: 1, rollout_id: 'mine' })
    const reply = await fetch(`${server.url}/v1/agl${path}`, { method: 'POST', headers: { ...headers, origin: foreign } })
    expect([reply.status, await reply.json()]).toMatchObject([403, { code: 'forbidden' }])
    expect(await server.store.getRolloutById({ rolloutId: 'mine' })).toMatchObject({ status: 'queuing' })
    expect(await server.store.queryWorkers()).toMatchObject({ total: 0 })
  })

  test('may, when it is named; and so may a page of the server itself', async () => {
    const server = await startTestServer({ corsOrigins: [foreign] })
    for (const origin of [foreign, server.url]) {
      const reply = await fetch(`${server.url}/v1/agl/workers/w`, { method: 'POST', headers: { origin } })
      expect(reply.status).toBe(200)
    }
    const other = { method: 'POST', headers: { origin: 'https://other.example' } }
    expect((await fetch(`${server.url}/v1/agl/workers/w`, other)).status).toBe(403)
  })
})

test('without tokens not every page may be let in', async () => {
  const store = createMemoryStore()
  const options = { store, port: 0, corsOrigins: ['*'] }
  const refused = createStoreServer(options)
  await expect(refused.start()).rejects.toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining('every web page') as string,
  })
  await refused.close()
  const tokens = [{ token: 'a-token-of-enough-characters', role: 'admin' }] as const
  for (const more of [{ tokens }, { allowUnauthenticated: true }]) {
    const server = createStoreServer({ ...options, ...more })
    await server.start()
    await server.close()
  }
})
