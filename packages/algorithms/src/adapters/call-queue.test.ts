import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCallQueue } from './call-queue.ts'

describe('createCallQueue', () => {
  it('hands out the latest of those that are ready and not taken, as looking at all of them would', () => {
    const rank = fc.integer({ min: 0, max: 1000 })
    const step = fc.record({ ready: fc.integer({ min: 0, max: 40 }), taken: fc.integer({ min: 0, max: 39 }) })
    fc.assert(
      fc.property(fc.uniqueArray(rank, { maxLength: 40 }), fc.array(step, { maxLength: 60 }), (ranks, steps) => {
        const taken = new Set<number>()
        const queue = createCallQueue(ranks, (one) => one, taken)
        let ready = 0
        for (const given of steps) {
          ready = Math.max(ready, given.ready)
          // Somebody else takes one now and then.
          if (given.taken < ranks.length) taken.add(ranks[given.taken]!)
          const left = ranks.slice(0, ready).filter((one) => !taken.has(one))
          const handed = queue.take((one) => ranks.indexOf(one) < ready)
          expect(handed).toBe(left.length === 0 ? undefined : Math.max(...left))
          if (handed !== undefined) taken.add(handed)
        }
      }),
    )
  })
})
