import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { createMemoryStore } from '@agl/store-memory'
import type { LightningStore, Page, Rollout, RolloutQuery } from '@agl/types'
import { describe, expect, test } from 'vitest'
import { createStoreClient } from '../client/index.ts'
import { startTestServer, type TestServer } from './test-server.test-support.ts'

/** A memory store that notes how its rollouts are asked for, and lets the test in before each time. */
function watched(meanwhile: (reads: number, store: LightningStore) => Promise<void> | void = () => {}): {
  readonly store: LightningStore
  readonly asked: RolloutQuery[]
} {
  const inner = createMemoryStore()
  const asked: RolloutQuery[] = []
  const store: LightningStore = {
    ...inner,
    async queryRollouts(query = {}) {
      asked.push(query)
      await meanwhile(asked.length, inner)
      return await inner.queryRollouts(query)
    },
  }
  return { store, asked }
}

async function fill(store: LightningStore, count: number, input: unknown = 'x'): Promise<readonly string[]> {
  const rollouts = Array.from({ length: count }, (_, index) => ({ input: { index, input: input as string } }))
  return (await store.enqueueManyRollouts({ rollouts })).map(({ rollout_id: id }) => id)
}

async function search(server: TestServer, body: object): Promise<Page<Rollout>> {
  const answer = await server.call('POST', '/rollouts/search', body)
  expect(answer.status).toBe(200)
  return answer.body as Page<Rollout>
}

const idsOf = (page: Page<Rollout>): readonly string[] => page.items.map(({ rollout_id: id }) => id)

describe('a long list', () => {
  test('is read in parts, and answered as one', async () => {
    const { store, asked } = watched()
    const server = await startTestServer({ store, maxPageSize: 3 })
    const ids = await fill(store, 10)
    expect(await search(server, {})).toMatchObject({ limit: -1, offset: 0, total: 10 })
    // One more than a part, to know the place again.
    expect(asked.map(({ limit, offset }) => [limit, offset])).toEqual([
      [3, 0],
      [4, 2],
      [4, 5],
      [4, 8],
    ])
    for (const [body, wanted] of [
      [{}, ids],
      [{ offset: 4 }, ids.slice(4)],
      [{ limit: 5, offset: 1 }, ids.slice(1, 6)],
      [{ limit: 2 }, ids.slice(0, 2)],
      [{ offset: 50 }, []],
    ] as const) {
      const page = await search(server, body)
      expect(idsOf(page)).toEqual(wanted)
      expect(page).toMatchObject({ limit: -1, offset: 0, ...body, total: 10 })
    }
  })

  test('in an order of its own is read at once', async () => {
    const { store, asked } = watched()
    const server = await startTestServer({ store, maxPageSize: 3 })
    const ids = await fill(store, 10)
    expect(idsOf(await search(server, { sort_by: 'rollout_id' }))).toEqual(ids.toSorted())
    expect(idsOf(await search(server, { rollout_id_in: ids }))).toEqual(ids)
    expect(asked.map(({ limit }) => limit)).toEqual([-1, -1])
  })

  test('loses and repeats nothing that is there all the while, while others leave it', async () => {
    let ids: readonly string[] = []
    const { store } = watched(async (reads, inner) => {
      if (reads === 2) await inner.cancelRollouts({ rolloutIds: [ids[0]!, ids[2]!, ids[7]!] })
      if (reads === 4) await inner.enqueueRollout({ input: 'new' })
    })
    const server = await startTestServer({ store, maxPageSize: 3 })
    ids = await fill(store, 10)
    const page = await search(server, { status_in: ['queuing'] })
    const stayed = [1, 3, 4, 5, 6, 8, 9].map((index) => ids[index]!)
    expect(idsOf(page).filter((id) => stayed.includes(id))).toEqual(stayed)
    expect(new Set(idsOf(page)).size).toBe(page.items.length)
    expect(page.total).toBe(page.items.length)
  })

  test('is read no faster than its reader takes it', async () => {
    const rowBytes = 256 * 1024
    const { store, asked } = watched()
    const server = await startTestServer({ store, maxPageSize: 1 })
    await fill(store, 120, 'x'.repeat(rowBytes))
    const request = get(`${server.url}/v1/agl/rollouts`)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    // What sockets hold on their own, on both sides.
    const slack = 12 * 2 ** 20
    let received = 0
    let ahead = 0
    for await (const chunk of response) {
      received += (chunk as Buffer).length
      ahead = Math.max(ahead, asked.length * rowBytes - received)
    }
    expect(received).toBeGreaterThan(120 * rowBytes)
    expect(ahead).toBeLessThan(slack)
  })

  const failing = async (inputLength: number): Promise<TestServer> => {
    const { store } = watched((reads) => {
      if (reads === 2) throw new Error('disk')
    })
    const server = await startTestServer({ store, maxPageSize: 2 })
    await fill(store, 4, 'x'.repeat(inputLength))
    return server
  }

  test('that fails is an error while nothing of it is out', async () => {
    const server = await failing(1)
    expect(await server.call('POST', '/rollouts/search', {})).toMatchObject({ status: 500, body: { code: 'internal' } })
  })

  test('that fails afterwards breaks off, and nobody takes it for a whole one', async () => {
    const server = await failing(300_000)
    await expect(server.call('POST', '/rollouts/search', {})).rejects.toThrow()
    // Once more it goes well, and a client of ours asks once more.
    const again = await failing(300_000)
    await using client = await createStoreClient({ url: again.url, retry: { baseMs: 0 } })
    expect((await client.queryRollouts()).items).toHaveLength(4)
  })
})
