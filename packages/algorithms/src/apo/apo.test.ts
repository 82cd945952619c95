import { infraError } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import { AglError, type JsonValue, type RunEvent, type RunState } from '@agl/types'
import { describe, expect, it } from 'vitest'
import type { ChatModel } from '../models/chat-model.ts'
import { createRandom } from '../random.ts'
import { createMemoryState } from '../run/memory-state.ts'
import { createRulesModel, kinds, runApo, tasks } from './rules-world.test-support.ts'

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

  for (const mode of ['beam', 'pareto'] as const) {
    it(`ends as if it had never been killed, at whatever moment that happens, and pays for nothing twice (${mode})`, async () => {
      const whole = await runApo({}, { mode })
      const random = createRandom(7)
      for (let turn = 0; turn < 6; turn += 1) {
        const values = new Map<string, JsonValue>()
        const mortal = (savesLeft: number): RunState => ({
          load: async (key) => values.get(key),
          async save(key, value) {
            if (savesLeft === 0) throw new Error('killed')
            savesLeft -= 1
            // What is paid for is paid for once.
            if (/^(eval|trial|chat)/.test(key)) expect(values.has(key)).toBe(false)
            values.set(key, value)
          },
        })
        const deaths: string[] = []
        let result = null
        while (result === null) {
          result = await runApo({ state: mortal(10 + random.below(200)) }, { mode }).catch((error: unknown) => {
            deaths.push((error as Error).message)
            return null
          })
        }
        expect(new Set(deaths)).toEqual(new Set(['killed']))
        expect(unpriced(result)).toEqual(unpriced(whole))
        expect(result.spent).toEqual({ ...whole.spent, minutes: result.spent.minutes })
      }
    }, 60_000)
  }

  it('finds nothing to report where no rule has an effect', async () => {
    const verdicts = []
    for (let seed = 0; seed < 12; seed += 1) {
      const result = await runApo({ effect: 0 }, { seed, beamRounds: 1, testDataset: tasks(40, 1000) })
      verdicts.push(result.verdict)
    }
    expect(verdicts.filter((verdict) => verdict === 'improved').length).toBeLessThanOrEqual(2)
  }, 60_000)

  it('asks once more for a prompt that has lost its placeholder, and does without it then', async () => {
    const asked: string[] = []
    const forgetful = (repaired: string): ChatModel => ({
      name: 'forgetful',
      async chat({ messages }) {
        const text = messages[0]!.content
        if (text.includes('<experiment')) return reply('add rule-0.')
        asked.push(text)
        return reply(text.includes('<answer>') ? repaired : '```\nSolve it, rule-0.\n```')
      },
    })
    const options = { beamWidth: 1, branchFactor: 1, beamRounds: 1 }
    const mended = await runApo({}, { ...options, model: forgetful('{"template": "Solve {task}, rule-0."}') })
    expect(asked[1]).toContain('the placeholder {task} is missing')
    expect(mended.lineage.map(({ templates }) => templates['prompt']!.template)).toEqual([
      'Solve {task}.',
      'Solve {task}, rule-0.',
    ])
    const lost = await runApo({}, { ...options, model: forgetful('Solve {job}.') })
    expect(lost.rounds[0]!.skipped).toEqual({ unusable_prompt: 1 })
    expect(lost.best.id).toBe('p0')
  })

  it('goes on when a model fails now and then, and says so when it always fails', async () => {
    let calls = 0
    const working = createRulesModel()
    const failing = (isDown: () => boolean): ChatModel => ({
      name: 'shaky',
      async chat(request) {
        calls += 1
        if (isDown()) throw new AglError({ code: 'upstream_failed', message: 'The service answered 503.' })
        return await working.chat(request)
      },
    })
    const result = await runApo({}, { model: failing(() => calls % 5 === 0) })
    expect(result.rounds[0]!.skipped.model_failed).toBeGreaterThan(0)
    expect(result.val!.gain.mean).toBeGreaterThan(0)
    await expect(runApo({}, { model: failing(() => true) })).rejects.toThrow(/"shaky" did not answer: The service answered 503/)
  })

  it('stops at once where nothing can be scored, and goes on when what the agent needs is back', async () => {
    const [state, store] = [createMemoryState(), createMemoryStore()]
    let isDown = true
    let rollouts = 0
    const world = {
      state,
      store,
      onRollout() {
        rollouts += 1
        if (isDown) throw infraError({ code: 'upstream_failed', message: 'the sandbox is away' })
      },
    }
    await expect(runApo(world)).rejects.toThrow(
      /None of the first (\d+) rollouts has a score \(\1 infra_error\).*goes on once it is back/,
    )
    // Three tries of each validation task, and of the trials of the first round.
    expect(rollouts).toBeLessThanOrEqual(3 * (32 + 24))
    isDown = false
    const result = await runApo(world)
    expect(result.leftOut).toEqual({})
    expect(unpriced(result)).toEqual(unpriced(await runApo({})))
    await store.close()
  })

  it('does not take training rollouts that all went lost for perfect ones', async () => {
    const onRollout = (mode: string): void => {
      if (mode === 'train') throw infraError({ code: 'upstream_failed', message: 'the sandbox is away' })
    }
    const { endedEarly, rounds } = await runApo({ onRollout }, { beamRounds: 2 })
    expect(endedEarly).toBeNull()
    expect(rounds.map(({ skipped }) => skipped)).toEqual([{ unscored: 16 }, { unscored: 16 }])
  })

  it('changes each of several templates of every parent in time, also of the best one', async () => {
    const template = (text: string) => ({ resource_type: 'prompt_template', engine: 'f-string', template: text }) as const
    const initialResources = { prompt: template('Solve {task}.'), system: template('Be brief.') }
    const { lineage } = await runApo({ initialResources }, { beamWidth: 2, branchFactor: 2, beamRounds: 4 })
    const changed = new Map<string, Set<string | null>>()
    for (const { parents, target } of lineage.slice(1)) {
      for (const parent of parents) changed.set(parent, (changed.get(parent) ?? new Set()).add(target))
    }
    expect(changed.size).toBeGreaterThan(2)
    for (const targets of changed.values()) expect(targets).toEqual(new Set(['prompt', 'system']))
  })

  it('keeps within its budget, and says so before it spends where that cannot be', async () => {
    let rollouts = 0
    const onRollout = (): void => void (rollouts += 1)
    const result = await runApo({ onRollout }, { budget: { rollouts: 300 } })
    expect(result.endedEarly).toBe('budget')
    expect(result.spent.rollouts).toBe(rollouts)
    expect(rollouts).toBeLessThanOrEqual(300)
    rollouts = 0
    await expect(runApo({ onRollout }, { budget: { rollouts: 70 } })).rejects.toMatchObject({ code: 'budget_exhausted' })
    expect(rollouts).toBe(0)
  })

  it('runs a few rollouts to see what they cost, and no more where it cannot afford what has to be', async () => {
    let rollouts = 0
    const world = { tokens: 1000, onRollout: () => void (rollouts += 1) }
    const prices = { rules: { input: 1, output: 1 }, actor: { input: 1, output: 1 } }
    await expect(runApo(world, { budget: { usd: 0.05 }, prices })).rejects.toThrow(
      /The first and the final evaluation would pass the limit of 0\.05 US dollars: 0\.004 are spent, 0\.08 more are needed/,
    )
    expect(rollouts).toBe(4)
    const { spent, endedEarly, rounds } = await runApo(world, { budget: { usd: 0.3 }, prices })
    expect(endedEarly).toBe('budget')
    expect(rounds.length).toBeGreaterThan(0)
    expect(spent.usd).toBeLessThanOrEqual(0.3)
  })

  it('refuses to limit money without prices', async () => {
    await expect(runApo({}, { budget: { usd: 1 } })).rejects.toThrow(/prices: { "the-model"/)
    await expect(runApo({}, { budget: { usd: 1 }, prices: { other: { input: 1, output: 1 } } })).rejects.toThrow(
      /price of the model "rules" is not known/,
    )
    const prices = { rules: { input: 10, output: 20 } }
    const { spent } = await runApo({}, { budget: { usd: 1 }, prices })
    expect(spent.usd).toBeCloseTo(spent.modelCalls * 2e-4)
  })

  it('tells its plan first, then each phase to its end, and what each round brought', async () => {
    const events: RunEvent[] = []
    const result = await runApo({ onProgress: (event) => events.push(event) })
    expect(events[0]).toMatchObject({ type: 'plan', limits: { rollouts: 800 } })
    expect(result.spent.rollouts).toBeLessThanOrEqual(800)
    const phases = new Map(
      events.flatMap((event) => (event.type === 'phase' ? [[`${event.step}/${event.phase}`, event] as const] : [])),
    )
    expect(phases.size).toBeGreaterThan(5)
    for (const { done, total } of phases.values()) expect(done).toBe(total)
    const metrics = events.filter((event) => event.type === 'metrics')
    expect(metrics.map(({ step }) => step)).toEqual(result.rounds.map(({ round }) => round - 1))
    expect(metrics.at(-1)!.metrics['rollouts']).toBe(result.rounds.at(-1)!.spent.rollouts)
  })

  it('runs the first prompt on no validation task but those of the races where that is not asked for', async () => {
    const phases = new Set<string>()
    const onProgress = (event: RunEvent): void => void (event.type === 'phase' && phases.add(event.phase))
    const result = await runApo({ onProgress }, { runInitialValidation: false, beamRounds: 1, testDataset: tasks(20, 1000) })
    expect(phases.has('first prompt')).toBe(false)
    expect(result.val).toBeNull()
    expect(result.test!.gain.count).toBe(20)
  })

  it('says so when tasks of the test are not held out', async () => {
    const notes: string[] = []
    const onProgress = (event: RunEvent): void =>
      void (event.type === 'note' && !event.text.startsWith('Round') && notes.push(event.text))
    const options = { beamRounds: 1, beamWidth: 1, branchFactor: 1 }
    await runApo({ onProgress }, { ...options, testDataset: tasks(10, 1000) })
    expect(notes).toEqual([])
    await runApo({ onProgress }, { ...options, testDataset: [...tasks(10, 1000), ...tasks(3, 100)] })
    expect(notes).toEqual([expect.stringMatching(/^3 of 13 test tasks are training or validation tasks as well/)])
  })

  it('refuses what it cannot work with', async () => {
    await expect(runApo({ trainTasks: [] })).rejects.toThrow(/training dataset is empty/)
    await expect(runApo({}, { targets: ['system'] })).rejects.toThrow(/initial resources \(prompt\); got "system"/)
    await expect(runApo({}, { model: {} as ChatModel })).rejects.toThrow(/expected a model/)
    const broken = { resource_type: 'prompt_template', engine: 'jinja', template: '{{ experiment }}' } as const
    await expect(runApo({}, { templates: { critique: [broken] } })).rejects.toThrow(
      /uses experiment; it is given prompt_template, experiments/,
    )
  })
})

function unpriced<Result extends { readonly spent: unknown; readonly rounds: readonly { readonly spent: unknown }[] }>(
  result: Result,
): unknown {
  return { ...result, spent: null, rounds: result.rounds.map((round) => ({ ...round, spent: null })) }
}

function reply(text: string): Awaited<ReturnType<ChatModel['chat']>> {
  return { text, usage: null, finishReason: 'stop' }
}
