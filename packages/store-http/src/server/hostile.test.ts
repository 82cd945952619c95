import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { spanOf } from '@agl/store-kit/testing'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { routes } from './routes/index.ts'
import { startTestServer, type TestServer } from './test-server.test-support.ts'

/*
 * What a caller may send who means no good, or is broken: whatever it is, the answer is one of those that say what is wrong, the
 * server goes on, and nothing is stored in part.
 */

/** No answer is a failure of the server; 501 and 507 are refusals. */
const isRefusalOrSuccess = (status: number): boolean => status < 500 || status === 501 || status === 507

const oddText = fc.oneof(
  fc.string(),
  fc.constantFrom(
    '',
    'latest',
    'search',
    '.',
    '..',
    '%',
    '%00',
    'a/b',
    '__proto__',
    'constructor',
    '\u0000',
    '\ud800',
    'x'.repeat(5000),
  ),
)
const oddValue = fc.oneof(
  fc.jsonValue(),
  oddText,
  fc.constantFrom<unknown>(null, true, -1, 0, 1.5, 2 ** 53, -(2 ** 63), 1e308, [], {}, [null], { a: { b: {} } }),
)

/** Bodies made of the words of the API, mostly with values that do not belong to them. */
const words = [
  'rollouts',
  'rollout_ids',
  'rollout_id',
  'attempt_id',
  'worker_id',
  'input',
  'metadata',
  'config',
  'mode',
  'status',
  'limit',
  'offset',
  'sort_by',
  'sort_order',
  'filter_logic',
  'status_in',
  'labels',
  'spans',
  'attempts',
  'resources_id',
  'version',
  'expected',
  'heartbeat_stats',
  'stats',
  'capacity',
  'updates',
  'resources',
  'priority',
  'idempotency_key',
  'span_id',
  'trace_id',
  'attributes',
  'sequence_id',
  'events',
  'links',
  'start_time',
  'resource',
  'context',
  'outcome',
  'name',
] as const
const body: fc.Arbitrary<unknown> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.dictionary(fc.constantFrom(...words), fc.oneof(oddValue, fc.array(oddValue, { maxLength: 3 })), { maxKeys: 6 }),
  },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.dictionary(fc.constantFrom(...words), oddValue, { maxKeys: 6 }), { maxLength: 3 })
      .map((items) => ({ rollouts: items, spans: items, updates: items, attempts: items })),
  },
  { weight: 1, arbitrary: oddValue },
)

/** Streams are held open by a good request, and this one has its own tests. */
const asked = routes.filter(({ path }) => path !== '/events')

const hostileRequest = fc.record({
  route: fc.constantFrom(...asked),
  ids: fc.array(oddText, { minLength: 2, maxLength: 2 }),
  query: fc.dictionary(fc.constantFrom(...words), oddText, { maxKeys: 3 }),
  body,
  headers: fc.dictionary(
    fc.constantFrom('agl-api', 'idempotency-key', 'if-match', 'if-none-match', 'accept-encoding', 'last-event-id'),
    fc.constantFrom('1', '"1"', '*', 'x'.repeat(300), '%E0%A4%A', 'gzip;q=0'),
    { maxKeys: 2 },
  ),
})

function pathOf(path: string, [first = '', second = '']: readonly string[]): string {
  const values = [first, second]
  return path.replace(/:\w+/g, () => encodeURIComponent((values.shift() ?? '').toWellFormed()))
}

async function ask(
  server: TestServer,
  { route, ids, query, body: sent, headers }: typeof hostileRequest extends fc.Arbitrary<infer R> ? R : never,
): Promise<number> {
  const search = new URLSearchParams(Object.entries(query)).toString()
  const path = `${pathOf(route.path, ids)}?${search}`
  const payload = route.method === 'GET' ? undefined : sent
  return (await server.call(route.method, path, payload === undefined ? undefined : JSON.stringify(payload), headers)).status
}

