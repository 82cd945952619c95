import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaultRetention, planRetention, type Retired, retentionOf, retentionSchema } from './retention.ts'

const retired = (spec: readonly (readonly [number, number])[]): readonly Retired[] =>
  spec.map(([recordBytes, spanBytes], index) => ({ rolloutId: `r${index}`, endTime: index, recordBytes, spanBytes }))

const plan = (
  options: Parameters<typeof retentionOf>[0],
  rollouts: readonly Retired[],
  present: { readonly now?: number; readonly keptBytes?: number; readonly limit?: number } = {},
): ReturnType<typeof planRetention> => {
  const bytes = rollouts.reduce((sum, { recordBytes, spanBytes }) => sum + recordBytes + spanBytes, present.keptBytes ?? 0)
  return planRetention(retentionOf(options), {
    now: present.now ?? 100,
    finished: rollouts.length,
    bytes,
    retired: () => rollouts,
    withSpans: () => rollouts.filter(({ spanBytes }) => spanBytes > 0),
    ...(present.limit === undefined ? {} : { limit: present.limit }),
  })
}

describe('retention', () => {
  const four = retired([
    [10, 100],
    [10, 0],
    [10, 100],
    [10, 100],
  ])

  test('by age and count whole rollouts go, the first to end first', () => {
    expect(plan({ maxAgeSeconds: 98.5 }, four).rollouts).toEqual(['r0', 'r1'])
    expect(plan({ maxRollouts: 1 }, four).rollouts).toEqual(['r0', 'r1', 'r2'])
    expect(plan({ maxRollouts: 3, maxAgeSeconds: 98.5 }, four)).toEqual({ rollouts: ['r0', 'r1'], spans: [] })
    expect(plan({ maxRollouts: 0 }, four, { limit: 2 }).rollouts).toEqual(['r0', 'r1'])
    expect(plan({}, four)).toEqual({ rollouts: [], spans: [] })
  })

  test('by bytes first spans go, then records', () => {
    expect(plan({ maxBytes: 340 }, four)).toEqual({ rollouts: [], spans: [] })
    expect(plan({ maxBytes: 339 }, four)).toEqual({ rollouts: [], spans: ['r0'] })
    expect(plan({ maxBytes: 40 }, four)).toEqual({ rollouts: [], spans: ['r0', 'r2', 'r3'] })
    expect(plan({ maxBytes: 39 }, four)).toEqual({ rollouts: ['r0'], spans: ['r2', 'r3'] })
    expect(plan({ maxBytes: 1 }, four)).toEqual({ rollouts: ['r0', 'r1', 'r2', 'r3'], spans: [] })
  })

  test('whatever the bounds: nothing is named twice, nothing more than needed, and the bound holds if it can', () => {
    const sizes = fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 500 })), { maxLength: 30 })
    fc.assert(
      fc.property(sizes, fc.nat(3000), fc.nat(500), fc.option(fc.nat(30)), (spec, maxBytes, keptBytes, maxRollouts) => {
        const all = retired(spec)
        const due = plan({ maxBytes: Math.max(1, maxBytes), maxRollouts }, all, { keptBytes })
        const gone = new Set(due.rollouts)
        expect(gone.size).toBe(due.rollouts.length)
        expect(due.spans.filter((id) => gone.has(id))).toEqual([])
        const left = (rollouts: ReadonlySet<string>, spans: ReadonlySet<string>): number =>
          all.reduce((sum, { rolloutId, recordBytes, spanBytes }) => {
            if (rollouts.has(rolloutId)) return sum
            return sum + recordBytes + (spans.has(rolloutId) ? 0 : spanBytes)
          }, keptBytes)
        const spans = new Set(due.spans)
        const isInBound = left(gone, spans) <= Math.max(1, maxBytes)
        expect(isInBound || gone.size === all.length).toBe(true)
        // What goes is always the oldest part.
        expect(due.rollouts).toEqual(all.slice(0, gone.size).map((item) => item.rolloutId))
        const isNeeded = due.spans.length === 0 || left(gone, new Set(due.spans.slice(0, -1))) > Math.max(1, maxBytes)
        expect(isNeeded || gone.size > 0).toBe(true)
        expect(all.length - gone.size).toBeLessThanOrEqual(maxRollouts ?? Infinity)
      }),
    )
  })

  test('options are strict and have defaults', () => {
    expect(retentionOf(undefined)).toMatchObject({ maxAgeSeconds: null, maxRollouts: null, maxBytes: 2 ** 30 })
    expect(retentionOf({ maxRollouts: 3 })).toEqual({ ...defaultRetention, maxRollouts: 3 })
    expect(retentionOf({ maxBytes: null }).maxBytes).toBeNull()
    for (const wrong of [{ maxAge: 1 }, { maxBytes: 0 }, { maxRollouts: -1 }, { maxAgeSeconds: 0 }]) {
      expect(retentionSchema.safeParse(wrong).success).toBe(false)
    }
  })
})
