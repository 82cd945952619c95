import { request as httpRequest } from 'node:http'
import { spanOf } from '@agl/store-kit/testing'
import { createMemoryStore } from '@agl/store-memory'
import { createSqliteStore } from '@agl/store-sqlite'
import type { AttemptedRollout, Rollout } from '@agl/types'
import { describe, expect, test } from 'vitest'
import { createStoreServer } from './create-store-server.ts'
import { startTestServer, type TestServer, until } from './test-server.test-support.ts'

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const stores = [
  ['memory', () => createMemoryStore()],
  ['sqlite', () => createSqliteStore({ file: ':memory:' })],
] as const

async function enqueue(server: TestServer, ...inputs: readonly unknown[]): Promise<readonly Rollout[]> {
  const rollouts = inputs.map((input) => ({ input, mode: null, resources_id: null, config: null, metadata: null }))
  return (await server.call('POST', '/queues/rollouts/enqueue', { rollouts })).body as readonly Rollout[]
}

async function claim(server: TestServer): Promise<AttemptedRollout> {
  return ((await server.call('POST', '/queues/rollouts/dequeue')).body as readonly AttemptedRollout[])[0]!
}

describe('a Python client', () => {
  test('gets records of the reference, without what we add', async () => {
    const server = await startTestServer()
    const [rollout] = await enqueue(server, { task: 1 })
    expect(Object.keys(rollout!).toSorted()).toEqual(
      ['rollout_id', 'input', 'start_time', 'end_time', 'mode', 'resources_id', 'status', 'config', 'metadata'].toSorted(),
    )
    expect(rollout).toMatchObject({ metadata: {}, config: { max_attempts: 1, retry_condition: [] } })
    const claimed = await claim(server)
    expect(claimed.attempt).not.toHaveProperty('outcome')
    await server.call('POST', '/workers/w')
    expect((await server.call('GET', '/workers/w')).body).not.toHaveProperty('capacity')
    const ours = (await server.ours('GET', `/rollouts/${claimed.rollout_id}`)).body
    expect(ours).toMatchObject({ priority: 0, labels: {}, attempt: { outcome: null, lease_expires: null } })
  })

  test('gets only the kinds of resources that it knows', async () => {
    const server = await startTestServer()
    const resources = {
      prompt: { resource_type: 'prompt_template', template: 'x', engine: 'f-string' },
      knob: { resource_type: 'custom:knob', turn: 1 },
    }
    const added = await server.ours('POST', '/resources', resources)
    expect(added).toMatchObject({ status: 201, body: { version: 1, resources } })
    const latest = (await server.call('GET', '/resources/latest')).body as { readonly resources: object }
    expect(Object.keys(latest.resources)).toEqual(['prompt'])
  })

  test('is answered as the reference answers, with its statuses', async () => {
    const server = await startTestServer()
    const [rollout] = await enqueue(server, 1)
    const id = rollout!.rollout_id
    const cases: readonly (readonly [method: string, path: string, body: unknown, status: number, answer: unknown])[] = [
      ['GET', '/health', undefined, 200, { status: 'ok' }],
      ['POST', '/queues/rollouts/enqueue', { rollouts: [] }, 201, []],
      [
        'POST',
        '/queues/rollouts/enqueue',
        {},
        422,
        { detail: [{ type: 'missing', loc: ['body', 'rollouts'], msg: 'Field required' }] },
      ],
      ['POST', '/queues/rollouts/enqueue', '{"rollouts":', 422, { detail: [{ type: 'json_invalid', loc: ['body', 12] }] }],
      ['POST', '/queues/rollouts/enqueue', undefined, 422, { detail: [{ type: 'missing', loc: ['body'] }] }],
      ['POST', '/queues/rollouts/dequeue', { limit: 0 }, 200, []],
      ['POST', '/queues/rollouts/dequeue', 'null', 200, [{ rollout_id: id, status: 'preparing', attempt: { sequence_id: 1 } }]],
      [
        'POST',
        '/rollouts',
        { input: null, worker_id: 'w', metadata: null },
        201,
        { status: 'preparing', attempt: { worker_id: 'w' } },
      ],
      ['GET', '/rollouts/unknown', undefined, 200, null],
      [
        'POST',
        '/rollouts/unknown',
        {},
        404,
        { detail: "Item does not exist with primary key(s): rollout_id='unknown'", error_type: 'ValueError' },
      ],
      ['POST', '/rollouts/unknown/attempts', undefined, 404, { detail: 'Rollout unknown not found' }],
      [
        'POST',
        `/rollouts/${id}/attempts/unknown`,
        { status: 'succeeded' },
        404,
        { detail: `Attempt unknown not found for rollout ${id}` },
      ],
      ['POST', `/rollouts/${id}`, { status: null }, 400, { detail: 'status is invalid; it cannot be a null value.' }],
      ['POST', `/rollouts/${id}`, { metadata: null }, 200, { metadata: null }],
      [
        'POST',
        `/rollouts/${id}/attempts/latest`,
        { metadata: null },
        400,
        { detail: 'metadata is invalid; it cannot be a null value.' },
      ],
      ['POST', `/rollouts/${id}/attempts`, undefined, 201, { attempt: { sequence_id: 2 } }],
      [
        'GET',
        `/rollouts/${id}/attempts?sort_order=desc&sort_by=sequence_id`,
        undefined,
        200,
        { total: 2, items: [{ sequence_id: 2 }, { sequence_id: 1 }] },
      ],
      ['POST', `/rollouts/${id}/attempts/search`, {}, 200, { total: 2, limit: -1, offset: 0 }],
      ['GET', `/rollouts/${id}/attempts/latest`, undefined, 200, { sequence_id: 2 }],
      ['GET', `/rollouts/${id}/attempts/other`, undefined, 405, { detail: 'Method Not Allowed' }],
      ['GET', '/rollouts?limit=0', undefined, 400, { detail: 'Limit must be greater than 0 or -1 for no limit' }],
      ['GET', '/rollouts?offset=-1', undefined, 400, { detail: 'Offset must be greater than or equal to 0' }],
      ['GET', '/rollouts?limit=', undefined, 422, { detail: [{ loc: ['query', 'limit'] }] }],
      [
        'GET',
        '/rollouts?sort_by=nothing',
        undefined,
        400,
        { detail: expect.stringContaining('Invalid sort_by: nothing, allowed fields are: ') },
      ],
      ['GET', `/rollouts?rollout_id_in=${id}&rollout_id_in=other&colour=red`, undefined, 200, { total: 1 }],
      ['GET', '/rollouts?status_in=preparing,running', undefined, 422, {}],
      ['POST', '/rollouts/search', { status_in: [] }, 200, { total: 0 }],
      ['POST', '/rollouts/search', { status_in: null, filter_logic: 'or' }, 200, { total: 2 }],
      ['GET', '/workers/missing', undefined, 200, null],
      [
        'POST',
        '/workers/w%201',
        { heartbeat_stats: { load: 1 } },
        200,
        { worker_id: 'w 1', status: 'unknown', heartbeat_stats: { load: 1 } },
      ],
      [
        'POST',
        '/workers/w',
        { heartbeat_stats: null },
        400,
        { detail: 'heartbeat_stats is invalid; it cannot be a null value.' },
      ],
      ['GET', '/resources/latest', undefined, 200, null],
      ['POST', '/resources', { x: { resource_type: 'unknown' } }, 422, {}],
      ['POST', '/resources/mine', {}, 200, { resources_id: 'mine', version: 1 }],
      ['GET', '/resources/mine', undefined, 200, { version: 1, resources: {} }],
      ['GET', '/spans', undefined, 422, { detail: [{ type: 'missing', loc: ['query', 'rollout_id'] }] }],
      ['GET', `/spans?rollout_id=${id}&attempt_id=latest&filter_logic=or`, undefined, 200, { items: [] }],
      ['POST', '/spans/next', { rollout_id: id, attempt_id: 'any' }, 200, { sequence_id: 1 }],
      ['POST', '/waits/rollouts', { rollout_ids: [id, 'unknown'], timeout: 0 }, 200, []],
      ['GET', '/statistics', undefined, 200, { name: 'MemoryStore', total_rollouts: 2 }],
      ['GET', '/v1/nothing', undefined, 404, { detail: 'Not Found' }],
      ['POST', '/v1/metrics', undefined, 501, ''],
    ]
    for (const [method, path, body, status, answer] of cases) {
      const got = await server.call(method, path, body)
      // With the call in the comparison, so that a failure names it.
      expect({ call: `${method} ${path}`, status: got.status, body: got.body }).toMatchObject({
        call: `${method} ${path}`,
        status,
        body: answer,
      })
    }
  })

  test('adds spans as it has them: numerals, missing nulls, doubles and odd numbers', async () => {
    const server = await startTestServer()
    await enqueue(server, 1)
    const claimed = await claim(server)
    const span = spanOf(claimed, { span_id: 's', sequence_id: 100 })
    expect((await server.call('POST', '/spans', span)).status).toBe(201)
    expect(await server.call('POST', '/spans', span)).toMatchObject({ status: 201, body: null })
    const lax = { ...span, span_id: 't', sequence_id: '101', start_time: '1.5', extra: { kept: true } }
    expect((await server.call('POST', '/spans', lax)).body).toMatchObject({
      sequence_id: 101,
      start_time: 1.5,
      extra: { kept: true },
    })
    const odd = JSON.stringify({ ...span, span_id: 'u', sequence_id: 102, attributes: { score: 1 } }).replace(
      '"score":1',
      '"score":NaN',
    )
    await server.call('POST', '/spans', odd)
    const { items } = (await server.call('POST', '/spans/search', { rollout_id: claimed.rollout_id })).body as {
      readonly items: readonly { readonly attributes: object }[]
    }
    expect(items.map((item) => item.attributes)).toEqual([span.attributes, span.attributes, { score: 'NaN' }])
    expect(await server.call('POST', '/spans', { ...span, attributes: { deep: {} } })).toMatchObject({ status: 422 })
    expect(await server.call('POST', '/spans', { ...span, rollout_id: 'unknown' })).toMatchObject({ status: 404 })
  })

  test('has its answers under the other spelling of the prefix too', async () => {
    const server = await startTestServer()
    const response = await fetch(`${server.url}/agl/v1/health`)
    expect([response.status, response.headers.get('agl-api')]).toEqual([200, '1'])
  })
})

