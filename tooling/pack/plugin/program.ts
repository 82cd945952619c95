// A program of somebody who installed that package beside ours: it trains with the algorithm and checks the result.
import assert from 'node:assert/strict'
import { agentModule, createTrainer } from '@agl/trainer'
import { tryThresholds } from 'agl-plugin-thresholds'

// In this process, and in child processes.
const agent = agentModule(new URL('./agent.ts', import.meta.url), 'gate')
for (const strategy of ['shm', 'ipc'] as const) {
  const trainer = createTrainer({ algorithm: tryThresholds<number>([2, 5, 8]), nRunners: 2, strategy })
  const result = await trainer.fit(agent, [1, 3, 5, 7, 9])

  assert.deepEqual(result, { value: 5, total: 5 })
  const { total } = await trainer.store.queryRollouts({ statusIn: ['succeeded'] })
  assert.equal(total, 15)
  await trainer.store.close()
}
