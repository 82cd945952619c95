import { isFinished, isLive } from '@agl/store-kit'
import { createManualClock, spanOf } from '@agl/store-kit/testing'
import { AglError, type NewSpan, type Span } from '@agl/types'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { releaseAttempt, updateAttempt } from './attempts.ts'
import { heapBytes, keptBytes } from './bytes.ts'
import { dequeue, startAttempt } from './claim.ts'
import { deleteRollouts } from './delete.ts'
import { enqueueManyRollouts } from './enqueue.ts'
import { addResources } from './resources.ts'
import { cancelRollouts, updateRollout } from './rollouts.ts'
import { addManySpans, addSpan, querySpans } from './spans.ts'
import { createState, type MemoryState, type RolloutRow } from './state.ts'
import { onTimer, sweep } from './sweep.ts'

function spansOf(rolloutId: string, attemptId: string, ids: readonly number[], size: number): readonly NewSpan[] {
  return ids.map((id) =>
    spanOf(
      { rollout_id: rolloutId, attempt: { attempt_id: attemptId } },
      {
        span_id: `s${id}`,
        attributes: { text: 'x'.repeat(size), ids: Array.from({ length: 20 }, (_, index) => index + id) },
      },
    ),
  )
}

const step = fc.oneof(
  fc.record({ do: fc.constant('enqueue' as const), size: fc.nat(2000), isClaimed: fc.boolean() }),
  fc.record({ do: fc.constant('claim' as const) }),
  fc.record({
    do: fc.constant('spans' as const),
    pick: fc.nat(),
    ids: fc.array(fc.nat(60), { maxLength: 70 }),
    size: fc.nat(500),
  }),
  fc.record({ do: fc.constant('report' as const), pick: fc.nat(), status: fc.constantFrom('succeeded', 'failed', 'running') }),
  fc.record({ do: fc.constant('update' as const), pick: fc.nat(), status: fc.constantFrom('queuing', 'failed', 'running') }),
  fc.record({ do: fc.constantFrom('start' as const, 'reopen' as const), pick: fc.nat() }),
  fc.record({ do: fc.constant('note' as const), pick: fc.nat(), size: fc.nat(2000) }),
  fc.record({
    do: fc.constant('noteAttempt' as const),
    pick: fc.nat(),
    size: fc.nat(2000),
    status: fc.constantFrom('succeeded', 'running'),
  }),
  fc.record({ do: fc.constantFrom('release' as const, 'cancel' as const, 'delete' as const), pick: fc.nat() }),
  fc.record({ do: fc.constant('wait' as const), seconds: fc.nat(40) }),
)

/** Everything that is counted or indexed, counted again from the rows. */
function checkBooks(state: MemoryState): void {
  const rows = [...state.rollouts.values()]
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
  const bytesOf = (finished: boolean): number =>
    sum(rows.filter((row) => isFinished(row.entry.rollout.status) === finished).map((row) => row.recordBytes + row.spanBytes))
  expect(state.usage.finished).toBe(bytesOf(true))
  expect(state.usage.unfinished).toBe(bytesOf(false))
  expect(state.usage.spans).toBe(sum(rows.map((row) => row.spanBytes)))
  expect(state.spanCount).toBe(sum(rows.map((row) => row.spanCount)))
  expect([...state.ordered]).toEqual(rows)
  for (const [status, indexed] of state.byStatus) {
    expect([...indexed]).toEqual(rows.filter((row) => row.entry.rollout.status === status))
  }
  const retired = rows.filter((row) => isFinished(row.entry.rollout.status))
  expect(new Set(state.retired)).toEqual(new Set(retired))
  const ends = [...state.retired].map((row) => row.entry.rollout.end_time!)
  expect(ends).toEqual(ends.toSorted((a, b) => a - b))
  expect(new Set(state.retiredWithSpans)).toEqual(new Set(retired.filter((row) => row.spanCount > 0)))
  const pinned = rows.filter((row) => !isFinished(row.entry.rollout.status)).length
  expect([...state.pins.values()]).toEqual(pinned === 0 ? [] : [pinned])
  const attempts = rows.flatMap((row) => row.attempts)
  expect(new Set(state.attempts.values())).toEqual(new Set(attempts))
  const open = attempts.filter(({ entry, spans }) => !isLive(entry.attempt.status) && spans !== null && spans.open.length > 0)
  expect(new Set(state.packing.queue)).toEqual(new Set(open))
  expect(state.packing.openBytes).toBe(sum(open.map(({ spans }) => spans!.openBytes)))
  for (const row of rows) {
    const shelves = row.attempts.flatMap(({ spans }) => spans ?? [])
    expect(row.spanCount).toBe(sum(shelves.map((shelf) => shelf.packed + shelf.open.length)))
  }
}