describe('a client of ours', () => {
  test('is parked until there is work, and served at once', async () => {
    const server = await startTestServer()
    const parked = server.ours('POST', '/queues/rollouts/dequeue', { wait_seconds: 20, worker_id: 'w', lease_seconds: 5 })
    await until(async () => (await server.store.queryWorkers()).total === 1)
    await enqueue(server, 'work')
    expect(await parked).toMatchObject({ status: 200, body: [{ input: 'work', attempt: { worker_id: 'w' } }] })
  })

  test('waits for rollouts, and is told whether that is all', async () => {
    const server = await startTestServer()
    const [first, second] = await enqueue(server, 1, 2)
    const ids = [first!.rollout_id, second!.rollout_id, 'unknown']
    const waiting = server.ours('POST', '/waits/rollouts', { rollout_ids: ids, timeout: null })
    for (const id of ids.slice(0, 2)) await server.store.updateRollout({ rolloutId: id, status: 'succeeded' })
    const answer = await waiting
    expect(answer.body).toHaveLength(2)
    expect(answer.headers.get('agl-complete')).toBe('true')
    await server.store.updateRollout({ rolloutId: first!.rollout_id, status: 'queuing' })
    const partial = await server.ours('POST', '/waits/rollouts', { rollout_ids: ids, timeout: 0 })
    expect([partial.body, partial.headers.get('agl-complete')]).toMatchObject([[{ rollout_id: second!.rollout_id }], 'false'])
    const enough = await server.ours('POST', '/waits/rollouts', { rollout_ids: ids, timeout: null, at_least: 1 })
    expect([enough.body, enough.headers.get('agl-complete')]).toMatchObject([[{ rollout_id: second!.rollout_id }], 'true'])
  })

  test('that hangs up while it is parked takes no work with it', async () => {
    const server = await startTestServer()
    const gone = new AbortController()
    const parked = fetch(`${server.url}/v1/agl/queues/rollouts/dequeue`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'agl-api': '1' },
      body: JSON.stringify({ wait_seconds: 20, worker_id: 'w' }),
      signal: gone.signal,
    })
    await until(async () => (await server.store.queryWorkers()).total === 1)
    gone.abort()
    await expect(parked).rejects.toThrow()
    await tick()
    await until(async () => {
      await server.store.enqueueRollout({ input: 1 })
      return (await server.store.queryRollouts({ statusIn: ['queuing', 'requeuing'] })).total > 0
    })
  })

  test('names the version that it expects in If-Match', async () => {
    const server = await startTestServer()
    const put = (headers: Readonly<Record<string, string>>) => server.ours('POST', '/resources/mine', {}, headers)
    expect(await put({ 'if-none-match': '*' })).toMatchObject({ status: 200, body: { version: 1 } })
    expect(await put({ 'if-none-match': '*' })).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect(await put({ 'if-match': '"1"' })).toMatchObject({ status: 200, body: { version: 2 } })
    expect(await put({ 'if-match': 'one' })).toMatchObject({ status: 400 })
    expect(await server.ours('GET', '/resources/mine?version=1')).toMatchObject({ body: { version: 1 } })
    expect(await server.ours('DELETE', '/resources/mine?version=1')).toMatchObject({ body: [1] })
  })

  test('reads events from a cursor on', async () => {
    const server = await startTestServer()
    const stream = await fetch(`${server.url}/v1/agl/events`, { headers: { 'agl-api': '1' } })
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    const read = async (words: string): Promise<void> => {
      while (!text.includes(words)) text += (await reader.read()).value ?? ''
    }
    await read(': open')
    await server.store.enqueueRollout({ input: 'first' })
    await server.store.enqueueRollout({ input: 'second' })
    await read('"second"')
    await reader.cancel()
    // The first one comes alone: where the feed begins.
    const [begin, cursor] = [...text.matchAll(/^id: (.+)$/gm)].map((match) => match[1]!)
    expect(text).toMatch(new RegExp(`^: open\nid: ${begin}\n\nid: ${cursor}\ndata: `))
    const resumed = await fetch(`${server.url}/v1/agl/events?after=${cursor}`, { headers: { 'agl-api': '1' } })
    const again = resumed.body!.pipeThrough(new TextDecoderStream()).getReader()
    let rest = ''
    while (!rest.includes('"second"')) rest += (await again.read()).value ?? ''
    expect(rest).not.toContain('"first"')
    await again.cancel()
    expect(await server.ours('GET', '/events?after=nonsense')).toMatchObject({ status: 400, body: { code: 'invalid_argument' } })
  })

  test('takes a snapshot of one server to another', async () => {
    const from = await startTestServer()
    const to = await startTestServer()
    await enqueue(from, 1, 2, 3)
    const snapshot = await (await fetch(`${from.url}/v1/agl/snapshot`)).text()
    expect(snapshot.trimEnd().split('\n')).toHaveLength(5)
    expect(await to.ours('PUT', '/snapshot', snapshot)).toMatchObject({ status: 200, body: {} })
    expect(await to.call('GET', '/statistics')).toMatchObject({ body: { total_rollouts: 3 } })
    expect(await to.ours('PUT', '/snapshot', snapshot)).toMatchObject({ status: 409 })
  })
})

