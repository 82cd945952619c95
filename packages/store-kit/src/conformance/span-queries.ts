import type { NewSpan } from '@agl/types'
import { expect } from 'vitest'
import { enqueueAndClaim, keyOf, spanOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeSpanQueries({ check, open }: Suite): void {
  check('SPAN-QUERY-01', 'queries: attempt, filters, logic, order, pages', async () => {
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
    const { rollout_id: unclaimed } = await store.enqueueRollout({ input: 1 })
    expect(await store.querySpans({ rolloutId: unclaimed, attemptId: 'latest' })).toMatchObject({ items: [], total: 0 })
  })

  check('SPAN-QUERY-02', 'each filter by itself, all of them with and, any of them with or', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const { rolloutId } = keyOf(claimed)
    const fields = (text: string) => ({
      trace_id: `trace-${text}`,
      span_id: `span-${text}`,
      parent_id: `parent-${text}`,
      name: text,
    })
    await store.addManySpans({ spans: ['one', 'two'].map((text) => spanOf(claimed, fields(text))) })
    await store.addSpan(spanOf(claimed, { name: 'root', span_id: 'span-root', trace_id: 'trace-root' }))
    const names = async (query: object): Promise<readonly string[]> =>
      (await store.querySpans({ rolloutId, ...query })).items.map((span) => span.name)
    const exact = { traceId: 'trace-one', spanId: 'span-one', parentId: 'parent-one', name: 'one' }
    const parts = { traceIdContains: 'ce-o', spanIdContains: 'n-o', parentIdContains: 't-o', nameContains: 'on' }
    for (const [key, value] of Object.entries({ ...exact, ...parts })) {
      expect([key, await names({ [key]: value })]).toEqual([key, ['one']])
      expect([key, await names({ [key]: 'nowhere' })]).toEqual([key, []])
    }
    expect(await names({ ...exact, ...parts })).toEqual(['one'])
    expect(await names({ ...exact, name: 'two' })).toEqual([])
    expect(await names({ traceId: 'trace-one', name: 'two', filterLogic: 'or' })).toEqual(['one', 'two'])
    // Case-sensitive; null never matches and an empty part matches everything else.
    expect(await names({ nameContains: 'ONE' })).toEqual([])
    expect(await names({ parentIdContains: '' })).toEqual(['one', 'two'])
    expect(await names({ name: '' })).toEqual([])
  })

  check('SPAN-QUERY-03', 'the filter comes before the page, and total counts what it lets through', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const spans = Array.from({ length: 20 }, (_, index) => spanOf(claimed, { name: index % 2 === 0 ? 'even' : 'odd' }))
    await store.addManySpans({ spans })
    const page = await store.querySpans({ rolloutId: claimed.rollout_id, nameContains: 'od', limit: 3, offset: 8 })
    expect(page).toMatchObject({ limit: 3, offset: 8, total: 10 })
    expect(page.items.map((span) => span.sequence_id)).toEqual([18, 20])
  })

  check('SPAN-QUERY-04', 'spans that share a sequence id keep the order in which they came', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const spans = ['c', 'a', 'b'].map((name) => spanOf(claimed, { name, sequence_id: 5 }))
    await store.addManySpans({ spans })
    for (const sortOrder of ['asc', 'desc'] as const) {
      const { items } = await store.querySpans({ rolloutId: claimed.rollout_id, sortOrder })
      expect(items.map((span) => span.name)).toEqual(['c', 'a', 'b'])
    }
  })
}
