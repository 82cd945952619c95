import type { NewSpan } from '@agl/types'
import { describe, expect, test } from 'vitest'
import { claimNext, enqueueAndClaim, type Harness, keyOf, retryAlways, spanOf, statusOf } from './harness.ts'

export function describeSpans({ open }: Harness): void {
  describe('spans', () => {
    test('are answered as stored, with unknown keys and the next sequence id', async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store)
      const span = { ...spanOf(claimed), kind: 'client' }
      const stored = await store.addSpan(span)
      expect(stored).toEqual({ ...span, sequence_id: 1 })
      expect((await store.querySpans({ rolloutId: claimed.rollout_id })).items).toEqual([stored])
    })

    test('a duplicate is null and no sign of life; the same id in another attempt is another span', async () => {
      const { store } = await open()
      const first = await enqueueAndClaim(store)
      const span = spanOf(first)
      await store.addSpan(span)
      const before = await store.getLatestAttempt({ rolloutId: first.rollout_id })
      expect(await store.addSpan({ ...span, name: 'other' })).toBeNull()
      expect(await store.getLatestAttempt({ rolloutId: first.rollout_id })).toEqual(before)
      const second = await store.startAttempt({ rolloutId: first.rollout_id })
      expect(await store.addSpan({ ...span, attempt_id: second.attempt.attempt_id })).not.toBeNull()
    })

    test('many: answers exactly the new ones, in order', async () => {
      const { store } = await open()
      const [a, b] = [await enqueueAndClaim(store), await enqueueAndClaim(store)]
      const known = spanOf(a)
      await store.addSpan(known)
      const spans = [spanOf(a), known, spanOf(b), spanOf(a)]
      const stored = await store.addManySpans({ spans: [...spans, spans[0]!] })
      expect(stored.map((span) => span.span_id)).toEqual([spans[0], spans[2], spans[3]].map((span) => span!.span_id))
      expect(await store.addManySpans({ spans })).toEqual([])
      expect(await store.addManySpans({ spans: [] })).toEqual([])
      expect((await store.statistics()).total_spans).toBe(4)
    })

    test('many: nothing is stored when one is invalid or of an unknown attempt', async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store)
      const invalid = spanOf(claimed, { attributes: { mixed: ['a', 1] as never } })
      await expect(store.addManySpans({ spans: [spanOf(claimed), invalid] })).rejects.toMatchObject({ code: 'invalid_argument' })
      const stray = spanOf(claimed, { attempt_id: 'at-x' })
      await expect(store.addManySpans({ spans: [spanOf(claimed), stray] })).rejects.toMatchObject({ code: 'not_found' })
      expect((await store.querySpans({ rolloutId: claimed.rollout_id })).total).toBe(0)
      expect(await statusOf(store, claimed.rollout_id)).toBe('preparing')
    })

    test('unknown ids, in the words of the reference; no counter is made for them', async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store)
      const { rolloutId, attemptId } = keyOf(claimed)
      await expect(store.addSpan(spanOf(claimed, { rollout_id: 'x' }))).rejects.toThrow('Rollout x not found')
      const stray = store.addSpan(spanOf(claimed, { attempt_id: 'y' }))
      await expect(stray).rejects.toThrow(`Attempt y not found for rollout ${rolloutId}`)
      await expect(store.getNextSpanSequenceId({ rolloutId: 'x', attemptId })).rejects.toMatchObject({ code: 'not_found' })
      const attempts = [
        { rolloutId, attemptId },
        { rolloutId: 'x', attemptId },
      ]
      await expect(store.getManySpanSequenceIds({ attempts })).rejects.toMatchObject({ code: 'not_found' })
      expect(await store.getNextSpanSequenceId({ rolloutId, attemptId })).toBe(1)
      expect((await store.querySpans({ rolloutId: 'x' })).total).toBe(0)
      expect((await store.querySpans({ rolloutId, attemptId: 'y' })).total).toBe(0)
    })

    test('sequence ids count per rollout and never fall behind what spans bring', async () => {
      const { store } = await open()
      const [a, b] = [await enqueueAndClaim(store), await enqueueAndClaim(store)]
      const attempts = [a, b, a, a].map(keyOf)
      expect(await store.getManySpanSequenceIds({ attempts })).toEqual([1, 1, 2, 3])
      await store.addSpan(spanOf(a, { sequence_id: 100 }))
      await store.addSpan(spanOf(a, { sequence_id: 7 }))
      await store.addSpan(spanOf(b, { sequence_id: -3 }))
      const retry = await store.startAttempt({ rolloutId: a.rollout_id })
      expect(await store.getNextSpanSequenceId(keyOf(retry))).toBe(101)
      expect(await store.getNextSpanSequenceId(keyOf(b))).toBe(2)
      // The attempt may be any: the reference counts on for attempts it does not know.
      expect(await store.getNextSpanSequenceId({ rolloutId: b.rollout_id, attemptId: 'elsewhere' })).toBe(3)
      expect(await store.addSpan(spanOf(b))).toMatchObject({ sequence_id: 4 })
    })

    test('the first span makes attempt and rollout run; the heartbeat is the time of the store', async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store)
      await store.addSpan(spanOf(claimed, { start_time: 1, end_time: 2 }))
      const rollout = await store.getRolloutById({ rolloutId: claimed.rollout_id })
      expect(rollout).toMatchObject({ status: 'running', attempt: { status: 'running' } })
      const attempt = await store.getLatestAttempt({ rolloutId: claimed.rollout_id })
      expect(attempt!.last_heartbeat_time).toBeGreaterThan(claimed.attempt.start_time)
    })

    test.each(['failed', 'timeout'] as const)('a late span does not strand the retry of a %s attempt', async (status) => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store, { config: retryAlways })
      await store.updateAttempt({ ...keyOf(claimed), status })
      await store.addSpan(spanOf(claimed))
      const rollout = await store.getRolloutById({ rolloutId: claimed.rollout_id })
      expect(rollout).toMatchObject({ status: 'requeuing', attempt: { status, last_heartbeat_time: expect.any(Number) } })
      expect((await claimNext(store)).attempt.sequence_id).toBe(2)
    })

    test('a span of a live attempt takes its rollout out of the queue', async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store)
      await store.updateRollout({ rolloutId: claimed.rollout_id, status: 'queuing' })
      await store.addSpan(spanOf(claimed))
      expect(await statusOf(store, claimed.rollout_id)).toBe('running')
      expect(await store.dequeueRollout()).toBeNull()
    })

    test('a span never reopens a finished rollout', async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store)
      await store.updateAttempt({ ...keyOf(claimed), status: 'unresponsive' })
      expect(await statusOf(store, claimed.rollout_id)).toBe('failed')
      await store.addSpan(spanOf(claimed))
      const rollout = await store.getRolloutById({ rolloutId: claimed.rollout_id })
      expect(rollout).toMatchObject({ status: 'failed', attempt: { status: 'running' } })
    })

    test('queries: attempt, filters, logic, order, pages', async () => {
      const { store } = await open()
      const a = await enqueueAndClaim(store)
      const fields: Partial<NewSpan>[] = [
        { name: 'alpha', trace_id: 't1', sequence_id: 3 },
        { name: 'beta', trace_id: 't2', sequence_id: 1, parent_id: 'p' },
        { name: 'alphabet', trace_id: 't2', sequence_id: 2 },
      ]
      await store.addManySpans({ spans: fields.map((part) => spanOf(a, part)) })
      const b = await store.startAttempt({ rolloutId: a.rollout_id })
      await store.addSpan(spanOf(b, { name: 'gamma' }))
      const { rolloutId, attemptId } = keyOf(a)
      const names = async (query: object): Promise<unknown> =>
        (await store.querySpans({ rolloutId, ...query })).items.map((span) => span.name)
      expect(await names({})).toEqual(['beta', 'alphabet', 'alpha', 'gamma'])
      expect(await names({ sortBy: null })).toEqual(['alpha', 'beta', 'alphabet', 'gamma'])
      expect(await names({ sortBy: 'name', sortOrder: 'desc', limit: 2, offset: 1 })).toEqual(['beta', 'alphabet'])
      expect(await names({ attemptId })).toEqual(['beta', 'alphabet', 'alpha'])
      expect(await names({ attemptId: 'latest' })).toEqual(['gamma'])
      expect(await names({ traceId: 't2', nameContains: 'alpha' })).toEqual(['alphabet'])
      expect(await names({ traceId: 't1', parentId: 'p', filterLogic: 'or' })).toEqual(['beta', 'alpha'])
      expect(await names({ filterLogic: 'or' })).toHaveLength(4)
      expect(await names({ attemptId, name: 'gamma' })).toEqual([])
      const other = await enqueueAndClaim(store)
      expect((await store.querySpans({ rolloutId: other.rollout_id, traceId: 't1', filterLogic: 'or' })).total).toBe(0)
      expect((await store.querySpans({ rolloutId, sortBy: 'name', limit: 0 })).total).toBe(4)
    })
  })
}
