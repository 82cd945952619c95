import type { RolloutQuery } from '@agl/types'
import { expect } from 'vitest'
import { enqueueAndClaim, keyOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeQueries({ check, open }: Suite): void {
  check('QUERY-01', 'filters, logic, order and pages', async () => {
    const { store } = await open()
    await store.enqueueManyRollouts({
      rollouts: [
        { input: 0, rollout_id: 'r0', mode: 'train', labels: { run: 'a' } },
        { input: 1, rollout_id: 'r1', mode: 'val', labels: { run: 'a', arm: 'x' } },
        { input: 2, rollout_id: 'r2' },
        { input: 3, rollout_id: 'r3', mode: 'train' },
      ],
    })
    await store.startAttempt({ rolloutId: 'r2' })
    const ids = async (query: RolloutQuery): Promise<unknown> =>
      (await store.queryRollouts(query)).items.map((item) => item.rollout_id)
    expect(await ids({})).toEqual(['r0', 'r1', 'r2', 'r3'])
    expect(await ids({ statusIn: ['preparing'] })).toEqual(['r2'])
    expect(await ids({ statusIn: ['preparing', 'queuing'] })).toEqual(['r0', 'r1', 'r2', 'r3'])
    for (const nothing of [{ statusIn: [] }, { rolloutIdIn: [] }, { modeIn: [] }]) {
      expect(await ids(nothing)).toEqual([])
      expect(await ids({ ...nothing, filterLogic: 'or' })).toEqual([])
      expect(await ids({ ...nothing, rolloutIdContains: '3' })).toEqual([])
      expect(await ids({ ...nothing, rolloutIdContains: '3', filterLogic: 'or' })).toEqual(['r3'])
    }
    expect(await ids({ rolloutIdIn: ['r3', 'r1', 'r3', 'zzz'] })).toEqual(['r1', 'r3'])
    expect(await ids({ rolloutIdIn: ['r3', 'r2'], statusIn: ['queuing'] })).toEqual(['r3'])
    expect(await ids({ rolloutIdIn: ['r3'], statusIn: ['preparing'], filterLogic: 'or' })).toEqual(['r2', 'r3'])
    expect(await ids({ rolloutIdContains: '1' })).toEqual(['r1'])
    expect(await ids({ rolloutIdContains: 'R1' })).toEqual([])
    expect(await ids({ rolloutIdContains: '' })).toEqual(['r0', 'r1', 'r2', 'r3'])
    expect(await ids({ modeIn: ['val'], filterLogic: 'or' })).toEqual(['r1'])
    expect(await ids({ filterLogic: 'or' })).toHaveLength(4)
    expect(await ids({ labels: { run: 'a' } })).toEqual(['r0', 'r1'])
    expect(await ids({ labels: { run: 'a', arm: 'x' }, modeIn: ['train', 'val'] })).toEqual(['r1'])
    expect(await ids({ labels: { run: 'a' }, modeIn: ['train'], statusIn: ['failed'], filterLogic: 'or' })).toEqual(['r0'])
    expect(await ids({ sortBy: 'start_time', sortOrder: 'desc' })).toEqual(['r3', 'r2', 'r1', 'r0'])
    expect(await ids({ sortBy: 'mode' })).toEqual(['r2', 'r0', 'r3', 'r1'])
    expect(await ids({ sortBy: 'mode', sortOrder: 'desc' })).toEqual(['r1', 'r0', 'r3', 'r2'])
    const page = await store.queryRollouts({ limit: 2, offset: 3 })
    expect(page).toMatchObject({ items: [{ rollout_id: 'r3' }], limit: 2, offset: 3, total: 4 })
    expect(await store.queryRollouts({ offset: 9 })).toMatchObject({ items: [], total: 4 })
    expect(await store.queryRollouts({ limit: 0 })).toMatchObject({ items: [], limit: 0, total: 4 })
  })

  check('QUERY-02', 'null times sort last, and first when descending', async () => {
    const { store } = await open()
    const done = await enqueueAndClaim(store, { rollout_id: 'done' })
    await store.updateAttempt({ ...keyOf(done), status: 'succeeded' })
    await store.enqueueRollout({ input: 1, rollout_id: 'open' })
    const ids = async (sortOrder: 'asc' | 'desc'): Promise<unknown> =>
      (await store.queryRollouts({ sortBy: 'end_time', sortOrder })).items.map((item) => item.rollout_id)
    expect(await ids('asc')).toEqual(['done', 'open'])
    expect(await ids('desc')).toEqual(['open', 'done'])
  })

  check('QUERY-03', 'a rollout with attempts carries its latest one, any other has none', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const latest = await store.startAttempt({ rolloutId: claimed.rollout_id })
    await store.enqueueRollout({ input: 2 })
    const { items } = await store.queryRollouts()
    expect(items[0]).toEqual(latest)
    expect(items[1]).not.toHaveProperty('attempt')
    const attempts = await store.queryAttempts({ rolloutId: claimed.rollout_id, sortBy: 'sequence_id', sortOrder: 'desc' })
    expect(attempts.items.map((attempt) => attempt.sequence_id)).toEqual([2, 1])
    expect(attempts.total).toBe(2)
    for (let number = 3; number <= 4; number++) await store.startAttempt({ rolloutId: claimed.rollout_id })
    const all = await store.queryAttempts({ rolloutId: claimed.rollout_id })
    expect(all.items.map((attempt) => attempt.sequence_id)).toEqual([1, 2, 3, 4])
    expect(all).toMatchObject({ limit: -1, offset: 0, total: 4 })
    const page = { limit: 2, offset: 1 }
    const middle = await store.queryAttempts({ rolloutId: claimed.rollout_id, ...page })
    expect(middle).toEqual({ ...page, items: all.items.slice(1, 3), total: 4 })
  })

  check('QUERY-06', 'pages of one status are in the order of insertion, not in that of the change', async () => {
    const { store } = await open()
    const rollouts = ['r0', 'r1', 'r2', 'r3'].map((id) => ({ input: 1, rollout_id: id }))
    await store.enqueueManyRollouts({ rollouts })
    for (const rolloutId of ['r3', 'r1']) await store.startAttempt({ rolloutId })
    const idOf = async (offset: number): Promise<unknown> => {
      const page = await store.queryRollouts({ statusIn: ['preparing'], limit: 1, offset })
      return [page.total, ...page.items.map((rollout) => rollout.rollout_id)]
    }
    expect(await idOf(0)).toEqual([2, 'r1'])
    expect(await idOf(1)).toEqual([2, 'r3'])
    const both = await store.queryRollouts({ statusIn: ['preparing', 'queuing'] })
    expect(both.items.map((rollout) => rollout.rollout_id)).toEqual(['r0', 'r1', 'r2', 'r3'])
  })

  check('QUERY-04', 'what cannot be sorted or paged is refused', async () => {
    const { store } = await open()
    const refuse = async (query: object, text: string): Promise<void> => {
      const answer = store.queryRollouts(query)
      await expect(answer).rejects.toMatchObject({ code: 'invalid_argument', message: expect.stringContaining(text) })
    }
    await refuse({ sortBy: 'colour' }, 'Invalid sort_by: colour, allowed fields are: rollout_id, ')
    await refuse({ sortBy: 'input' }, 'Invalid sort_by: input')
    await refuse({ limit: -2 }, 'Limit must be greater than 0 or -1 for no limit')
    await refuse({ offset: -1 }, 'Offset must be greater than or equal to 0')
    await refuse({ status: ['failed'] }, 'status')
  })

  check('QUERY-05', 'statistics count, and uptime grows', async () => {
    const { store } = await open()
    const before = await store.statistics()
    await enqueueAndClaim(store, {}, { workerId: 'w' })
    await store.addResources({ resources: {} })
    const after = await store.statistics()
    expect(after).toMatchObject({
      name: store.name,
      total_rollouts: 1,
      total_attempts: 1,
      total_spans: 0,
      total_resources: 1,
      total_workers: 1,
    })
    expect(after.uptime).toBeGreaterThan(before.uptime)
    expect((await store.statistics()).uptime).toBeGreaterThan(after.uptime)
  })
}
