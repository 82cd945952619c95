import { createMemoryStore } from '@agl/store-memory'
import { createSqliteStore } from '@agl/store-sqlite'
import { isPlainObject } from '@agl/types'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sliceItems, sliceMembers } from '../wire/json-slices.ts'
import { startTestServer } from './test-server.test-support.ts'

test('the parts of a JSON text are where JSON.parse finds them', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), fc.constantFrom(undefined, 1), (value, indent) => {
      const text = JSON.stringify(value, null, indent)
      const parsed: unknown = JSON.parse(text)
      const items = sliceItems(text, 0).map((slice) => JSON.parse(text.slice(...slice)) as unknown)
      const members = [...sliceMembers(text, 0)].map(
        ([key, slice]) => [key, JSON.parse(text.slice(...slice)) as unknown] as const,
      )
      expect(items).toEqual(Array.isArray(parsed) ? parsed : [])
      expect(new Map(members)).toEqual(new Map(Object.entries(isPlainObject(parsed) ? parsed : {})))
    }),
  )
})

test('numbers beyond all doubles come back too, and are null to programs here', async () => {
  const server = await startTestServer()
  const input = `{"digits":${'9'.repeat(400)},"exponent":-1e400,"small":1e-400}`
  const response = await fetch(`${server.url}/v1/agl/queues/rollouts/enqueue`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{"rollouts":[{"input":${input}}]}`,
  })
  expect(await response.text()).toContain(`"input":${input}`)
  expect((await server.store.queryRollouts()).items[0]!.input).toEqual({ digits: null, exponent: null, small: 0 })
})

test('whole numbers beyond doubles become text in attributes, wherever they stand; all else stays a number', async () => {
  const server = await startTestServer()
  const { rollout_id, attempt } = await server.store.startRollout({ rollout: { input: 1 } })
  const span = {
    rollout_id,
    attempt_id: attempt.attempt_id,
    trace_id: 't',
    span_id: 's',
    parent_id: null,
    name: 'n',
    status: { status_code: 'OK', description: null },
    events: [],
    links: [],
    start_time: 1,
    end_time: 2,
    context: null,
    parent: null,
    resource: { attributes: {}, schema_url: '' },
  }
  const attributes = (values: string): string => JSON.stringify(span).replace('{"roll', `{"attributes":${values},"roll`)
  const stored = async (values: string, spanId: string): Promise<unknown> => {
    await server.call('POST', '/spans', attributes(values).replace('"s"', `"${spanId}"`))
    const { items } = await server.store.querySpans({ rolloutId: rollout_id, spanId })
    return items[0]?.attributes
  }
  const long = '9007199254740993'
  expect(await stored(`{"a":${long}}`, '1')).toEqual({ a: long })
  expect(await stored(`{"a":-${long}}`, '2')).toEqual({ a: `-${long}` })
  expect(await stored(`{"a" :\n${long} }`, '3')).toEqual({ a: long })
  expect(await stored(`{"a":[${long},-${long}]}`, '4')).toEqual({ a: [long, `-${long}`] })
  expect(await stored(`{"a":[ ${long}]}`, '5')).toEqual({ a: [long] })
  expect(await stored('{"a":0.1234567890123456789,"b":1e300,"c":1234567890123456}', '6')).toEqual({
    a: 0.12345678901234568,
    b: 1e300,
    c: 1234567890123456,
  })
})

describe.each([
  ['memory', () => createMemoryStore()],
  ['sqlite', () => createSqliteStore({ file: ':memory:' })],
])('numbers of Python in a %s store', (_name, create) => {
  const odd = '{"float":1.0,"big":9223372036854775808,"bigger":1180591620717411303424,"list":[1,1.0,1e22],"text":"1.0 \\"}"}'

  test('come back as they came, through the queue, claims, queries and updates', async () => {
    const server = await startTestServer({ store: create() })
    const raw = async (method: string, path: string, body?: string): Promise<string> => {
      const response = await fetch(`${server.url}/v1/agl${path}`, {
        method,
        ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
      })
      return response.text()
    }
    const enqueued = await raw(
      'POST',
      '/queues/rollouts/enqueue',
      `{"rollouts": [{"input": ${odd}, "metadata": ${odd}}, {"input": {"n": 1}}]}`,
    )
    expect(enqueued.split(odd)).toHaveLength(3)
    const claimed = await raw('POST', '/queues/rollouts/dequeue')
    expect(claimed.split(odd)).toHaveLength(3)
    const [{ rollout_id: id }] = JSON.parse(claimed) as [{ readonly rollout_id: string }]
    await raw('POST', `/rollouts/${id}/attempts/latest`, '{"status":"succeeded"}')
    expect((await raw('GET', `/rollouts/${id}`)).split(odd)).toHaveLength(3)
    expect((await raw('GET', '/rollouts')).split(odd)).toHaveLength(3)
    // Callers in this process see plain values.
    expect((await server.store.getRolloutById({ rolloutId: id }))?.input).toMatchObject({ float: 1, list: [1, 1, 1e22] })
    const updated = await raw('POST', `/rollouts/${id}`, '{"input": {"x": 2.0}, "metadata": {"y": 3}}')
    expect(updated).toContain('"input":{"x": 2.0}')
    expect(updated).toContain('"metadata":{"y":3}')
  })

  test('that JSON has no word for are answered as null', async () => {
    const server = await startTestServer({ store: create() })
    const body = '{"rollouts":[{"input":{"n":NaN,"i":-Infinity,"one":1.0,"text":"NaN"},"metadata":{"m":Infinity}}]}'
    const answer = await server.call('POST', '/queues/rollouts/enqueue', body)
    expect(answer).toMatchObject({
      status: 201,
      body: [{ input: { n: null, i: null, one: 1, text: 'NaN' }, metadata: { m: null } }],
    })
  })
})
