import { createMemoryStore } from '@agl/store-memory'
import type { LightningStore, RolloutMode, SpanCoreFields } from '@agl/types'
import { collectSpans, readRewardDimensions, spanOfAttempt } from '@agl/types/spans'
import { describe, expect, it } from 'vitest'
import { type AgentContext, type AgentResult, llmRollout, missingResources, promptRollout, rollout } from '../agent.ts'
import { infraError } from './infra-error.ts'
import { LitAgent } from './lit-agent.ts'
import { modelAt, play, promptOf } from './test-rollout.test-support.ts'

const resources = { ...modelAt('http://gateway/v1'), ...promptOf('Be brief.') }

describe('what an agent may return', () => {
  const core = collectSpans((emit) => emit.message('step'))[0]!
  const otel = {
    name: 'tool',
    spanContext: () => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }),
    startTime: [1, 500_000_000],
    endTime: [2, 0],
    status: { code: 1 },
    attributes: { 'tool.name': 'search' },
    events: [],
    links: [],
    resource: { attributes: {} },
  } as const

  it('named dimensions with a primary one, after what it emitted', async () => {
    const agent = rollout((_task, { emit }) => {
      emit.reward(0.1)
      return { reward: { speed: 2, accuracy: 0.5 }, primary: 'accuracy' }
    })
    const { reward, spans } = await play(agent, 1)
    expect(reward).toBe(0.5)
    expect(readRewardDimensions(spans.at(-1)!)).toEqual([
      { name: 'accuracy', value: 0.5 },
      { name: 'speed', value: 2 },
    ])
    expect(
      (
        await play(
          rollout(() => ({ reward: true })),
          1,
        )
      ).reward,
    ).toBe(1)
  })

  it('spans in each form, which are added behind what it emitted', async () => {
    const agent = rollout((_task, { emit, rollout: { rollout_id: rolloutId, attempt } }) => {
      emit.reward(0.1)
      const own = { ...spanOfAttempt(core, { rolloutId, attemptId: attempt.attempt_id }), name: 'own' }
      return [core, otel, own, ...collectSpans((later) => later.reward(0.75))]
    })
    const { reward, spans, rollout: played } = await play(agent, 1)
    expect(spans.map(({ name }) => name)).toEqual([
      'agentlightning.annotation',
      'agentlightning.message',
      'tool',
      'own',
      'agentlightning.annotation',
    ])
    expect(spans[2]).toMatchObject({ span_id: 'b'.repeat(16), start_time: 1.5, attributes: { 'tool.name': 'search' } })
    expect(reward).toBe(0.75)
    expect(played.attempt.outcome).toBe('scored')
  })

  it('no spans: nothing, and a warning', async () => {
    const { outcome, warnings } = await play(
      rollout(() => []),
      1,
    )
    expect(outcome).toBe('completed')
    expect(warnings).toEqual([expect.stringContaining('empty list')])
  })

  const badReward = {
    ...core,
    name: 'agentlightning.annotation',
    attributes: { 'agentlightning.reward.0.name': 'primary', 'agentlightning.reward.0.value': Number.NaN },
  }
  it.each<[unknown, string]>([
    [{ reward: { a: 1, b: 2 } }, 'needs a primary one among them (a, b)'],
    [{ reward: { a: Number.NaN }, primary: 'a' }, 'dimension "a" is NaN'],
    [{ reward: Number.POSITIVE_INFINITY }, 'is Infinity'],
    [{ reward: 1, primray: 'a' }, 'reward, primray'],
    [{ answer: 42 }, 'the keys answer'],
    [new Map(), 'a value of type object'],
    [[core, null], 'item 1 of its list is null'],
    [[1], 'item 0 of its list is 1'],
    [[{ name: 3 }], 'item 0 of its list is no span'],
    [[spanOfAttempt(core, { rolloutId: 'ro-other', attemptId: 'at-other' })], 'attempt at-other of rollout ro-other'],
    [[{ spanContext: () => null }], 'item 0 of its list cannot be read'],
    [[badReward], 'span 0 looks like a reward'],
  ])('%j is an agent error that says what came', async (returned, text) => {
    const { outcome, message, spans } = await play(
      rollout(() => returned as AgentResult),
      1,
    )
    expect(outcome).toBe('agent_error')
    expect(message).toContain(text)
    expect(spans).toEqual([])
  })

  it('an error that was not its fault, if it says so', async () => {
    const agent = rollout(() => {
      throw infraError({ code: 'upstream_failed', message: 'the sandbox is away' })
    })
    const { outcome, rollout: played } = await play(agent, 1)
    expect(outcome).toBe('infra_error')
    expect(played.attempt.metadata).toMatchObject({ error: { code: 'upstream_failed', message: 'the sandbox is away' } })
  })
})