describe('whatever is sent', () => {
  test('every endpoint answers, and the books of the store stay right', async () => {
    const server = await startTestServer()
    const seen = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(hostileRequest, async (request) => {
        const status = await ask(server, request)
        seen.set(status, (seen.get(status) ?? 0) + 1)
        expect([request.route.path, isRefusalOrSuccess(status)]).toEqual([request.route.path, true])
      }),
      { numRuns: 1500 },
    )
    // The generator reaches both sides.
    expect(seen.get(200) ?? 0).toBeGreaterThan(20)
    expect(seen.get(422) ?? 0).toBeGreaterThan(100)
    const { total_rollouts: rollouts, total_spans: spans } = await server.store.statistics()
    expect((await server.store.queryRollouts({ limit: 0 })).total).toBe(rollouts)
    expect(spans).toBe(0)
    // What is there can be taken out and put into another store.
    const lines: string[] = []
    for await (const line of server.store.exportSnapshot()) lines.push(line)
    const copy = await startTestServer()
    await copy.store.importSnapshot({ lines })
    expect((await copy.store.statistics()).total_rollouts).toBe(rollouts)
  })

  test('is not sent back at any length', async () => {
    const server = await startTestServer()
    const name = 'k'.repeat(100_000)
    const rollouts = Array.from({ length: 1000 }, () => ({ input: 1, labels: { [name.slice(0, 10_000)]: 7 } }))
    for (const body of [{ rollouts: [{ input: 1, labels: { [name]: name } }] }, { rollouts }]) {
      const answer = await server.ours('POST', '/queues/rollouts/enqueue', body)
      expect(answer.status).toBe(422)
      expect(JSON.stringify(answer.body).length).toBeLessThan(60_000)
    }
  })

  test('a bulk call with one bad item stores nothing', async () => {
    const server = await startTestServer()
    const claimed = await server.store.startRollout({ rollout: { input: 1 } })
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('name', 'attributes', 'status', 'span_id', 'events', 'start_time'),
        oddValue,
        async (field, value) => {
          const bad = { ...spanOf(claimed), [field]: value }
          const { total_spans: before } = await server.store.statistics()
          const answer = await server.call('POST', '/spans/batch', { spans: [spanOf(claimed), bad, spanOf(claimed)] })
          const { status } = answer
          const { total_spans: after } = await server.store.statistics()
          expect(after - before).toBe(status === 201 ? (answer.body as readonly unknown[]).length : 0)
          expect(isRefusalOrSuccess(status)).toBe(true)
        },
      ),
      { numRuns: 200 },
    )
  })

  test('to the traces is answered, and nothing of it is stored in part', async () => {
    const server = await startTestServer()
    const send = async (payload: Uint8Array<ArrayBuffer>, headers: Readonly<Record<string, string>>): Promise<number> => {
      const response = await fetch(`${server.url}/v1/traces`, { method: 'POST', body: payload, headers })
      await response.arrayBuffer()
      return response.status
    }
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom('application/x-protobuf', 'application/json', 'text/plain', ''),
        fc.constantFrom('gzip', 'deflate', 'identity', 'br', 'gzip, gzip'),
        async (bytes, type, encoding) => {
          const status = await send(new Uint8Array(bytes), { 'content-type': type, 'content-encoding': encoding })
          expect(isRefusalOrSuccess(status)).toBe(true)
        },
      ),
      { numRuns: 400 },
    )
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(80 * 2 ** 20)))
    expect(await send(bomb, { 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip' })).toBe(413)
    expect((await server.store.statistics()).total_spans).toBe(0)
  })

  test('as no HTTP at all ends that connection alone', async () => {
    const server = await startTestServer()
    const port = Number(new URL(server.url).port)
    const raw = async (text: string): Promise<string> =>
      new Promise((resolve) => {
        let answer = ''
        const socket = connect(port, '127.0.0.1', () => socket.end(text))
        socket.setEncoding('utf8')
        socket.on('data', (chunk: string) => (answer += chunk))
        socket.on('error', () => resolve(answer))
        socket.on('close', () => resolve(answer))
      })
    for (const text of [
      'nonsense\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`,
      `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`,
      'POST /v1/agl/rollouts HTTP/1.1\r\nhost: localhost\r\ncontent-length: -5\r\n\r\n',
      'POST /v1/agl/rollouts HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello',
      'POST /v1/agl/rollouts HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
    ]) {
      const status = /^HTTP\/1\.1 (\d+)/.exec(await raw(text))?.[1]
      expect([text.slice(0, 30), status === undefined || isRefusalOrSuccess(Number(status))]).toEqual([text.slice(0, 30), true])
    }
    // The head of a request, its path included, has 16 KiB.
    for (const head of [`GET /${'a'.repeat(20_000)} HTTP/1.1\r\n`, `GET / HTTP/1.1\r\n${'x: a\r\n'.repeat(4000)}`]) {
      expect(await raw(`${head}host: localhost\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 .*\r\nConnection: close\r\n/)
    }
    // A body that breaks off stores nothing.
    await raw(
      'POST /v1/agl/queues/rollouts/enqueue HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"rollouts":[{"input":1}',
    )
    expect(await server.call('GET', '/statistics')).toMatchObject({ status: 200, body: { total_rollouts: 0 } })
  })
})
