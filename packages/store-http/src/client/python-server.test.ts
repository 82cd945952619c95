import { spanOf } from '@agl/store-kit/testing'
import type { LightningStore } from '@agl/types'
import { describe, expect, test } from 'vitest'
import {
  answer,
  claimOf,
  connect,
  createTestClock,
  drop,
  rolloutOf,
  type Script,
  type Seen,
  serve,
} from './scripted-server.test-support.ts'

const resources = { resourcesId: 'rs-1', version: 1 }
const watched = { config: { timeout_seconds: null, unresponsive_seconds: 60, max_attempts: 1, retry_condition: [] } }
const claimed = { rollout_id: 'ro-1', attempt: { attempt_id: 'at-1' } }
const key = { rolloutId: 'ro-1', attemptId: 'at-1' }

const python = (script: Script) => serve(script, { speaks: 'python' })
const askedOf = (seen: readonly Seen[]): readonly string[] => seen.map(({ method, path }) => `${method} ${path}`)

/** What the Python server lacks, with the name that the refusal gives. */
const lacking: readonly (readonly [string, (store: LightningStore) => unknown])[] = [
  ['`leaseMs`', (store) => store.dequeueRollout({ leaseMs: 1000 })],
  ['`capacity`', (store) => store.dequeueManyRollouts({ limit: 2, capacity: 1 })],
  ['`idempotencyKey`', (store) => store.dequeueRollout({ idempotencyKey: 'k' })],
  ['`leaseMs`', (store) => store.startRollout({ rollout: { input: 1 }, leaseMs: 1000 })],
  ['`idempotencyKey`', (store) => store.startAttempt({ rolloutId: 'ro-1', idempotencyKey: 'k' })],
  ['`priority`', (store) => store.enqueueRollout({ input: 1, priority: 2 })],
  ['`labels`', (store) => store.enqueueManyRollouts({ rollouts: [{ input: 1, labels: { run: 'a' } }] })],
  ['`rollout_id`', (store) => store.startRollout({ rollout: { input: 1, rollout_id: 'mine' } })],
  ['`idempotency_key`', (store) => store.enqueueRollout({ input: 1, idempotency_key: 'k' })],
  ['`resources_version`', (store) => store.enqueueRollout({ input: 1, resources_id: 'rs-1', resources_version: 1 })],
  ['`config.retry_outcomes`', (store) => store.enqueueRollout({ input: 1, config: { retry_outcomes: ['infra_error'] } })],
  ['`outcome`', (store) => store.updateAttempt({ ...key, outcome: 'scored' })],
  ['`modeIn`', (store) => store.queryRollouts({ modeIn: ['val'] })],
  ['`expectedVersion`', (store) => store.updateResources({ resourcesId: 'rs-1', resources: {}, expectedVersion: 1 })],
  ['custom:knob', (store) => store.addResources({ resources: { knob: { resource_type: 'custom:knob' } } })],
  ['`leaseMs`', (store) => store.heartbeat({ workerId: 'w', leaseMs: 1000 })],
  ['releaseAttempt', (store) => store.releaseAttempt(key)],
  ['deleteRollouts', (store) => store.deleteRollouts({ rolloutIds: [] })],
  ['updateManyResources', (store) => store.updateManyResources({ updates: [] })],
  ['queryResourcesVersions', (store) => store.queryResourcesVersions({ resourcesId: 'rs-1' })],
  ['deleteResources', (store) => store.deleteResources({ resourcesId: 'rs-1' })],
  ['setResourcesAlias', (store) => store.setResourcesAlias({ alias: 'a', ...resources })],
  ['getResourcesByAlias', (store) => store.getResourcesByAlias({ alias: 'a' })],
  ['queryResourcesAliases', (store) => store.queryResourcesAliases()],
  ['deleteResourcesAlias', (store) => store.deleteResourcesAlias({ alias: 'a' })],
  ['watch', (store) => store.watch()[Symbol.asyncIterator]().next()],
  ['exportSnapshot', (store) => store.exportSnapshot()[Symbol.asyncIterator]().next()],
  ['importSnapshot', (store) => store.importSnapshot({ lines: [] })],
]

