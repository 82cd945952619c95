import { spanOf } from '@agl/store-kit/testing'
import type { Span } from '@agl/types'
import { describe, expect, test } from 'vitest'
import { answer, claimOf, connect, drop, rolloutOf, serve } from './scripted-server.test-support.ts'

const update = { resources_id: 'rs-1', create_time: 1, update_time: 1, version: 1, resources: {} }
const claimed = { rollout_id: 'ro-1', attempt: { attempt_id: 'at-1' } }

/** Loses the first reply, as if the work had been done. */
const losing = (value: unknown) => serve((_, response, index) => (index === 0 ? drop(response) : answer(response, value)))

describe('writes that are sent twice', () => {
  test('a rollout has an id, the same each time, unless the caller named it', async () => {
    const server = await losing([rolloutOf()])
    const { client } = await connect({ url: server.url })
    await client.enqueueRollout({ input: 1 })
    await client.enqueueRollout({ input: 1, idempotency_key: 'k' })
    await client.enqueueManyRollouts({ rollouts: [{ input: 1, rollout_id: 'mine' }, { input: 2 }] })
    const sent = server.seen.map(({ body }) => (body as { rollouts: readonly object[] }).rollouts)
    const id = expect.stringMatching(/^ro-[0-9a-z]{16}$/)
    expect(sent[0]).toEqual([{ input: 1, rollout_id: id }])
    expect(sent[1]).toEqual(sent[0])
    expect(sent[2]).toEqual([{ input: 1, idempotency_key: 'k' }])
    expect(sent[3]).toEqual([
      { input: 1, rollout_id: 'mine' },
      { input: 2, rollout_id: id },
    ])
    expect(sent[3]![1]).not.toEqual({ ...sent[0]![0], input: 2 })
  })

  test.each([
    ['startRollout', { rollout: { input: 1 } }, claimOf()],
    ['startAttempt', { rolloutId: 'ro-1' }, claimOf()],
    ['addResources', { resources: {} }, update],
    ['updateResources', { resourcesId: 'rs-1', resources: {}, expectedVersion: 3 }, update],
    ['updateManyResources', { updates: [] }, []],
    ['updateRollout', { rolloutId: 'ro-1', status: 'queuing' }, rolloutOf()],
  ] as const)('%s is the same request both times, and another the next time', async (verb, request, reply) => {
    const server = await losing(reply)
    const { client } = await connect({ url: server.url })
    const call = client[verb] as (value: unknown) => Promise<unknown>
    await call(request)
    await call(request)
    const [first, second, other] = server.seen.map(({ method, path, body, headers }) =>
      JSON.stringify([method, path, body, headers['idempotency-key']]),
    )
    expect(second).toBe(first)
    expect(other).not.toBe(first)
  })

  test('the latest attempt is the one that was the latest when the call was made', async () => {
    const server = await serve(({ method, path }, response, index) => {
      if (method === 'GET') return answer(response, claimOf()['attempt'])
      return index === 1 ? drop(response) : answer(response, { ...(claimOf()['attempt'] as object), path })
    })
    const { client } = await connect({ url: server.url })
    await client.updateAttempt({ rolloutId: 'ro-1', attemptId: 'latest', status: 'failed' })
    const path = '/rollouts/ro-1/attempts/at-1'
    expect(server.seen.map((request) => request.path)).toEqual(['/rollouts/ro-1/attempts/latest', path, path])
  })

  test('an agent that may not read gets no refusal for spans that an earlier try has stored', async () => {
    const server = await serve(({ path }, response, index) => {
      if (path === '/spans/search') return answer(response, { detail: 'no', code: 'forbidden' }, 403)
      return index === 0 || index === 3 ? drop(response) : answer(response, path === '/spans' ? null : [], 201)
    })
    const { client } = await connect({ url: server.url })
    const { sequence_id: _, ...span } = spanOf({ rollout_id: 'ro-1', attempt: { attempt_id: 'at-1' } })
    expect(await client.addSpan(span)).toBeNull()
    expect(await client.addManySpans({ spans: [span] })).toEqual([])
    expect(server.seen.filter(({ path }) => path === '/spans/search')).toHaveLength(2)
  })

  test("the caller's key is sent, and what must be there already", async () => {
    const server = await serve((_, response) => answer(response, update))
    const { client } = await connect({ url: server.url })
    const change = { resourcesId: 'rs-1', resources: {}, idempotencyKey: 'mine' }
    await client.updateResources({ ...change, expectedVersion: 3 })
    await client.updateResources({ ...change, expectedVersion: 0 })
    expect(server.seen[0]!.headers).toMatchObject({ 'idempotency-key': 'mine', 'if-match': '"3"' })
    expect(server.seen[1]!.headers).toMatchObject({ 'idempotency-key': 'mine', 'if-none-match': '*' })
    expect(server.seen[1]!.headers['if-match']).toBeUndefined()
  })
})