describe('the server', () => {
  test('ends parked calls when it closes, with an answer that says to ask again', async () => {
    const server = await startTestServer()
    const parked = server.ours('POST', '/queues/rollouts/dequeue', { wait_seconds: 20, worker_id: 'w' })
    await until(async () => (await server.store.queryWorkers()).total === 1)
    await server.close()
    expect(await parked).toMatchObject({ status: 503, body: { code: 'closed' } })
  })

  test('hands back a claim whose answer cannot be written', async () => {
    const server = await startTestServer()
    await server.store.enqueueRollout({ input: 1 })
    const { promise: held, resolve: release } = Promise.withResolvers<void>()
    const slow = {
      ...server.store,
      dequeueManyRollouts: async (request: never) => {
        const claimed = await server.store.dequeueManyRollouts(request)
        await held
        return claimed
      },
    }
    const beside = createStoreServer({ store: slow, port: 0 })
    const { url } = await beside.start()
    const asked = httpRequest(`${url}/v1/agl/queues/rollouts/dequeue`, { method: 'POST' })
    asked.on('error', () => {})
    asked.end()
    await until(async () => (await server.store.queryRollouts({ statusIn: ['preparing'] })).total === 1)
    asked.destroy()
    await new Promise((resolve) => setTimeout(resolve, 20))
    release()
    await until(async () => (await server.store.queryRollouts({ statusIn: ['requeuing'] })).total === 1)
    expect(await server.store.dequeueRollout()).toMatchObject({ input: 1, attempt: { sequence_id: 2 } })
    await beside.close()
  })

  test.each(stores)(
    'over %s ends a parked claim that is given up, before it answers what became of it',
    async (_name, create) => {
      const server = await startTestServer({ store: create() })
      const key = { 'idempotency-key': 'k' }
      // Its connection stays, as that of a client who is gone does for a while.
      const parked = server.ours('POST', '/queues/rollouts/dequeue', { limit: 1, wait_seconds: 20, worker_id: 'w' }, key)
      await until(async () => (await server.store.queryWorkers()).total === 1)
      expect(await server.ours('POST', '/queues/rollouts/dequeue', { limit: 0 }, key)).toMatchObject({ status: 200, body: [] })
      const { rollout_id: rolloutId } = await server.store.enqueueRollout({ input: 1 })
      expect(await parked).toMatchObject({ status: 503, body: { code: 'closed' } })
      // Nor does a claim that comes later than the question.
      const late = await server.ours('POST', '/queues/rollouts/dequeue', { limit: 1, wait_seconds: 20, worker_id: 'w' }, key)
      expect(late).toMatchObject({ status: 200, body: [] })
      expect(await server.store.getRolloutById({ rolloutId })).toMatchObject({ status: 'queuing' })
      // What had been claimed is answered.
      const claim = await server.ours('POST', '/queues/rollouts/dequeue', { limit: 1 }, { 'idempotency-key': 'other' })
      const found = await server.ours('POST', '/queues/rollouts/dequeue', { limit: 0 }, { 'idempotency-key': 'other' })
      expect(found.body).toEqual(claim.body)
      expect(found.body).toMatchObject([{ rollout_id: rolloutId }])
    },
  )

  test('says which port is taken', async () => {
    const server = await startTestServer()
    const { port } = new URL(server.url)
    const second = createStoreServer({ store: server.store, port: Number(port) })
    await expect(second.start()).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining(port) })
  })

  test('answers HEAD of a feed, which has no end', async () => {
    const server = await startTestServer()
    const reply = await fetch(`${server.url}/v1/agl/events`, { method: 'HEAD' })
    expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  })

  test('keeps what the Python client does not know of a config that it changes', async () => {
    const server = await startTestServer()
    const config = { max_attempts: 3, retry_outcomes: ['agent_error'] }
    await server.ours('POST', '/queues/rollouts/enqueue', { rollouts: [{ input: 1, rollout_id: 'mine', config }] })
    await server.call('POST', '/rollouts/mine', { config: { max_attempts: 5 } })
    const { config: kept } = (await server.store.getRolloutById({ rolloutId: 'mine' }))!
    expect(kept).toMatchObject({ max_attempts: 5, retry_outcomes: ['agent_error'] })
    await server.ours('POST', '/rollouts/mine', { config: { max_attempts: 5 } })
    expect((await server.store.getRolloutById({ rolloutId: 'mine' }))!.config.retry_outcomes).toEqual([])
  })

  test('says that it may be asked again while it closes', async () => {
    const server = await startTestServer()
    const parked = server.ours('POST', '/queues/rollouts/dequeue', { wait_seconds: 20, worker_id: 'w' })
    await until(async () => (await server.store.queryWorkers()).total === 1)
    await server.close()
    expect(await parked).toMatchObject({ status: 503, body: { code: 'closed', is_retryable: true } })
  })

  test('refuses another version of the API than its own by name', async () => {
    const server = await startTestServer()
    expect(await server.call('GET', '/rollouts', undefined, { 'agl-api': '2' })).toMatchObject({
      status: 400,
      body: { code: 'invalid_argument', detail: expect.stringContaining('"2"') as string },
    })
  })
})
