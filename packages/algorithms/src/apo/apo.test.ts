import { describe, expect, it } from 'vitest'
import { createMemoryState } from '../run/memory-state.ts'
import { kinds, runApo, tasks } from './rules-world.test-support.ts'

const rulesIn = (prompt: string): number =>
  Array.from({ length: kinds }, (_, kind) => kind).filter((kind) => prompt.includes(`rule-${kind}.`)).length

describe('createApo', () => {
  for (const mode of ['beam', 'pareto'] as const) {
    it(`finds the rules that the tasks need (${mode})`, async () => {
      const result = await runApo({}, { mode, beamRounds: 5, testDataset: tasks(100, 1000) })
      expect(rulesIn(result.best.templates['prompt']!.template)).toBeGreaterThanOrEqual(3)
      expect(result.test!.gain.low).toBeGreaterThan(0.3)
      expect(result.verdict).toBe('improved')
    })
  }

  it('gives the same result for a seed, whatever happens at the same time', async () => {
    const one = await runApo({ concurrency: 1 })
    const other = await runApo({ concurrency: 64 })
    expect({ ...other, spent: null, rounds: null }).toEqual({ ...one, spent: null, rounds: null })
  })

  it('goes on with what an earlier run has paid for', async () => {
    const state = createMemoryState()
    const first = await runApo({ state })
    let rollouts = 0
    const again = await runApo({ state, onRollout: () => (rollouts += 1) })
    expect(rollouts).toBe(0)
    expect(again.best).toEqual(first.best)
  })
})
