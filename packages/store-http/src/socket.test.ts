import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createMemoryStore } from '@agl/store-memory'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStoreClient } from './client/index.ts'
import { createStoreServer } from './server/index.ts'
import { socketPathOf, socketUrlOf } from './wire/socket-url.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'agl socket-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const place = (): string => path.join(folder, 'store.sock')

describe('a server on a socket', () => {
  it('is named by a URL that a client opens, and leaves no file behind', async () => {
    await using store = createMemoryStore()
    const server = createStoreServer({ store, socketPath: place() })
    const { url } = await server.start()
    const client = await createStoreClient({ url })
    const { rollout_id: rolloutId } = await client.enqueueRollout({ input: 'x'.repeat(100_000) })
    expect(await store.getRolloutById({ rolloutId })).toMatchObject({ input: 'x'.repeat(100_000) })
    expect(client.spec).toMatchObject({ factory: 'createStoreClient', options: { url } })
    await client.close()
    await server.close()
    expect(existsSync(place())).toBe(false)
  })

  it('asks for its tokens', async () => {
    await using store = createMemoryStore()
    const token = 'a'.repeat(32)
    await using server = createStoreServer({ store, socketPath: place(), tokens: [{ token, role: 'runner' }] })
    const { url } = await server.start()
    await using client = await createStoreClient({ url, token })
    await expect(client.cancelRollouts({ rolloutIds: [] })).rejects.toMatchObject({ code: 'forbidden' })
    await using stranger = await createStoreClient({ url })
    await expect(stranger.statistics()).rejects.toMatchObject({ code: 'unauthorized' })
  })

  it('says why it cannot listen, and a client why it cannot be reached', async () => {
    await using store = createMemoryStore()
    const socketPath = path.join(folder, 'nowhere', 'store.sock')
    await expect(createStoreServer({ store, socketPath }).start()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('Its folder has to be there'),
    })
    const refused = createStoreClient({ url: socketUrlOf(socketPath), retry: { attempts: 1 } })
    await expect(refused).rejects.toMatchObject({ code: 'upstream_failed', message: expect.stringContaining('ENOENT') })
    expect(() => createStoreServer({ store, socketPath, port: 0 })).toThrow(/either a `socketPath` or a `host`/)
  })
})

it.each(['/tmp/a/store.sock', '/tmp/mit Leerzeichen/ü%#?.sock', '\\\\.\\pipe\\agl-1'])(
  'names %s as a URL and back',
  (socketPath) => {
    const url = socketUrlOf(socketPath)
    expect(url).toMatch(/^http\+unix:\/\/\//)
    expect(socketPathOf(new URL(url))).toBe(socketPath)
  },
)

it.each(['http+unix://host/a.sock', 'http+unix:///a.sock?b', 'http+unix:///', 'http+unix:///%zz'])('refuses %s', async (url) => {
  await expect(createStoreClient({ url })).rejects.toMatchObject({ code: 'invalid_argument' })
})
