import { createMemoryStore } from '@agl/store-memory'
import { expect, test } from 'vitest'
import { createStoreServer } from './create-store-server.ts'

test('a server that is closed while it starts does not listen afterwards', async () => {
  const free = createStoreServer({ store: createMemoryStore(), port: 0 })
  const port = Number(new URL((await free.start()).url).port)
  await free.close()
  const server = createStoreServer({ store: createMemoryStore(), port })
  const starting = server.start()
  const outcome = starting.catch((error: unknown) => error)
  await server.close()
  expect(await outcome).toMatchObject({ code: 'closed' })
  await expect(fetch(`http://127.0.0.1:${port}/v1/agl/health`)).rejects.toThrow()
  await expect(server.start()).rejects.toMatchObject({ code: 'conflict' })
})

test('every close waits until it is closed', async () => {
  const server = createStoreServer({ store: createMemoryStore(), port: 0, graceMs: 100 })
  const { url } = await server.start()
  // It has begun its answer and does not end it by itself.
  const feed = await fetch(`${url}/v1/agl/events`)
  const order: string[] = []
  await Promise.all([server.close().then(() => order.push('first')), server.close().then(() => order.push('second'))])
  expect(order).toEqual(['first', 'second'])
  await expect(fetch(`${url}/v1/agl/health`)).rejects.toThrow()
  await feed.body?.cancel().catch(() => {})
})
