import { createManualClock } from '@agl/store-kit/testing'
import { expect, test } from 'vitest'
import { updateAttempt } from './attempts.ts'
import { startRollout } from './enqueue.ts'
import { smallestSweep } from './deadlines.ts'
import { createState } from './state.ts'
import { onTimer } from './sweep.ts'

test('settled attempts do not pile up behind their deadlines', () => {
  const clock = createManualClock()
  const state = createState({ clock }, onTimer)
  const start = () => startRollout(state, { rollout: { input: 1 }, leaseMs: 3_600_000 })
  const live = Array.from({ length: 100 }, start)
  for (let done = 0; done < 5 * smallestSweep; done++) {
    const { rollout_id: rolloutId } = start()
    updateAttempt(state, { rolloutId, attemptId: 'latest', status: 'succeeded' })
  }
  expect(state.deadlines.size).toBeLessThan(2 * smallestSweep)
  // What is live is still watched.
  clock.advance(3_600_100)
  for (const { rollout_id: id } of live) expect(state.rollouts.get(id)?.entry.rollout.status).toBe('requeuing')
})
