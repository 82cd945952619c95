import { AglError, type StoreEvent } from '@agl/types'
import { expect } from 'vitest'
import { enqueueAndClaim, keyOf, spanOf } from './fixtures.ts'
import type { Suite } from './harness.ts'
import { watcherOf } from './watcher.ts'

/** The statuses that a rollout or an attempt went through; the same one twice in a row counts once. */
function statusesOf(events: readonly StoreEvent[], type: 'rollout' | 'attempt'): readonly string[] {
  const statuses = events.flatMap((event) => {
    if (event.type === 'rollout' && type === 'rollout') return [event.rollout.status]
    return event.type === 'attempt' && type === 'attempt' ? [event.attempt.status] : []
  })
  return statuses.filter((status, index) => status !== statuses[index - 1])
}

const isRollout =
  (status: string) =>
  (event: StoreEvent): boolean =>
    event.type === 'rollout' && event.rollout.status === status

export function describeFeed({ check, open }: Suite): void {
  check('FEED-01', 'tells the life of rollouts and attempts, in order and as they are stored', async () => {
    const { store, stateOf } = await open()
    const watcher = watcherOf(store)
    expect(await stateOf(watcher.pending)).toBe('pending')
    const claimed = await enqueueAndClaim(store)
    await store.addSpan(spanOf(claimed))
    await store.updateAttempt({ ...keyOf(claimed), status: 'succeeded' })
    const marker = await store.enqueueRollout({ input: 'marker' })
    const events = await watcher.until((event) => event.type === 'rollout' && event.rollout.rollout_id === marker.rollout_id)
    const story = events.slice(0, -1)
    expect(statusesOf(story, 'rollout')).toEqual(['queuing', 'preparing', 'running', 'succeeded'])
    expect(statusesOf(story, 'attempt')).toEqual(['preparing', 'running', 'succeeded'])
    const lastOf = (type: string): StoreEvent | undefined => story.findLast((event) => event.type === type)
    const attempt = await store.getLatestAttempt({ rolloutId: claimed.rollout_id })
    expect(lastOf('attempt')).toMatchObject({ attempt })
    const { attempt: _, ...rollout } = { attempt: null, ...(await store.getRolloutById({ rolloutId: claimed.rollout_id })) }
    expect(lastOf('rollout')).toEqual({
      type: 'rollout',
      rollout,
      cursor: expect.any(String),
      time: expect.any(Number),
    })
    expect(new Set(events.map((event) => event.cursor)).size).toBe(events.length)
    expect(events.map((event) => event.time)).toEqual(events.map((event) => event.time).toSorted((a, b) => a - b))
  })

  check('FEED-02', 'resumes after a cursor without loss or repetition', async () => {
    const { store, stateOf } = await open()
    const watcher = watcherOf(store)
    await stateOf(watcher.pending)
    await store.enqueueManyRollouts({ rollouts: [0, 1, 2, 3, 4].map((input) => ({ input })) })
    const events = await watcher.take(5)
    for (const [index, event] of events.entries()) {
      const resumed = watcherOf(store, { after: event.cursor })
      expect(await resumed.take(4 - index)).toEqual(events.slice(index + 1))
      await resumed.close()
    }
    const last = watcherOf(store, { after: events[4]!.cursor })
    expect(await stateOf(last.pending)).toBe('pending')
    const next = await store.enqueueRollout({ input: 'next' })
    expect(await last.take(1)).toMatchObject([{ type: 'rollout', rollout: next }])
  })

  check('FEED-03', 'without a cursor begins now, for each watcher by itself', async () => {
    const { store, stateOf } = await open()
    await store.enqueueRollout({ input: 'before' })
    const [first, second] = [watcherOf(store), watcherOf(store)]
    expect(await stateOf(first.pending)).toBe('pending')
    await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] })
    const events = await first.take(2)
    expect(events.map((event) => event.type === 'rollout' && event.rollout.input)).toEqual([1, 2])
    expect(await second.take(2)).toEqual(events)
    await first.close()
    await store.enqueueRollout({ input: 3 })
    expect(await second.take(1)).toMatchObject([{ rollout: { input: 3 } }])
  })

  check('FEED-04', 'a slow reader misses nothing', async () => {
    const { store, stateOf } = await open()
    const watcher = watcherOf(store)
    await stateOf(watcher.pending)
    for (let batch = 0; batch < 10; batch++) {
      await store.enqueueManyRollouts({ rollouts: Array.from({ length: 50 }, (_, index) => ({ input: batch * 50 + index })) })
    }
    const events = await watcher.take(500)
    expect(events.map((event) => event.type === 'rollout' && event.rollout.input)).toEqual(
      Array.from({ length: 500 }, (_, index) => index),
    )
  })

  check('FEED-05', 'a cursor lives 10 minutes; one that is too old or no cursor is refused', async () => {
    const { store, stateOf, advance } = await open()
    const watcher = watcherOf(store)
    await stateOf(watcher.pending)
    await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] })
    const [first] = await watcher.take(1)
    await advance(9 * 60_000)
    const inTime = watcherOf(store, { after: first!.cursor })
    expect(await inTime.take(1)).toMatchObject([{ rollout: { input: 2 } }])
    await advance(2 * 60_000)
    await store.enqueueRollout({ input: 3 })
    const late = watcherOf(store, { after: first!.cursor })
    await expect(late.take(1)).rejects.toMatchObject({ code: 'cursor_expired' })
    const invalid = watcherOf(store, { after: 'no cursor' })
    await expect(invalid.take(1)).rejects.toMatchObject({ code: 'invalid_argument' })
  })

  check('FEED-15', 'tells where it begins, before anything has happened', async () => {
    const { store, stateOf } = await open()
    await store.enqueueRollout({ input: 'before' })
    const opened: string[] = []
    const onOpen = (cursor: string): void => void opened.push(cursor)
    const watcher = watcherOf(store, { onOpen })
    expect(await stateOf(watcher.pending)).toBe('pending')
    expect(opened).toHaveLength(1)
    await watcher.close()
    // Nobody watches while these happen.
    await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] })
    const resumed = watcherOf(store, { after: opened[0]!, onOpen })
    const events = await resumed.take(2)
    expect(events.map((event) => event.type === 'rollout' && event.rollout.input)).toEqual([1, 2])
    expect(opened).toEqual([opened[0], opened[0]])
    const later = watcherOf(store, { after: events[0]!.cursor, onOpen })
    expect(await later.take(1)).toEqual([events[1]])
    expect(opened[2]).toBe(events[0]!.cursor)
    await expect(watcherOf(store, { after: 'no cursor', onOpen }).take(1)).rejects.toMatchObject({ code: 'invalid_argument' })
    expect(opened).toHaveLength(3)
  })

  check('FEED-06', 'ends by its signal, with the reason, and by leaving the loop', async () => {
    const { store, stateOf } = await open()
    const controller = new AbortController()
    const watcher = watcherOf(store, { signal: controller.signal })
    const left = watcherOf(store)
    expect(await stateOf(watcher.pending)).toBe('pending')
    const pending = watcher.take(1)
    controller.abort(new Error('enough'))
    await expect(pending).rejects.toThrow('enough')
    await expect(watcherOf(store, { signal: controller.signal }).take(1)).rejects.toThrow('enough')
    await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] })
    const [first] = await left.take(1)
    const seen: StoreEvent[] = []
    for await (const event of store.watch({ after: first!.cursor })) {
      seen.push(event)
      break
    }
    expect(seen).toMatchObject([{ rollout: { input: 2 } }])
  })

  check('FEED-07', 'ends by closing the store', async () => {
    const { store, stateOf } = await open()
    const watcher = watcherOf(store)
    expect(await stateOf(watcher.pending)).toBe('pending')
    const pending = watcher.take(1)
    await Promise.all([expect(pending).rejects.toMatchObject({ code: 'closed' }), store.close()])
    await expect(watcherOf(store).take(1)).rejects.toMatchObject({ code: 'closed' })
  })

  for (const [limit, status] of [
    ['timeout_seconds', 'timeout'],
    ['unresponsive_seconds', 'unresponsive'],
  ] as const) {
    check('FEED-08', `${limit} that passes without traffic is told too`, async () => {
      const { store, stateOf, advance } = await open()
      const watcher = watcherOf(store)
      await stateOf(watcher.pending)
      await enqueueAndClaim(store, { config: { [limit]: 1 } })
      await advance(1100)
      const events = await watcher.until(isRollout('failed'))
      expect(statusesOf(events, 'attempt')).toEqual(['preparing', status])
    })
  }

  check('FEED-13', 'a cursor from before nobody watched leads on without a gap, or has expired', async () => {
    const { store, stateOf, advance } = await open()
    const events = store.watch()[Symbol.asyncIterator]()
    const read = events.next()
    await stateOf(read)
    await store.enqueueRollout({ input: 'seen' })
    const first = (await read).value as StoreEvent
    await events.return?.()
    await advance(11 * 60_000)
    await store.enqueueRollout({ input: 'missed' })
    const present = watcherOf(store)
    await stateOf(present.pending)
    await store.enqueueRollout({ input: 'later' })
    const resumed = await watcherOf(store, { after: first.cursor })
      .take(1)
      .catch((error: unknown) => error)
    const isHonest =
      resumed instanceof AglError ? resumed.code === 'cursor_expired' : JSON.stringify(resumed).includes('"missed"')
    expect(isHonest).toBe(true)
    expect(await present.take(1)).toMatchObject([{ rollout: { input: 'later' } }])
  })
}
