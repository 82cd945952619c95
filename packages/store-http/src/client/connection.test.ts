import { getEventListeners } from 'node:events'
import { AglError } from '@agl/types'
import { describe, expect, test } from 'vitest'
import { createPrometheusMetrics } from '../metrics/index.ts'
import { createStoreClient } from './index.ts'
import { answer, claimOf, connect, createTestClock, drop, rolloutOf, type Script, serve } from './scripted-server.test-support.ts'

/** Does one thing first, and answers from then on. */
const after =
  (times: number, first: Script, value: unknown = null): Script =>
  (request, response, index) =>
    index < times ? first(request, response, index) : answer(response, value)

const refuse =
  (status: number, body: unknown = { detail: 'later' }, headers: Record<string, string> = {}): Script =>
  (_, response) =>
    answer(response, body, status, headers)

describe('what is tried again', () => {
  test.each([408, 429, 500, 502, 503, 504])('%i, until there is an answer', async (status) => {
    const server = await serve(after(2, refuse(status)))
    const metrics = createPrometheusMetrics()
    const { client, clock } = await connect({ url: server.url, metrics })
    expect(await client.getLatestResources()).toBeNull()
    expect((await metrics.read()).text).toContain('agl_client_retries_total 2\n')
    expect(server.seen).toHaveLength(3)
    expect(clock.pauses).toEqual([100, 200])
  })

  test('a connection that broke, before the reply and in the midst of it', async () => {
    const server = await serve((_, response, index) => {
      if (index === 0) return drop(response)
      if (index > 1) return answer(response, null)
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
      response.write('{"half":')
      setImmediate(() => drop(response))
    })
    const { client } = await connect({ url: server.url })
    expect(await client.getLatestResources()).toBeNull()
    expect(server.seen).toHaveLength(3)
  })

  test('what takes too long: the head, or the rest of the body', async () => {
    const server = await serve((_, response, index) => {
      if (index > 1) return answer(response, null)
      if (index === 1) response.writeHead(200, { 'content-type': 'application/json' }).write('{')
    })
    const { client, clock } = await connect({ url: server.url, requestTimeoutMs: 25_000 })
    const reply = client.getLatestResources()
    for (const requests of [1, 2]) {
      await server.count(requests)
      expect([...clock.deadlines.values()]).toEqual([25_000])
      clock.expire()
    }
    expect(await reply).toBeNull()
    expect(clock.deadlines.size).toBe(0)
  })

  test('what is over for good is not; a server that only closes is asked again', async () => {
    const closed = (isRetryable: boolean): Script => refuse(503, { detail: 'over', code: 'closed', is_retryable: isRetryable })
    const over = await serve(closed(false))
    const { client } = await connect({ url: over.url })
    await expect(client.getLatestResources()).rejects.toMatchObject({ code: 'closed', isRetryable: false, message: 'over' })
    expect(over.seen).toHaveLength(1)
    const closing = await serve(after(2, closed(true)))
    const { client: patient } = await connect({ url: closing.url })
    expect(await patient.getLatestResources()).toBeNull()
  })

  test('not more often than said, and the error tells all but secrets', async () => {
    const server = await serve(refuse(503, { detail: 'the shop is shut' }))
    const { client, clock } = await connect({ url: server.url, retry: { attempts: 4, baseMs: 1000, maxMs: 3000 } })
    await expect(client.getRolloutById({ rolloutId: 'ro-1' })).rejects.toMatchObject({
      code: 'upstream_failed',
      isRetryable: true,
      message: `GET /v1/agl/rollouts/ro-1 of ${server.url} answered 503: the shop is shut (after 4 tries)`,
      data: { status: 503, tries: 4 },
    })
    expect(clock.pauses).toEqual([500, 1000, 1500])
  })

  test('no sooner than the server asks, and within a minute', async () => {
    const server = await serve((_, response, index) => {
      const headers: Record<string, string> = [{ 'retry-after': '7' }, { 'retry-after': '900' }][index] ?? {}
      return index < 2 ? answer(response, {}, 503, headers) : answer(response, null)
    })
    const { client, clock } = await connect({ url: server.url, clock: createTestClock(60_000), requestTimeoutMs: 70_000 })
    await client.getLatestResources()
    expect(clock.pauses).toEqual([7000, 60_000])
  })

  test('a server that is not there', async () => {
    const server = await serve(() => {})
    await server.close()
    const failing = createStoreClient({ url: server.url, clock: createTestClock(), retry: { attempts: 3 } })
    await expect(failing).rejects.toMatchObject({
      code: 'upstream_failed',
      isRetryable: true,
      message: expect.stringMatching(/GET \/v1\/agl\/health of http:.* could not be reached: .*ECONNREFUSED.* \(after 3 tries\)/),
    })
  })
})

