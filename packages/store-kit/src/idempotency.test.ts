import { describe, expect, test } from 'vitest'
import { createIdempotencyKeys } from './idempotency.ts'
import { createManualClock } from './testing/index.ts'

describe('idempotency keys', () => {
  test('the same key answers the first call for 10 minutes and does nothing', () => {
    const clock = createManualClock()
    const keys = createIdempotencyKeys({ clock })
    let calls = 0
    const run = (key?: string): unknown => keys.run('addResources', key, () => ++calls)
    expect([run('a'), run('a'), run('b'), run(), run()]).toEqual([1, 1, 2, 3, 4])
    clock.advance(599_000)
    expect(run('a')).toBe(1)
    clock.advance(2000)
    expect(run('a')).toBe(5)
    expect(keys.size).toBe(1)
  })

  test('a key of another verb is a conflict', () => {
    const keys = createIdempotencyKeys({ clock: createManualClock() })
    keys.run('startAttempt', 'a', () => 1)
    expect(() => keys.run('addResources', 'a', () => 2)).toThrow('was used with startAttempt')
    expect(keys.run('startAttempt', 'a', () => 3)).toBe(1)
  })

  test('a call that fails is forgotten', async () => {
    const keys = createIdempotencyKeys({ clock: createManualClock() })
    const fail = (): never => {
      throw new Error('no')
    }
    expect(() => keys.run('addResources', 'a', fail)).toThrow('no')
    expect(keys.run('addResources', 'a', () => 1)).toBe(1)
    await expect(keys.run('dequeueRollout', 'b', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await keys.run('dequeueRollout', 'b', () => Promise.resolve(2))).toBe(2)
  })

  test('a call that comes while the first is at work waits for it, and works itself if that fails', async () => {
    const keys = createIdempotencyKeys({ clock: createManualClock() })
    const first = Promise.withResolvers<number>()
    const answers = [
      keys.run('dequeueRollout', 'a', () => first.promise),
      keys.run('dequeueRollout', 'a', () => Promise.resolve(2)),
    ]
    expect([...keys.entries()]).toEqual([])
    first.resolve(1)
    expect(await Promise.all(answers)).toEqual([1, 1])
    expect([...keys.entries()]).toMatchObject([{ verb: 'dequeueRollout', key: 'a', answer: 1 }])
    const failing = Promise.withResolvers<number>()
    const lost = keys.run('dequeueRollout', 'b', () => failing.promise)
    const retried = keys.run('dequeueRollout', 'b', () => Promise.resolve(3))
    failing.reject(new Error('aborted'))
    await expect(lost).rejects.toThrow('aborted')
    expect(await retried).toBe(3)
  })
})
