import { expect, test } from 'vitest'
import { park } from './park.ts'
import { createManualClock } from './testing/index.ts'

test('a wait whose answer cannot be made is rejected, and the timer does not throw', async () => {
  const clock = createManualClock()
  let ends = 0
  const { promise } = park<number>({
    clock,
    timeoutMs: 10,
    signal: undefined,
    onTimeout: () => {
      throw new Error('unreadable')
    },
    onEnd: () => void ends++,
  })
  const outcome = promise.catch((error: unknown) => error)
  clock.advance(11)
  expect(await outcome).toMatchObject({ message: 'unreadable' })
  expect(ends).toBe(1)
  expect(clock.pendingTimers()).toBe(0)
})
