import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { answer, claimOf, connect, createTestClock, drop, rolloutOf, type Seen, serve } from './scripted-server.test-support.ts'

const keysOf = (seen: readonly Seen[]): readonly unknown[] => seen.map(({ headers }) => headers['idempotency-key'])
const secondsOf = ({ body }: Seen): number => (body as { readonly wait_seconds?: number }).wait_seconds ?? 0
const bodiesOf = (seen: readonly Seen[]): readonly unknown[] => seen.map(({ body }) => body)

describe('claims', () => {
  test('park in slices until the time is over, each under a key of its own', async () => {
    const clock = createTestClock()
    const server = await serve((seen, response) => {
      clock.elapse(secondsOf(seen))
      answer(response, [])
    })
    const { client } = await connect({ url: server.url, clock })
    expect(await client.dequeueRollout({ workerId: 'w', waitMs: 60_000, leaseMs: 5000, capacity: 2 })).toBeNull()
    const rest = { limit: 1, worker_id: 'w', lease_seconds: 5, capacity: 2 }
    expect(bodiesOf(server.seen)).toEqual([25, 25, 10].map((seconds) => ({ ...rest, wait_seconds: seconds })))
    expect(new Set(keysOf(server.seen)).size).toBe(3)
    expect(clock.deadlines.size).toBe(0)
    expect(await client.dequeueManyRollouts({ limit: 3 })).toEqual([])
    expect(server.seen[3]!.body).toEqual({ limit: 3, worker_id: null })
  })

  test('a server that parks for a shorter time than it was asked to is asked again', async () => {
    const clock = createTestClock(1000)
    const server = await serve((seen, response) => {
      clock.elapse(Math.min(4, secondsOf(seen)))
      answer(response, [])
    })
    const { client } = await connect({ url: server.url, clock })
    expect(await client.dequeueRollout({ waitMs: 10_000 })).toBeNull()
    expect(server.seen.map(secondsOf)).toEqual([10, 6, 2])
  })

  test('a slice may take its wait on top of the time of a request', async () => {
    const server = await serve((_, response) => answer(response, [claimOf()]))
    const clock = createTestClock(0)
    const times: number[] = []
    const spying = { ...clock, wait: (ms: number, callback: () => void) => (times.push(ms), clock.wait(ms, callback)) }
    const { client } = await connect({ url: server.url, clock: spying })
    times.length = 0
    await client.dequeueRollout({ waitMs: 90_000 })
    expect(times).toEqual([90_000, 30_000 + 25_000])
  })

  test('a lost reply is asked for again under the same key', async () => {
    const server = await serve((_, response, index) => (index === 0 ? drop(response) : answer(response, [claimOf()])))
    const { client } = await connect({ url: server.url })
    expect(await client.dequeueRollout({ waitMs: 1000 })).toMatchObject({ rollout_id: 'ro-1', attempt: { attempt_id: 'at-1' } })
    const [first, second] = keysOf(server.seen)
    expect(first).toMatch(/^[0-9a-f-]{36}$/)
    expect(second).toBe(first)
  })

  test("the caller's key is that of the first slice; those of later ones follow from it", async () => {
    const clock = createTestClock()
    const server = await serve((seen, response) => {
      clock.elapse(secondsOf(seen))
      answer(response, [])
    })
    const { client } = await connect({ url: server.url, clock })
    const request = { waitMs: 30_000, idempotencyKey: 'ü 100% \n' }
    await client.dequeueRollout(request)
    await client.dequeueRollout(request)
    const [first, second, ...again] = keysOf(server.seen)
    expect(decodeURIComponent(first as string)).toBe(request.idempotencyKey)
    expect(second).toMatch(/^slice-1-[0-9a-f]{64}$/)
    expect(again).toEqual([first, second])
    // A key of one verb is a conflict in the other, which the server tells apart by the limit.
    expect(server.seen[0]!.body).not.toHaveProperty('limit')
    await client.dequeueManyRollouts({ limit: 1, idempotencyKey: 'k' })
    expect(server.seen.at(-1)!.body).toMatchObject({ limit: 1 })
  })

  for (const how of ['aborted', 'closed'] as const) {
    test(`a call that is ${how} gives back what it was given meanwhile`, async () => {
      const server = await serve(({ path, body }, response, index) => {
        if (path.endsWith('/release')) return answer(response, rolloutOf())
        if (index > 0) return answer(response, (body as { limit: number }).limit === 0 ? [claimOf()] : [])
      })
      const { client, clock } = await connect({ url: server.url, clock: createTestClock(1000) })
      const controller = new AbortController()
      const call = client.dequeueRollout({ waitMs: 60_000, signal: controller.signal })
      const outcome = call.catch((error: unknown) => error)
      await server.count(1)
      if (how === 'aborted') controller.abort(new Error('enough'))
      else await client.close()
      if (how === 'aborted') await outcome
      // By then the client has nothing more to do.
      expect(server.seen.map(({ path }) => path)).toEqual([
        '/queues/rollouts/dequeue',
        '/queues/rollouts/dequeue',
        '/rollouts/ro-1/attempts/at-1/release',
      ])
      expect(await outcome).toMatchObject(how === 'aborted' ? { message: 'enough' } : { code: 'closed' })
      expect(keysOf(server.seen)[1]).toBe(keysOf(server.seen)[0])
      expect(server.seen[1]!.body).toEqual({ limit: 0 })
      expect(getEventListeners(controller.signal, 'abort')).toEqual([])
      expect(clock.deadlines.size).toBe(0)
    })
  }

  test('an aborted call does not wait for a server that does not answer', async () => {
    const server = await serve(() => {})
    const { client } = await connect({ url: server.url })
    const controller = new AbortController()
    const call = client.dequeueRollout({ waitMs: 60_000, signal: controller.signal })
    const refused = call.catch((error: unknown) => error)
    await server.count(1)
    controller.abort(new Error('enough'))
    expect(await refused).toMatchObject({ message: 'enough' })
    await expect(client.dequeueRollout({ signal: controller.signal })).rejects.toThrow('enough')
  })
})

