// A program of somebody who installed that package beside ours: it trains with the algorithm and checks the result.
import assert from 'node:assert/strict'
import { rollout } from '@agl/runner'
import { createTrainer } from '@agl/trainer'
import { threshold, tryThresholds } from 'agl-plugin-thresholds'

/** Should accept exactly the numbers from 5 up. */
const agent = rollout<number>((task, { resources }) => {
  const accepts = task >= threshold.read(resources, 'least').value
  return accepts === task >= 5 ? 1 : 0
})
const trainer = createTrainer({ algorithm: tryThresholds<number>([2, 5, 8]), nRunners: 2 })
const result = await trainer.fit(agent, [1, 3, 5, 7, 9])

assert.deepEqual(result, { value: 5, total: 5 })
const { total } = await trainer.store.queryRollouts({ statusIn: ['succeeded'] })
assert.equal(total, 15)
await trainer.store.close()
