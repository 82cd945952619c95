import { describe, expect, test } from 'vitest'
import { answer, connect, drop, serve } from './scripted-server.test-support.ts'

describe('several servers', () => {
  test('one is asked until it fails, and then the next, without a pause; it is kept', async () => {
    let isDown = false
    const first = await serve((_, response) => (isDown ? drop(response) : answer(response, null)))
    const second = await serve((_, response) => answer(response, null))
    const { client, clock } = await connect({ urls: [first.url, second.url] })
    await client.getLatestResources()
    expect([client.url, first.seen.length, second.seen.length]).toEqual([first.url, 1, 0])
    isDown = true
    await client.getLatestResources()
    expect([client.url, first.seen.length, second.seen.length]).toEqual([second.url, 2, 1])
    isDown = false
    await client.getLatestResources()
    expect([client.url, first.seen.length, second.seen.length]).toEqual([second.url, 2, 2])
    expect(clock.pauses).toEqual([])
  })

  test('hundreds of calls that fail together move on once', async () => {
    const first = await serve((_, response) => drop(response))
    const second = await serve((_, response) => answer(response, null))
    const third = await serve((_, response) => answer(response, null))
    const { client } = await connect({ urls: [first.url, second.url, third.url] })
    await Promise.all(Array.from({ length: 100 }, () => client.getLatestResources()))
    expect(client.url).toBe(second.url)
    expect(third.seen).toEqual([])
  })

  test('a refusal is no failure of the server; a gateway that finds none is', async () => {
    const first = await serve(({ path }, response) => answer(response, { detail: 'no' }, path === '/statistics' ? 502 : 409))
    const second = await serve((_, response) => answer(response, { detail: 'no', code: 'conflict' }, 409))
    const { client } = await connect({ urls: [first.url, second.url] })
    await expect(client.getLatestResources()).rejects.toMatchObject({ code: 'conflict' })
    expect(client.url).toBe(first.url)
    await expect(client.statistics()).rejects.toMatchObject({ code: 'conflict' })
    expect(client.url).toBe(second.url)
  })

  test('a server that is busy is asked again after a pause, not left', async () => {
    const first = await serve((_, response, index) => (index === 0 ? answer(response, {}, 429) : answer(response, null)))
    const second = await serve((_, response) => answer(response, null))
    const { client, clock } = await connect({ urls: [first.url, second.url] })
    await client.getLatestResources()
    expect([client.url, first.seen.length, second.seen.length]).toEqual([first.url, 2, 0])
    expect(clock.pauses).toEqual([100])
  })

  test('when all fail there is a pause, and then all are asked again', async () => {
    let isDown = true
    const servers = await Promise.all(
      [1, 2].map(() => serve((_, response, index) => (isDown && index < 2 ? drop(response) : answer(response, null)))),
    )
    const { client, clock } = await connect({ urls: servers.map((server) => server.url), retry: { attempts: 2 } })
    await expect(client.getLatestResources()).rejects.toMatchObject({ message: expect.stringContaining('after 2 tries') })
    expect(servers.map((server) => server.seen.length)).toEqual([2, 2])
    expect(clock.pauses).toEqual([100])
    isDown = false
    expect(await client.getLatestResources()).toBeNull()
  })

  test('the handshake goes to whoever is there', async () => {
    const gone = await serve(() => {})
    await gone.close()
    const there = await serve((_, response) => answer(response, null))
    const { client } = await connect({ urls: [gone.url, there.url] })
    expect(client.url).toBe(there.url)
  })
})