describe('waits', () => {
  const finished = rolloutOf({ status: 'succeeded', end_time: 2 })

  test('park in slices until all are finished', async () => {
    const clock = createTestClock()
    const server = await serve((_, response, index) => {
      clock.elapse(25)
      answer(response, index < 3 ? [] : [finished], 200, { 'agl-complete': String(index === 3) })
    })
    const { client } = await connect({ url: server.url, clock })
    expect(await client.waitForRollouts({ rolloutIds: ['ro-1'] })).toMatchObject([{ status: 'succeeded' }])
    expect(bodiesOf(server.seen)).toEqual(Array.from({ length: 4 }, () => ({ rollout_ids: ['ro-1'], timeout: 25 })))
    expect(clock.deadlines.size).toBe(0)
  })

  test('or until the time is over, with what is finished by then', async () => {
    const clock = createTestClock()
    const server = await serve(({ body }, response) => {
      clock.elapse((body as { readonly timeout: number }).timeout)
      answer(response, [finished], 200, { 'agl-complete': 'false' })
    })
    const { client } = await connect({ url: server.url, clock })
    expect(await client.waitForRollouts({ rolloutIds: ['ro-1', 'ro-2'], timeoutMs: 40_000 })).toHaveLength(1)
    expect(await client.waitForRollouts({ rolloutIds: ['ro-1', 'ro-2'], timeoutMs: -5 })).toHaveLength(1)
    expect(server.seen.map(({ body }) => (body as { timeout: number }).timeout)).toEqual([25, 15, 0])
  })

  test('a server that parks nothing is not asked without a pause', async () => {
    const server = await serve((_, response, index) => answer(response, [], 200, { 'agl-complete': String(index === 3) }))
    const { client, clock } = await connect({ url: server.url })
    await client.waitForRollouts({ rolloutIds: ['ro-1'] })
    expect(clock.pauses).toEqual([100, 100, 100].map((milliseconds) => expect.closeTo(milliseconds, 3)))
  })

  test('an abort ends them at once', async () => {
    const server = await serve(() => {})
    const { client, clock } = await connect({ url: server.url })
    const controller = new AbortController()
    const call = client.waitForRollouts({ rolloutIds: ['ro-1'], signal: controller.signal })
    const refused = call.catch((error: unknown) => error)
    await server.count(1)
    controller.abort(new Error('enough'))
    expect(await refused).toMatchObject({ message: 'enough' })
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    expect(clock.deadlines.size).toBe(0)
  })
})
