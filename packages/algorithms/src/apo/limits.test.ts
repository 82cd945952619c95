import { infraError } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import type { JsonValue, RunState } from '@agl/types'
import { describe, expect, it } from 'vitest'
import type { ChatModel } from '../models/chat-model.ts'
import { createMemoryState } from '../run/memory-state.ts'
import { createRulesModel, runApo, tasks } from './rules-world.test-support.ts'

/** Has nothing to say of any prompt. */
const silent: ChatModel = { name: 'silent', chat: async () => ({ text: '', usage: null, finishReason: 'stop' }) }

const mapState = (values: Map<string, JsonValue>): RunState => ({
  load: async (key) => values.get(key),
  save: async (key, value) => void values.set(key, value),
})

describe('the limits of a run', () => {
  it('hold also where critic and editor cost more than the rollouts, and the final evaluation is still made', async () => {
    const rules = createRulesModel()
    const dear: ChatModel = {
      name: 'dear',
      chat: async (request) => ({ ...(await rules.chat(request)), usage: { promptTokens: 2_000, completionTokens: 1_000 } }),
    }
    for (const mode of ['beam', 'pareto'] as const) {
      const limits = { tokens: 150_000 }
      const options = { mode, model: dear, budget: limits, testDataset: tasks(40, 1000), concurrency: 4 }
      const { spent, rounds, test, endedEarly } = await runApo({ tokens: 100 }, options)
      expect(spent.tokens).toBeLessThanOrEqual(limits.tokens)
      expect(rounds.length).toBeGreaterThan(0)
      expect(test!.gain.count).toBe(40)
      expect(endedEarly).toBe('budget')
      const calls = await runApo({}, { ...options, budget: { modelCalls: 60 } })
      expect(calls.spent.modelCalls).toBeLessThanOrEqual(60)
      // What is made with fewer children is made in the same way every time.
      expect(calls.rounds.map(({ skipped }) => skipped.budget)).not.toContain(1)
    }
  })

  it('hold where there is room for no round, also without an initial validation', async () => {
    let rollouts = 0
    const options = { runInitialValidation: false, valBatchSize: 32, budget: { rollouts: 20 }, testDataset: tasks(10, 1000) }
    const result = await runApo({ onRollout: () => (rollouts += 1) }, options)
    expect(result).toMatchObject({ endedEarly: 'budget', best: { id: 'p0' }, val: null })
    expect(rollouts).toBeLessThanOrEqual(20)
  })

  it('on rollouts are kept also where nearly all of them are used, and no child is made that could not be judged', async () => {
    for (const mode of ['beam', 'pareto'] as const) {
      for (const rollouts of [110, 130, 150, 190, 230]) {
        const limits = { mode, beamWidth: 2, valBatchSize: 10, finalists: 2, beamRounds: 50, budget: { rollouts } }
        const { spent, rounds, val, endedEarly } = await runApo({}, limits)
        expect(spent.rollouts).toBeLessThanOrEqual(rollouts)
        expect(endedEarly).toBe('budget')
        expect(rounds.length).toBeGreaterThan(0)
        expect(val!.gain.count).toBe(32)
      }
    }
  })

  it('on time stop a run once: a later process that goes over it again comes to the same end', async () => {
    const values = new Map<string, JsonValue>()
    const options = { budget: { minutes: 10 } }
    const first = await runApo({ state: mapState(values) }, options)
    values.set('minutes', 11)
    const again = await runApo({ state: mapState(values) }, options)
    expect(again.spent.minutes).toBeGreaterThan(11)
    expect(again.best).toEqual(first.best)
    expect(again.rounds.length).toBe(first.rounds.length)
    // A round that nobody has begun yet does not begin.
    const more = await runApo({ state: mapState(values) }, { ...options, beamRounds: 5 })
    expect(more).toMatchObject({ endedEarly: 'budget', best: { id: first.best.id } })
  })
})

describe('what a run has spent', () => {
  it('holds what attempts in vain have cost', async () => {
    let attempts = 0
    const onRollout = (): void => {
      attempts += 1
      if (attempts % 3 === 1) throw infraError({ code: 'upstream_failed', message: 'the sandbox is away' })
    }
    const { spent } = await runApo({ tokens: 100, onRollout, concurrency: 1 }, { beamRounds: 1, model: silent })
    expect(spent.tokens).toBe(100 * attempts)
    expect(spent.rollouts).toBeLessThan(attempts)
  })

  it('holds what an earlier process has paid for and not kept', async () => {
    const [state, store] = [createMemoryState(), createMemoryStore()]
    let attempts = 0
    let isDown = true
    const onRollout = (): void => {
      attempts += 1
      if (isDown) throw infraError({ code: 'upstream_failed', message: 'the sandbox is away' })
    }
    const world = { state, store, tokens: 100, onRollout }
    await expect(runApo(world, { model: silent })).rejects.toThrow(/32 infra_error/)
    isDown = false
    const { spent } = await runApo(world, { beamRounds: 1, model: silent })
    expect(spent.tokens).toBe(100 * attempts)
    const again = await runApo(world, { beamRounds: 1, model: silent })
    expect(again.spent).toEqual({ ...spent, minutes: again.spent.minutes })
    await store.close()
  })
})

it('leaves no rollouts behind when it fails in the middle of many', async () => {
  const store = createMemoryStore()
  const values = new Map<string, JsonValue>()
  const firsts = new Set<string>()
  const state: RunState = {
    load: async (key) => values.get(key),
    async save(key, value) {
      const [kind, candidate] = key.split('/')
      if (kind === 'eval') firsts.add(candidate!)
      if (firsts.size > 1) throw new Error('the disk is full')
      values.set(key, value)
    },
  }
  let unfinished = -1
  const onEnd = async (): Promise<void> => {
    unfinished = (await store.queryRollouts({ statusIn: ['queuing', 'preparing', 'running', 'requeuing'] })).total
  }
  await expect(runApo({ store, state, concurrency: 1, onEnd })).rejects.toThrow('the disk is full')
  expect(unfinished).toBe(0)
  await store.close()
})