describe('what is not tried again', () => {
  test.each([
    [400, { detail: 'Limit must be…', code: 'invalid_argument', data: { field: 'limit' } }, 'invalid_argument', 'Limit must be…'],
    [404, { detail: 'Rollout x not found', code: 'not_found' }, 'not_found', 'Rollout x not found'],
    [409, { detail: 'taken', code: 'conflict' }, 'conflict', 'taken'],
    [410, { detail: 'dropped', code: 'gone' }, 'gone', 'dropped'],
    [401, { detail: 'who?', code: 'unauthorized' }, 'unauthorized', 'who?'],
    [
      422,
      { detail: [{ loc: ['body', 'rollouts', 0], msg: 'Field required' }] },
      'invalid_argument',
      'body.rollouts.0: Field required',
    ],
    [501, { detail: 'no leases', code: 'not_supported' }, 'not_supported', 'no leases'],
    [507, { detail: 'full', code: 'storage_full', is_retryable: false }, 'storage_full', 'full'],
    [418, 'I am a teapot', 'upstream_failed', 'answered 418'],
  ])('%i %j', async (status, body, code, message) => {
    const server = await serve(refuse(status, body))
    const { client } = await connect({ url: server.url })
    const error: unknown = await client.statistics().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) })
    expect(AglError.isInstance(error, code)).toBe(true)
    expect(server.seen).toHaveLength(1)
  })

  test('a full store is not asked again: its caller decides whether to wait', async () => {
    const full = { detail: 'full', code: 'storage_full', data: { bytes: 7 }, is_retryable: true }
    const server = await serve(refuse(507, full))
    const { client } = await connect({ url: server.url, retry: { attempts: 2 } })
    await expect(client.enqueueRollout({ input: 1 })).rejects.toMatchObject({
      message: 'full',
      data: { bytes: 7 },
      isRetryable: true,
    })
    expect(server.seen).toHaveLength(1)
  })

  test('a page of another server, a redirect, no JSON and other JSON', async () => {
    const scripts: readonly (readonly [Script, RegExp])[] = [
      [(_, response) => response.end('<html>'), /expected a reply of application\/json; got no type/],
      [
        (_, response) => response.writeHead(307, { location: 'http://elsewhere/?token=x' }).end(),
        /a redirect, which is not followed/,
      ],
      [(_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{'), /is no JSON/],
      [(_, response) => answer(response, { resources_id: 7 }), /does not fit/],
    ]
    for (const [script, message] of scripts) {
      const server = await serve(script)
      const { client } = await connect({ url: server.url })
      await expect(client.getLatestResources()).rejects.toMatchObject({
        code: 'upstream_failed',
        isRetryable: false,
        message: expect.stringMatching(message),
      })
      expect(server.seen).toHaveLength(1)
    }
  })

  test('a request that is wrong is not sent at all', async () => {
    const server = await serve((_, response) => answer(response, null))
    const { client } = await connect({ url: server.url })
    await expect(client.enqueueRollout({ input: () => 1 } as never)).rejects.toMatchObject({ code: 'invalid_argument' })
    await expect(client.queryRollouts({ sortBy: 'colour' as never })).rejects.toThrow('sortBy')
    await expect(client.getRolloutById({ rolloutId: '..' })).resolves.toBeNull()
    await expect(client.updateRollout({ rolloutId: '..' })).rejects.toMatchObject({ code: 'invalid_argument' })
    await expect(client.updateRollout({ rolloutId: 'search' })).rejects.toMatchObject({ code: 'not_found' })
    expect(await client.getResourcesById({ resourcesId: 'latest' })).toBeNull()
    expect(server.seen).toEqual([])
  })
})

describe('bodies', () => {
  test('large ones are gzipped, small ones are not', async () => {
    const server = await serve(({ body }, response) => {
      const [{ rollout_id: id, input }] = (body as { rollouts: [{ rollout_id: string; input: string }] }).rollouts
      answer(response, [rolloutOf({ rollout_id: id, input })], 201)
    })
    const { client } = await connect({ url: server.url, compressAboveBytes: 2000 })
    await client.enqueueRollout({ input: 'x'.repeat(1000) })
    expect(server.seen[0]!.headers['content-encoding']).toBeUndefined()
    const input = 'ü'.repeat(1000)
    expect(await client.enqueueRollout({ input })).toMatchObject({ input })
    expect(server.seen[1]!.headers['content-encoding']).toBe('gzip')
    expect(server.seen[1]!.bytes).toBeLessThan(300)
  })

  test('are left as they are for a server on this machine, unless a size is given', async () => {
    const server = await serve((_, response) => answer(response, [], 201))
    const { client } = await connect({ url: server.url })
    await client.enqueueManyRollouts({ rollouts: [{ input: 'x'.repeat(100_000) }] }).catch(() => {})
    expect(server.seen[0]!.headers['content-encoding']).toBeUndefined()
    expect(server.seen[0]!.bytes).toBeGreaterThan(100_000)
  })

  test('ids are parts of paths, whatever they hold', async () => {
    const server = await serve((_, response) => answer(response, null))
    const { client } = await connect({ url: server.url })
    await client.getRolloutById({ rolloutId: 'a b/ü?#%' })
    expect(server.seen[0]!.path).toBe('/rollouts/a%20b%2F%C3%BC%3F%23%25')
  })

  test('answers are frozen at their top', async () => {
    const server = await serve((_, response) => answer(response, claimOf()))
    const { client } = await connect({ url: server.url })
    const rollout = await client.getRolloutById({ rolloutId: 'ro-1' })
    expect(Object.isFrozen(rollout)).toBe(true)
    expect(rollout).toMatchObject({ priority: 0, labels: {}, attempt: { outcome: null } })
  })
})

describe('the end of a call', () => {
  test('closing ends what is under way, and everything after it; no timer stays', async () => {
    const server = await serve(() => {})
    const { client, clock } = await connect({ url: server.url })
    const calls = [client.statistics(), client.waitForRollouts({ rolloutIds: ['a'] }), client.enqueueRollout({ input: 1 })]
    const settled = Promise.allSettled(calls)
    await server.count(3)
    await client.close()
    await client.close()
    for (const { reason } of (await settled) as PromiseRejectedResult[]) expect(reason).toMatchObject({ code: 'closed' })
    await expect(client.statistics()).rejects.toMatchObject({ code: 'closed' })
    expect(clock.deadlines.size).toBe(0)
    expect(server.seen).toHaveLength(3)
  })

  test('closing ends a pause between tries', async () => {
    const server = await serve(refuse(503))
    const clock = createTestClock(1)
    const { client } = await connect({ url: server.url, clock, requestTimeoutMs: 5000 })
    const call = client.statistics()
    const refused = call.catch((error: unknown) => error)
    while (![...clock.deadlines.values()].includes(100)) await new Promise((resolve) => setImmediate(resolve))
    await client.close()
    expect(await refused).toMatchObject({ code: 'closed' })
    expect(clock.deadlines.size).toBe(0)
  })

  test('hundreds of calls at once, with one signal, leave nothing behind', async () => {
    const server = await serve(({ path }, response) =>
      path === '/waits/rollouts'
        ? answer(response, [rolloutOf({ status: 'succeeded' })], 200, { 'agl-complete': 'true' })
        : answer(response, null),
    )
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => void warnings.push(warning)
    process.on('warning', onWarning)
    const { client, clock } = await connect({ url: server.url })
    const { signal } = new AbortController()
    const waits = Array.from({ length: 300 }, () => client.waitForRollouts({ rolloutIds: ['ro-1'], signal }))
    const reads = Array.from({ length: 300 }, () => client.getLatestResources())
    await Promise.all([...waits, ...reads])
    expect(server.seen).toHaveLength(600)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(clock.deadlines.size).toBe(0)
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })
})
