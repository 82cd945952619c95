import { getEventListeners } from 'node:events'
import type { StoreEvent } from '@agl/types'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createEventLog, type EventLog } from './event-log.ts'
import { createManualClock } from './testing/index.ts'

const append = (log: EventLog, id: number): void => log.append({ type: 'rollout_deleted', rollout_id: String(id) })
const idOf = (event: StoreEvent): number => (event.type === 'rollout_deleted' ? Number(event.rollout_id) : Number.NaN)

async function take(log: EventLog, count: number, after?: string): Promise<readonly StoreEvent[]> {
  const events: StoreEvent[] = []
  for await (const event of log.watch(after === undefined ? {} : { after })) {
    events.push(event)
    if (events.length === count) break
  }
  return events
}

describe('event log', () => {
  test('any watcher at any pace sees the events in order, each once, wherever it resumes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 40 }), fc.nat(40), async (reads, resume) => {
        const log = createEventLog({ clock: createManualClock(), log: 'a' })
        const iterator = log.watch({})[Symbol.asyncIterator]()
        const seen: StoreEvent[] = []
        let written = 0
        for (const count of reads) {
          for (let index = 0; index < count; index++) append(log, written++)
          const present = Math.min(written - seen.length, count >> 1)
          for (let index = 0; index < present; index++) seen.push((await iterator.next()).value as StoreEvent)
        }
        while (seen.length < written) seen.push((await iterator.next()).value as StoreEvent)
        expect(seen.map(idOf)).toEqual(seen.map((_, index) => index))
        if (seen.length < 2) return
        const from = resume % (seen.length - 1)
        expect(await take(log, seen.length - 1 - from, seen[from]!.cursor)).toEqual(seen.slice(from + 1))
      }),
      { numRuns: 50 },
    )
  })

  test('a watcher that falls behind what is kept is told; the log stays within its bounds', async () => {
    const clock = createManualClock()
    const log = createEventLog({ clock, log: 'a', maxEvents: 10 })
    const slow = log.watch({})[Symbol.asyncIterator]()
    append(log, 0)
    const first = (await slow.next()).value as StoreEvent
    for (let id = 1; id <= 10; id++) append(log, id)
    expect(idOf((await slow.next()).value as StoreEvent)).toBe(1)
    for (let id = 11; id < 5000; id++) append(log, id)
    expect(log.size).toBe(10)
    await expect(slow.next()).rejects.toMatchObject({ code: 'cursor_expired' })
    expect(await slow.next()).toEqual({ done: true, value: undefined })
    await expect(take(log, 1, first.cursor)).rejects.toMatchObject({ code: 'cursor_expired' })
    const [newest] = await take(log, 1, 'a-4999')
    expect(newest).toMatchObject({ cursor: 'a-5000', rollout_id: '4999' })
    clock.advance(601_000)
    await expect(take(log, 1, 'a-4999')).rejects.toMatchObject({ code: 'cursor_expired' })
  })

  test('a cursor of another log or of the future has expired; what is none is refused', async () => {
    const log = createEventLog({ clock: createManualClock(), log: 'a' })
    for (const after of ['b-0', 'a-1']) await expect(take(log, 1, after)).rejects.toMatchObject({ code: 'cursor_expired' })
    for (const after of ['', 'a', 'a-01', 'a--1', 'A-1', 'a-1 ', `a-${'9'.repeat(30)}`]) {
      await expect(take(log, 1, after)).rejects.toMatchObject({ code: 'invalid_argument' })
    }
  })

  test('is active only while somebody can ask for what is written', async () => {
    const clock = createManualClock()
    const log = createEventLog({ clock, log: 'a' })
    expect(log.isActive).toBe(false)
    const iterator = log.watch({})[Symbol.asyncIterator]()
    clock.advance(10_000_000)
    expect(log.isActive).toBe(true)
    await iterator.return?.()
    clock.advance(599_000)
    expect(log.isActive).toBe(true)
    clock.advance(2000)
    expect(log.isActive).toBe(false)
  })

  test('a cursor from before events were left out has expired, however young the events are', async () => {
    const clock = createManualClock()
    const log = createEventLog({ clock, log: 'a' })
    const iterator = log.watch({})[Symbol.asyncIterator]()
    append(log, 1)
    const { cursor } = (await iterator.next()).value as StoreEvent
    await iterator.return?.()
    clock.advance(599_000)
    append(log, 2)
    const [second] = await take(log, 1, cursor)
    expect(idOf(second!)).toBe(2)
    clock.advance(601_000)
    // The third is left out: nobody makes events for a log that is not active.
    expect(log.isActive).toBe(false)
    const present = log.watch({})[Symbol.asyncIterator]()
    append(log, 4)
    for (const after of [cursor, second!.cursor]) {
      await expect(take(log, 1, after)).rejects.toMatchObject({ code: 'cursor_expired' })
    }
    expect(idOf((await present.next()).value as StoreEvent)).toBe(4)
  })

  test('an abort, a return and a close end a read that waits, and leave no listener', async () => {
    const log = createEventLog({ clock: createManualClock(), log: 'a' })
    const controller = new AbortController()
    const aborted = log.watch({ signal: controller.signal })[Symbol.asyncIterator]().next()
    controller.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    const { signal } = new AbortController()
    const returned = log.watch({ signal })[Symbol.asyncIterator]()
    const read = returned.next()
    await returned.return?.()
    expect(await read).toEqual({ done: true, value: undefined })
    const closed = log.watch({ signal })[Symbol.asyncIterator]().next()
    log.close(new Error('closed'))
    await expect(closed).rejects.toThrow('closed')
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})