describe('the Python server', () => {
  test('what it lacks is refused by name, and nothing is sent', async () => {
    const server = await python((_, response) => answer(response, []))
    const { client } = await connect({ url: server.url })
    expect(client.name).toBe('InMemoryLightningStore')
    expect(client.capabilities).toEqual({ durability: 'none', sharing: 'network', features: [] })
    for (const [name, call] of lacking) {
      const refusal = await Promise.resolve(call(client)).catch((error: unknown) => error)
      expect([name, refusal]).toMatchObject([name, { code: 'not_supported_by_server', message: expect.stringContaining(name) }])
    }
    expect(server.seen).toEqual([])
  })

  test('gets what it knows: no ids, no keys, no compression, and a limit that it takes', async () => {
    const server = await python(({ path }, response) =>
      path === '/rollouts/search'
        ? answer(response, { items: [rolloutOf()], limit: 1, offset: 0, total: 5 })
        : answer(response, [rolloutOf()], 201),
    )
    const { client } = await connect({ url: server.url, compressAboveBytes: 0 })
    await client.enqueueRollout({ input: 'x'.repeat(10_000), priority: 0, labels: {} })
    const [sent] = (server.seen[0]!.body as { rollouts: readonly object[] }).rollouts
    expect(sent).not.toHaveProperty('rollout_id')
    expect(server.seen[0]!.headers).not.toHaveProperty('content-encoding')
    expect(server.seen[0]!.headers).not.toHaveProperty('idempotency-key')
    expect(await client.queryRollouts({ limit: 0, sortBy: null })).toEqual({ items: [], limit: 0, offset: 0, total: 5 })
    expect(server.seen[1]!.body).toEqual({ limit: 1, sort_by: null })
  })

  test('a claim polls, slower and slower, until its time is over', async () => {
    const server = await python((_, response, index) => answer(response, index === 6 ? [claimOf()] : []))
    const { client, clock } = await connect({ url: server.url, clock: createTestClock(1000) })
    expect(await client.dequeueRollout({ workerId: 'w', waitMs: 2000 })).toBeNull()
    expect(clock.pauses).toEqual([100, 200, 400, 800, 500])
    expect(server.seen[0]!.body).toEqual({ limit: 1, worker_id: 'w' })
    expect(await client.dequeueRollout()).toMatchObject({ rollout_id: 'ro-1' })
  })

  test('a wait polls until those that are known are finished', async () => {
    const done = rolloutOf({ status: 'succeeded', end_time: 2 })
    const server = await python(({ path }, response, index) => {
      if (path === '/rollouts/search') return answer(response, { items: [claimOf()], limit: -1, offset: 0, total: 1 })
      return answer(response, index < 3 ? [] : [done])
    })
    const { client, clock } = await connect({ url: server.url })
    expect(await client.waitForRollouts({ rolloutIds: ['ro-1', 'unknown'] })).toMatchObject([{ rollout_id: 'ro-1' }])
    expect(clock.pauses).toEqual([100, 200])
    expect(server.seen[1]!.body).toEqual({ rollout_ids: ['ro-1', 'unknown'], timeout: 0 })
    expect(await client.waitForRollouts({ rolloutIds: ['ro-1'], timeoutMs: 0 })).toHaveLength(1)
    expect(askedOf(server.seen).slice(4)).toEqual(['POST /waits/rollouts'])
  })

  test('a wait for some of them ends when so many are finished', async () => {
    const done = rolloutOf({ status: 'succeeded', end_time: 2 })
    const open = rolloutOf({ rollout_id: 'ro-2' })
    const server = await python(({ path }, response, index) => {
      if (path === '/rollouts/search') return answer(response, { items: [claimOf(), open], limit: -1, offset: 0, total: 2 })
      return answer(response, index < 3 ? [] : [done])
    })
    const { client } = await connect({ url: server.url })
    expect(await client.waitForRollouts({ rolloutIds: ['ro-2', 'ro-1'], atLeast: 1 })).toMatchObject([{ rollout_id: 'ro-1' }])
    expect(server.seen.at(-1)!.body).toEqual({ rollout_ids: ['ro-2', 'ro-1'], timeout: 0 })
  })

  test('its errors are known by its words, and not asked for again', async () => {
    const raised = (type: string, text: string) => ({
      detail: 'Internal server error',
      error_type: type,
      traceback: `Traceback (most recent call last):\n  File "x.py", line 1\n${type}: ${text}\n`,
    })
    const bodies: readonly (readonly [object, string, string])[] = [
      [raised('ValueError', 'Rollout x not found'), 'not_found', 'Rollout x not found'],
      [raised('RuntimeError', 'Spans for rollout x have been evicted'), 'gone', 'Spans for rollout x have been evicted'],
    ]
    for (const [body, code, message] of bodies) {
      const server = await python((_, response) => answer(response, body, 500))
      const { client } = await connect({ url: server.url })
      await expect(client.querySpans({ rolloutId: 'x' })).rejects.toMatchObject({ code, message })
      expect(server.seen).toHaveLength(1)
    }
    const unknown = await python((_, response) => answer(response, raised('ResponseValidationError', '1 validation error'), 500))
    const { client } = await connect({ url: unknown.url, retry: { attempts: 2 } })
    expect(await client.getRolloutById({ rolloutId: 'x' })).toBeNull()
    await expect(client.statistics().then(() => client.getLatestResources())).rejects.toMatchObject({
      code: 'upstream_failed',
      message: expect.not.stringContaining('x.py'),
    })
  })

  test('a write that may have arrived is not sent again; one that cannot have is', async () => {
    const server = await python((_, response, index) => (index === 1 ? answer(response, {}, 429) : drop(response)))
    const { client } = await connect({ url: server.url })
    await expect(client.enqueueRollout({ input: 1 })).rejects.toMatchObject({ code: 'upstream_failed' })
    expect(server.seen).toHaveLength(1)
    await expect(client.addResources({ resources: {} })).rejects.toMatchObject({ code: 'upstream_failed' })
    expect(server.seen).toHaveLength(3)
  })

  test('a cancel is a status; what is finished or unknown is left', async () => {
    const server = await python(({ method, path }, response) => {
      if (method === 'POST') return answer(response, rolloutOf({ status: 'cancelled', end_time: 2 }))
      return answer(response, path.endsWith('c') ? null : rolloutOf({ status: path.endsWith('b') ? 'failed' : 'running' }))
    })
    const { client } = await connect({ url: server.url })
    expect(await client.cancelRollouts({ rolloutIds: ['a', 'b', 'c', 'a'] })).toMatchObject([{ status: 'cancelled' }])
    expect(askedOf(server.seen)).toEqual(['GET /rollouts/a', 'POST /rollouts/a', 'GET /rollouts/b', 'GET /rollouts/c'])
    expect(server.seen[1]!.body).toEqual({ status: 'cancelled' })
  })

  test('spans get their numbers first, and go one by one', async () => {
    const server = await python(({ path, body }, response) =>
      path === '/spans/next' ? answer(response, { sequence_id: 7 }) : answer(response, body, 201),
    )
    const { client } = await connect({ url: server.url })
    const spans = [spanOf(claimed, { sequence_id: 3 }), spanOf(claimed)]
    expect((await client.addManySpans({ spans })).map((span) => span.sequence_id)).toEqual([3, 7])
    expect(await client.getManySpanSequenceIds({ attempts: [key, key] })).toEqual([7, 7])
    expect(askedOf(server.seen)).toEqual([
      'POST /spans',
      'POST /spans/next',
      'POST /spans',
      'POST /spans/next',
      'POST /spans/next',
    ])
  })

  test('a heartbeat is that of the worker and of each attempt that lives', async () => {
    const worker = { worker_id: 'w', status: 'busy' }
    const answers: Readonly<Record<string, unknown>> = {
      'GET /rollouts/ro-1': claimOf(watched),
      'GET /rollouts/ro-2': claimOf({ status: 'cancelled', end_time: 1 }),
      'GET /rollouts/ro-4': claimOf(),
      'GET /rollouts/ro-5': claimOf({ ...watched, status: 'requeuing' }),
      'GET /rollouts/ro-3': null,
      'POST /workers/w': worker,
    }
    const server = await python(({ method, path }, response) =>
      answer(response, answers[`${method} ${path}`] ?? (method === 'GET' ? null : claimOf().attempt)),
    )
    const { client } = await connect({ url: server.url })
    const attempts = ['ro-1', 'ro-2', 'ro-3', 'ro-4', 'ro-5'].map((rolloutId) => ({ rolloutId, attemptId: 'at-1' }))
    const beat = await client.heartbeat({
      workerId: 'w',
      attempts: [...attempts, { rolloutId: 'ro-1', attemptId: 'old' }],
      stats: { cpu: 1 },
    })
    expect(beat.worker).toMatchObject(worker)
    expect(beat.stopped.map(({ rolloutId, reason }) => [rolloutId, reason])).toEqual([
      ['ro-2', 'cancelled'],
      ['ro-3', 'not_found'],
      ['ro-5', 'superseded'],
      ['ro-1', 'superseded'],
    ])
    expect(server.seen[0]!.body).toEqual({ heartbeat_stats: { cpu: 1 } })
    const signs = server.seen.filter(({ path }) => path.includes('/attempts/'))
    expect(signs).toMatchObject([{ path: '/rollouts/ro-1/attempts/at-1', body: { last_heartbeat_time: expect.any(Number) } }])
  })

  test('a rollout is given back once no sign of life is under way, which would take it out of the queue again', async () => {
    const looked = Promise.withResolvers<void>()
    const given = Promise.withResolvers<void>()
    const server = await python(async ({ method, path }, response) => {
      if (path.startsWith('/workers')) return answer(response, { worker_id: 'w', status: 'busy' })
      if (path.includes('/attempts/')) return answer(response, claimOf().attempt)
      if (method === 'POST') return answer(response, rolloutOf({ status: 'requeuing' }))
      looked.resolve()
      await given.promise
      answer(response, claimOf(watched))
    })
    const { client } = await connect({ url: server.url })
    const beat = client.heartbeat({ workerId: 'w', attempts: [{ rolloutId: 'ro-1', attemptId: 'at-1' }] })
    await looked.promise
    const giving = client.updateRollout({ rolloutId: 'ro-1', status: 'requeuing' })
    // One that has nothing to wait for, so that the other would have been sent by now.
    await client.updateRollout({ rolloutId: 'ro-2', status: 'requeuing' })
    given.resolve()
    await Promise.all([beat, giving])
    expect(askedOf(server.seen).slice(1)).toEqual([
      'GET /rollouts/ro-1',
      'POST /rollouts/ro-2',
      'POST /rollouts/ro-1/attempts/at-1',
      'POST /rollouts/ro-1',
    ])
  })

  test('only the newest resources are there; statistics are filled up; NaN is taken', async () => {
    const newest = { resources_id: 'rs-1', create_time: 1, update_time: 2, version: 3, resources: {} }
    const server = await python(({ path }, response) => {
      if (path.startsWith('/resources')) return answer(response, newest)
      answer(response, { worker_id: 'w', status: 'busy', heartbeat_stats: { load: Number.NaN } })
    })
    const { client } = await connect({ url: server.url })
    expect(await client.getResourcesById({ resourcesId: 'rs-1', version: 2 })).toBeNull()
    expect(await client.getResourcesById({ resourcesId: 'rs-1', version: 3 })).toEqual(newest)
    expect(await client.statistics()).toEqual({
      name: 'InMemoryLightningStore',
      total_rollouts: 3,
      total_attempts: 0,
      total_spans: 0,
      total_resources: 0,
      total_workers: 0,
      total_span_bytes: null,
      total_resources_bytes: null,
      uptime: 0,
    })
    expect(await client.getWorkerById({ workerId: 'w' })).toMatchObject({ heartbeat_stats: { load: null } })
  })
})