describe('training and validation', () => {
  const rewardIn = async (agent: LitAgent<number>, mode: RolloutMode | null): Promise<number | string | null> => {
    const { reward, message } = await play(agent, 1, { mode })
    return reward ?? message
  }

  it('differ by the mode: train alone is training', async () => {
    class Both extends LitAgent<number> {
      readonly #offset = 10
      override trainingRollout(task: number): number {
        return this.#offset + task
      }
      override validationRollout(task: number): number {
        return this.#offset * 2 + task
      }
    }
    expect(await Promise.all((['train', 'val', 'test', null] as const).map((mode) => rewardIn(new Both(), mode)))).toEqual([
      11, 21, 21, 21,
    ])
  })

  it('fall back to rollout, each by itself, and name what to override when there is nothing', async () => {
    class Same extends LitAgent<number> {
      override rollout(): number {
        return 5
      }
    }
    class OnlyTraining extends LitAgent<number> {
      override trainingRollout(): number {
        return 6
      }
    }
    expect([await rewardIn(new Same(), 'train'), await rewardIn(new Same(), null)]).toEqual([5, 5])
    expect(await rewardIn(new OnlyTraining(), 'train')).toBe(6)
    expect(await rewardIn(new OnlyTraining(), 'val')).toContain(
      'OnlyTraining has no rollout for mode val: override rollout or val',
    )
  })

  it('are the methods of any object', async () => {
    const agent = { rollout: () => 1, trainingRollout: () => 2 }
    expect([(await play(agent, 1, { mode: 'train' })).reward, (await play(agent, 1, { mode: 'test' })).reward]).toEqual([2, 1])
  })
})

describe('what an agent needs', () => {
  const asked = llmRollout((_task, { llm }) => (llm.endpoint.includes('/rollout/') ? 1 : 0))

  it('is checked before it runs, and told with what is there', async () => {
    expect(await play(asked, 1, { resources })).toMatchObject({ outcome: 'scored', reward: 1 })
    const untouched = llmRollout(() => 1)
    const { outcome, message } = await play(untouched, 1, { resources: promptOf('Be brief.') })
    expect(outcome).toBe('infra_error')
    expect(message).toContain('of type "llm", but this rollout has prompt (prompt_template)')
  })

  it('can be asked before anything is enqueued', () => {
    const agent = rollout(() => 1, { needs: ['llm', 'prompt_template', 'custom:index'] })
    expect(missingResources(agent, modelAt('http://x'))).toEqual(['prompt_template', 'custom:index'])
    expect(missingResources({ rollout: () => 1 } as never, {})).toEqual([])
  })

  it('a prompt; with the model if there is one', async () => {
    const agent = promptRollout((_task, { promptTemplate, llm, seed }) => {
      return { reward: { length: promptTemplate.template.length, hasModel: Number(llm !== null), seed }, primary: 'length' }
    })
    const seed = { metadata: { seed: 3 } }
    const rewards = [await play(agent, 1, { resources, ...seed }), await play(agent, 1, { resources: promptOf('x'), ...seed })]
    expect(rewards.map(({ spans }) => readRewardDimensions(spans[0]!).map(({ value }) => value))).toEqual([
      [9, 1, 3],
      [1, 0, 3],
    ])
    expect(await play(agent, 1, { resources: modelAt('http://x') })).toMatchObject({ outcome: 'infra_error' })
  })

  it('is the first of its kind; a warning, once, when there are several', async () => {
    const several = {
      b: resources['model']!,
      a: { ...resources['model']!, model: 'second' },
      ...promptOf('x'),
    } as typeof resources
    const agent = rollout(
      (_task, context) => context.llm.model.length + context.llm.model.length + context.promptTemplate.template.length,
    )
    const { reward, warnings } = await play(agent, 1, { resources: several })
    expect(reward).toBe(9)
    expect(warnings).toEqual([expect.stringContaining('several resources of type "llm"')])
  })
})

describe('waitForReward', () => {
  const waiting = rollout(async (_task, { waitForReward }: AgentContext) => {
    const found = await waitForReward()
    return { reward: { found }, primary: 'found' }
  })

  it('ends with a reward that somebody else writes, also below what came before it; each span is read once', async () => {
    const store = createMemoryStore()
    const asked: number[] = []
    const sawMessage = Promise.withResolvers<void>()
    const watched: LightningStore = {
      ...store,
      async querySpans(query) {
        const page = await store.querySpans(query)
        asked.push(query.offset ?? 0)
        if (query.limit !== undefined && page.items.length > 0) sawMessage.resolve()
        return page
      },
    }
    const [message, reward] = collectSpans((emit) => {
      emit.message('working')
      emit.reward(0.25)
    })
    const elsewhere = rollout(async (task, context: AgentContext) => {
      const { rollout_id: rolloutId, attempt } = context.rollout
      const write = (span: SpanCoreFields, sequenceId: number): Promise<unknown> =>
        store.addSpan({ ...spanOfAttempt(span, { rolloutId, attemptId: attempt.attempt_id }), sequence_id: sequenceId })
      await write(message!, 7)
      const [result] = await Promise.all([waiting.rollout(task, context), sawMessage.promise.then(() => write(reward!, 3))])
      return result
    })
    expect((await play(elsewhere, 1, { store: watched })).reward).toBe(0.25)
    expect(asked.slice(0, 2)).toEqual([0, 1])
    await store.close()
  })

  it('ends with the attempt', async () => {
    const { rollout: played } = await play(waiting, 1, { config: { timeout_seconds: 0.05 } })
    expect(played.attempt.status).toBe('timeout')
  })
})
