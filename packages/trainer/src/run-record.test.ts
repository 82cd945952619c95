import { algo, readRunState, runNames } from '@agl/algorithms'
import { rollout } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import { AglError } from '@agl/types'
import { expect, it } from 'vitest'
import { createTrainer } from './trainer.ts'

const agent = rollout<number>(() => 1)

/** Adds up to ten, a step at a time; breaks off at some. */
const countingTo = (breaksAt: number) =>
  algo('counting', async ({ state, report }) => {
    let count = Number((await state.load('count')) ?? 0)
    while (count < 10) {
      if (count === breaksAt) throw new AglError({ code: 'training_failed', message: `Broke at ${count}.` })
      count += 1
      await state.save('count', count)
      report({ type: 'metrics', step: count - 1, metrics: { count } })
    }
    return count
  })

it('goes on with a run by its id, and keeps each step of it in the store', async () => {
  await using store = createMemoryStore()
  await using broken = createTrainer({ algorithm: countingTo(4), store, runId: 'nightly' })
  await expect(broken.fit(agent, [1])).rejects.toThrow('Broke at 4.')
  expect(broken.completedIterations).toBe(4)
  await using whole = createTrainer({ algorithm: countingTo(-1), store, runId: 'nightly' })
  expect(await whole.fit(agent, [1])).toBe(10)
  expect([whole.runId, whole.completedIterations]).toEqual(['nightly', 10])

  const { items } = await store.querySpans({ rolloutId: 'nightly', name: runNames.metricsSpan, sortBy: null })
  expect(items.map(({ attributes }) => attributes['agl.run.metric.count'])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  const { items: attempts } = await store.queryAttempts({ rolloutId: 'nightly' })
  expect(attempts.map(({ status }) => status)).toEqual(['failed', 'succeeded'])
  expect(await readRunState(store, 'nightly', 'count')).toBe(10)
})

it('begins anew without an id, and leaves nothing of a dry run', async () => {
  await using store = createMemoryStore()
  await using trainer = createTrainer({ algorithm: countingTo(-1), store })
  await trainer.fit(agent, [1])
  const first = trainer.runId
  await trainer.fit(agent, [1])
  expect(trainer.runId).not.toBe(first)
  expect((await store.queryRollouts({ labels: { [runNames.label]: 'counting' } })).total).toBe(2)
  await trainer.dev(agent, [1], { algorithm: { ...countingTo(-1), isFast: true } })
  expect(trainer.runId).toBeNull()
  expect((await store.queryRollouts({ labels: { [runNames.label]: 'counting' } })).total).toBe(2)
})