describe('spans', () => {
  /** A server that stores spans and loses its first reply. */
  async function storing(): ReturnType<typeof serve> {
    const spans = new Map<string, Span>()
    return serve(({ path, body }, response, index) => {
      const { span_id: wanted, spans: batch } = body as { readonly span_id?: string; readonly spans?: readonly Span[] }
      if (path === '/spans/search') {
        const items = [...spans.values()].filter((span) => span.span_id === wanted)
        return answer(response, { items, limit: -1, offset: 0, total: items.length })
      }
      const stored = (batch ?? [body as Span]).flatMap((span) => {
        if (spans.has(span.span_id)) return []
        const kept = { ...span, sequence_id: span.sequence_id ?? spans.size + 1 }
        spans.set(span.span_id, kept)
        return [kept]
      })
      if (index === 0) return drop(response)
      answer(response, batch === undefined ? (stored[0] ?? null) : stored, 201)
    })
  }

  test('a span whose reply was lost is answered as new; one that is another is not', async () => {
    const server = await storing()
    const { client } = await connect({ url: server.url })
    const span = spanOf(claimed, { attributes: { odd: [Number.NaN, -0, Number.NEGATIVE_INFINITY, 1.5], text: 'NaN' } })
    expect(await client.addSpan(span)).toEqual({ ...span, sequence_id: 1 })
    expect(await client.addSpan(span)).toBeNull()
    const other = await storing()
    const { client: second } = await connect({ url: other.url })
    const [known, changed] = [spanOf(claimed), spanOf(claimed)]
    const stored = await second.addManySpans({ spans: [known, changed, known] })
    expect(stored.map((item) => item.span_id)).toEqual([known.span_id, changed.span_id])
    const third = await storing()
    const { client: last } = await connect({ url: third.url })
    // The first is dropped after it was stored; what comes again under its id is another.
    const dropped = last.addSpan(known)
    await dropped
    expect(await last.addManySpans({ spans: [{ ...known, name: 'other' }, changed] })).toMatchObject([
      { span_id: changed.span_id },
    ])
  })

  test('a lost reply to a span that somebody else had stored is null', async () => {
    const there = { ...spanOf(claimed), sequence_id: 9 }
    const server = await serve(({ path }, response, index) => {
      if (path === '/spans/search') return answer(response, { items: [there], limit: -1, offset: 0, total: 1 })
      return index === 0 ? drop(response) : answer(response, null, 201)
    })
    const { client } = await connect({ url: server.url })
    expect(await client.addSpan({ ...there, name: 'mine' })).toBeNull()
  })

  test('nothing of a batch is sent when one does not fit', async () => {
    const server = await serve((_, response) => answer(response, []))
    const { client } = await connect({ url: server.url })
    const spans = [spanOf(claimed), spanOf(claimed, { name: 7 as never })]
    await expect(client.addManySpans({ spans })).rejects.toThrow('spans[1]')
    expect(await client.addManySpans({ spans: [] })).toEqual([])
    expect(server.seen).toEqual([])
  })
})

describe('resources', () => {
  test('a version is asked for once, and again after a deletion; what has no version each time', async () => {
    const server = await serve(({ method, path }, response) =>
      answer(response, method === 'DELETE' ? [1] : path.includes('version=2') ? null : update),
    )
    const { client } = await connect({ url: server.url })
    const one = { resourcesId: 'rs-1', version: 1 }
    expect(await client.warmResources([one, { resourcesId: 'rs-1', version: 2 }])).toBe(1)
    const read = await client.getResourcesById(one)
    expect(await client.getResourcesById(one)).toBe(read)
    expect(Object.isFrozen(read?.resources)).toBe(true)
    expect(server.seen).toHaveLength(2)
    await client.getResourcesById({ resourcesId: 'rs-1' })
    await client.deleteResources(one)
    await client.getResourcesById(one)
    expect(server.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /resources/rs-1?version=1',
      'GET /resources/rs-1?version=2',
      'GET /resources/rs-1',
      'DELETE /resources/rs-1?version=1',
      'GET /resources/rs-1?version=1',
    ])
  })
})