type Step = typeof step extends fc.Arbitrary<infer Item> ? Item : never

/** The spans that have to be there, by attempt. */
type Expected = Map<string, Map<string, Span>>

/** Does one step; false when it was refused. */
function perform(state: MemoryState, item: Step, expected: Expected, advance: (milliseconds: number) => void): boolean {
  const rows = [...state.rollouts.values()]
  const row = 'pick' in item && rows.length > 0 ? rows[item.pick % rows.length] : undefined
  const attempt = row?.attempts.at(-1)
  const rolloutId = row?.entry.rollout.rollout_id ?? ''
  const attemptId = attempt?.entry.attempt.attempt_id ?? ''
  try {
    if (item.do === 'enqueue') enqueueManyRollouts(state, [{ input: 'x'.repeat(item.size) }])
    if (item.do === 'claim' || (item.do === 'enqueue' && item.isClaimed)) void dequeue(state, { limit: 1 })
    if (item.do === 'wait') advance(item.seconds * 1000)
    if (item.do === 'cancel') cancelRollouts(state, [rolloutId])
    if (item.do === 'delete') deleteRollouts(state, [rolloutId])
    if (item.do === 'update' && row !== undefined) updateRollout(state, { rolloutId, status: item.status })
    if (item.do === 'release' && attempt !== undefined) releaseAttempt(state, { rolloutId, attemptId })
    if (item.do === 'report' && attempt !== undefined) updateAttempt(state, { rolloutId, attemptId, status: item.status })
    if (item.do === 'start' && row !== undefined) startAttempt(state, { rolloutId })
    if (item.do === 'reopen' && row !== undefined) updateRollout(state, { rolloutId, status: 'queuing', metadata: {} })
    if (item.do === 'note') updateRollout(state, { rolloutId, metadata: { note: 'x'.repeat(item.size) } })
    if (item.do === 'noteAttempt' && attempt !== undefined) {
      updateAttempt(state, { rolloutId, attemptId, status: item.status, metadata: { note: 'x'.repeat(item.size) } })
    }
    if (item.do === 'spans' && attempt !== undefined) {
      const stored = addManySpans(state, spansOf(rolloutId, attemptId, item.ids, item.size))
      const known = expected.get(attemptId) ?? new Map<string, Span>()
      for (const span of stored) known.set(span.span_id, span)
      expected.set(attemptId, known)
    }
    return true
  } catch (error) {
    // A late span may come to a rollout that made room for it.
    if (AglError.isInstance(error, 'storage_full') || AglError.isInstance(error, 'not_found')) return false
    throw error
  }
}

function checkSpans(state: MemoryState, expected: Expected): void {
  for (const row of state.attempts.values()) {
    const { rollout_id: rolloutId, attempt_id: attemptId } = row.entry.attempt
    const answer = (): unknown => {
      try {
        return querySpans(state, { rolloutId, attemptId, sortBy: null }).items
      } catch (error) {
        return (error as AglError).code
      }
    }
    expect(answer()).toEqual(row.isGone ? 'gone' : [...(expected.get(attemptId)?.values() ?? [])])
  }
}

describe('the books of a memory store', () => {
  test('balance after any calls, and what is not finished loses nothing', () => {
    const runs = fc.record({
      steps: fc.array(step, { minLength: 30, maxLength: 60, size: 'max' }),
      maxBytes: fc.constantFrom(30_000, 60_000, null),
      maxRollouts: fc.constantFrom(2, null),
      maxAgeSeconds: fc.constantFrom(30, null),
      unpackedBytes: fc.constantFrom(0, 5000, 1_000_000),
    })
    fc.assert(
      fc.property(runs, ({ steps, unpackedBytes, ...retention }) => {
        const clock = createManualClock()
        const state = createState({ clock, seed: 1, retention, unpackedBytes }, onTimer)
        const expected: Expected = new Map()
        addResources(state, {})
        for (const item of steps) {
          sweep(state)
          const unfinished = [...state.rollouts.values()].filter((row) => !isFinished(row.entry.rollout.status))
          const whole = unfinished.flatMap((row) => row.attempts).filter((attempt) => !attempt.isGone)
          const before = { ...state.usage, finished: 0, spans: 0 }
          const isDone = perform(state, item, expected, clock.advance)
          const after = { ...state.usage, finished: 0, spans: 0 }
          expect(isDone ? before : after).toEqual(before)
          checkBooks(state)
          checkSpans(state, expected)
          // What was not finished when the step began may have ended in it, but only then may it be gone.
          const isWork = (row: RolloutRow): boolean => !isFinished(row.entry.rollout.status)
          const held = new Set(state.ordered.page(0, Infinity))
          expect(unfinished.filter((row) => isWork(row) && !held.has(row))).toEqual([])
          expect(whole.filter((attempt) => isWork(attempt.rollout) && attempt.isGone)).toEqual([])
        }
      }),
      { numRuns: 60 },
    )
  })

  test('memory stays under its bound while spans pass through', () => {
    const maxBytes = 500_000
    const state = createState({ clock: createManualClock(), retention: { maxBytes }, unpackedBytes: 50_000 }, onTimer)
    for (let count = 0; count < 500; count++) {
      enqueueManyRollouts(state, [{ input: 1 }])
      const [claimed] = dequeue(state, { limit: 1 }) as Exclude<ReturnType<typeof dequeue>, Promise<unknown>>
      const { rollout_id: rolloutId, attempt } = claimed!
      addManySpans(state, spansOf(rolloutId, attempt.attempt_id, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 1000))
      updateAttempt(state, { rolloutId, attemptId: attempt.attempt_id, status: 'succeeded' })
      expect(keptBytes(state.usage) + state.usage.finished).toBeLessThanOrEqual(maxBytes + 2000)
    }
    expect(state.rollouts.size).toBeGreaterThan(50)
  })

  test('a full store answers what it already holds', () => {
    const state = createState({ clock: createManualClock(), retention: { maxBytes: 20_000 } }, onTimer)
    const request = { input: 'x'.repeat(5000), idempotency_key: 'k' }
    const [first] = enqueueManyRollouts(state, [request])
    const [claimed] = dequeue(state, { limit: 1 }) as Exclude<ReturnType<typeof dequeue>, Promise<unknown>>
    const spans = spansOf(first!.rollout_id, claimed!.attempt.attempt_id, [1, 2], 4000)
    addManySpans(state, spans)
    expect(() => enqueueManyRollouts(state, [{ ...request, idempotency_key: 'other' }])).toThrow(/20.?000/)
    expect(enqueueManyRollouts(state, [request])[0]!.rollout_id).toBe(first!.rollout_id)
    expect(addManySpans(state, spans)).toEqual([])
    expect(addSpan(state, spans[0]!)).toBeNull()
  })

  test('what values take on the heap', () => {
    expect(heapBytes('x'.repeat(1000))).toBe(1016)
    expect(heapBytes('字'.repeat(1000))).toBe(2016)
    expect(heapBytes(Array.from({ length: 1000 }, (_, index) => index))).toBe(8032)
    expect(heapBytes({ a: 1, b: [true, 'ab'], c: null })).toBe(32 + 24 + 32 + 16 + 18)
  })
})
