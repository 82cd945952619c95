import { setTimeout as sleep } from 'node:timers/promises'
import { createMemoryStore } from '@agl/store-memory'
import { type LightningStore, type Logger, spanAttributes } from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rollout } from './agent.ts'
import type { Hooks, RolloutEndEvent, RolloutEvent, RolloutSettledEvent } from './hooks.ts'
import type { RunnerOptions } from './options.ts'
import { createRunner } from './runner.ts'

let store: LightningStore
let heard: string[]
let warned: string[]
let logger: Logger
beforeEach(() => {
  store = createMemoryStore()
  heard = []
  warned = []
  logger = {
    debug() {},
    info() {},
    error() {},
    warn: (message, fields) => void warned.push(`${message} ${String(fields?.['error'])}`),
  }
})
afterEach(() => store.close())

/** Hooks that note what they hear, in order. */
function listening(name = ''): Hooks {
  const note =
    (what: string) => (event: RolloutEvent & { readonly error?: unknown; readonly ending?: { readonly kind: string } }) => {
      const error = event.error instanceof Error ? ` ${event.error.message}` : ''
      heard.push(`${name}${what}${event.ending === undefined ? '' : ` ${event.ending.kind}`}${error}`)
    }
  return {
    onRolloutStart: note('start'),
    onTraceStart: note('trace start'),
    onTraceEnd: note('trace end'),
    onRolloutEnd: note('end'),
    onRolloutSettled: note('settled'),
  }
}

async function runOne(options: Partial<RunnerOptions>, input: unknown = 1): Promise<string> {
  const { rollout_id: rolloutId } = await store.enqueueRollout({ input: input as number })
  const agent = rollout(async () => 1)
  await createRunner({ store, agent, logger, maxRollouts: 1, abortGraceMs: 20, ...options }).run()
  return rolloutId
}

describe('hooks', () => {
  it('are called in pairs, in order, one after the other', async () => {
    await runOne({ hooks: [listening('a '), listening('b ')] })
    const steps = ['start', 'trace start', 'trace end', 'end returned', 'settled returned']
    expect(heard).toEqual(steps.flatMap((step) => [`a ${step}`, `b ${step}`]))
  })

  it('hear what the agent threw', async () => {
    await runOne({ hooks: [listening()], agent: rollout(() => Promise.reject(new Error('boom'))) })
    expect(heard).toEqual(['start', 'trace start', 'trace end boom', 'end agent_error boom', 'settled agent_error boom'])
  })

  it('hear the end of an agent that hangs, and of one that never began', async () => {
    await runOne({ hooks: [listening()], agent: rollout(() => new Promise<never>(() => {})), attemptTimeoutMs: 20 })
    expect(heard).toEqual([
      'start',
      'trace start',
      expect.stringMatching(/trace end .*timeout/),
      expect.stringMatching(/^end stopped .*timeout/),
      expect.stringMatching(/^settled stopped/),
    ])
    heard.length = 0
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1, resources_id: 'rs-gone' })
    await createRunner({ store, agent: rollout(async () => 1), hooks: [listening()], maxRollouts: 1 }).run()
    expect(heard).toEqual([
      'start',
      expect.stringMatching(/^end infra_error .*rs-gone/),
      expect.stringMatching(/^settled infra_error/),
    ])
    expect(await store.getRolloutById({ rolloutId })).toMatchObject({ status: 'failed' })
  })

  it('that fail or hang change nothing for the rollout and for the others', async () => {
    const broken: Hooks = {
      onRolloutStart: () => Promise.reject(new Error('no database')),
      onTraceEnd: () => sleep(60_000, undefined, { ref: false }),
    }
    const rolloutId = await runOne({ hooks: [broken, listening()], hookTimeoutMs: 30 })
    expect(heard).toHaveLength(5)
    expect(warned).toEqual([
      expect.stringMatching(/A hook failed.*no database/),
      expect.stringMatching(/A hook failed.*not ended after 30 ms/),
    ])
    expect(await store.getLatestAttempt({ rolloutId })).toMatchObject({ outcome: 'scored' })
  })

  it('see the spans before and the outcome after the attempt is settled, and may record', async () => {
    const seen: unknown[] = []
    const hooks: Hooks = {
      onTraceStart: ({ emit }) => emit.message('begins'),
      async onRolloutEnd({ readSpans, rollout: { rollout_id: rolloutId } }: RolloutEndEvent) {
        const attempt = await store.getLatestAttempt({ rolloutId })
        seen.push(
          (await readSpans()).map(({ name }) => name),
          attempt?.status,
        )
      },
      onRolloutSettled: ({ attempt }: RolloutSettledEvent) => seen.push(attempt?.outcome),
    }
    await runOne({ hooks: [hooks] })
    expect(seen).toEqual([['agentlightning.message', 'agentlightning.annotation'], 'running', 'scored'])
  })
})

describe('scorers', () => {
  const spansOf = async (rolloutId: string) => (await store.querySpans({ rolloutId, sortBy: 'sequence_id' })).items

  it('judge what the agent left, out of its reach; their reward is the final one', async () => {
    const rolloutId = await runOne(
      {
        agent: rollout(async (_, { emit }) => {
          emit.message('the answer is 42')
          return 0.1
        }),
        scorers: [
          {
            name: 'correct',
            async score({ task, readSpans, emit }) {
              emit.annotation({ [spanAttributes.feedback]: 'short and right' })
              const said = (await readSpans()).map(({ attributes }) => attributes['agentlightning.message.body'])
              return said.includes(`the answer is ${String(task)}`) ? 1 : 0
            },
          },
          { name: 'length', score: () => 16 },
        ],
      },
      42,
    )
    const spans = await spansOf(rolloutId)
    expect(findFinalReward(spans)).toBe(1)
    expect(spans.at(-1)!.attributes).toMatchObject({
      'agentlightning.reward.1.name': 'length',
      'agentlightning.reward.1.value': 16,
      'agentlightning.tag.0': 'grader',
    })
    const operations = spans.filter(({ name }) => name === 'agentlightning.operation')
    expect(operations.map(({ attributes }) => [attributes['agentlightning.operation.name'], attributes['scorer']])).toEqual([
      ['agentlightning.reward', 'correct'],
      ['agentlightning.reward', 'length'],
    ])
    expect(spans.map(({ attributes }) => attributes['agl.feedback']).filter(Boolean)).toEqual(['short and right'])
    expect(await store.getLatestAttempt({ rolloutId })).toMatchObject({ outcome: 'scored' })
  })

  it('that fail are no fault of the agent, and are not asked when the agent failed', async () => {
    let asked = 0
    const scorers = [
      {
        name: 'broken',
        score() {
          asked += 1
          throw new Error('no judge')
        },
      },
    ]
    const judged = await runOne({ scorers })
    expect(await store.getLatestAttempt({ rolloutId: judged })).toMatchObject({
      outcome: 'infra_error',
      metadata: { error: { message: 'Scorer "broken" failed: no judge' } },
    })
    await runOne({ scorers, agent: rollout(() => Promise.reject(new Error('boom'))) })
    expect(asked).toBe(1)
    const nothing = await runOne({ scorers: [{ name: 'nan', score: () => Number.NaN }] })
    expect(await store.getLatestAttempt({ rolloutId: nothing })).toMatchObject({ outcome: 'infra_error' })
  })
})

describe('step', () => {
  it('runs one rollout past the queue, with resources that nobody else gets', async () => {
    const queued = await store.enqueueRollout({ input: 'queued' })
    const resources = { prompt: { resource_type: 'prompt_template', template: 'Say {x}', engine: 'f-string' } } as const
    const seen: unknown[] = []
    const agent = rollout<string>(async (task, { promptTemplate, rollout: { mode } }) => {
      seen.push(task, promptTemplate.template, mode)
      return 1
    })
    const ended = await createRunner({ store, agent, hooks: [listening()] }).step({ input: 'now', mode: 'val', resources })
    expect(ended).toMatchObject({ status: 'succeeded', input: 'now', mode: 'val' })
    expect(seen).toEqual(['now', 'Say {x}', 'val'])
    expect(heard).toHaveLength(5)
    expect(await store.getLatestResources()).toBeNull()
    expect(await store.getRolloutById({ rolloutId: queued.rollout_id })).toMatchObject({ status: 'queuing' })
  })

  it('throws what the agent threw, once the attempt is settled', async () => {
    const runner = createRunner({ store, agent: rollout(() => Promise.reject(new RangeError('too far'))) })
    await expect(runner.step({ input: 1 })).rejects.toThrow(RangeError)
    expect((await store.queryRollouts({})).items).toMatchObject([{ status: 'failed' }])
  })

  it('is cancelled by a signal that was aborted while the rollout was being made', async () => {
    const stop = new AbortController()
    const slow: LightningStore = {
      ...store,
      async startRollout(request) {
        const started = await store.startRollout(request)
        stop.abort(new Error('too late'))
        return started
      },
    }
    const agent = rollout((_, { signal }) => sleep(60_000, undefined, { signal, ref: false }))
    await expect(createRunner({ store: slow, agent, logger }).step({ input: 1, signal: stop.signal })).rejects.toThrow('too late')
    expect((await store.queryRollouts({})).items).toMatchObject([{ status: 'cancelled' }])
  })

  it('is cancelled by its signal', async () => {
    const stop = new AbortController()
    const agent = rollout(async (_, { signal }) => {
      stop.abort(new Error('enough'))
      await sleep(60_000, undefined, { signal })
    })
    await expect(createRunner({ store, agent, logger }).step({ input: 1, signal: stop.signal })).rejects.toThrow('enough')
    const [ended] = (await store.queryRollouts({})).items
    expect(ended).toMatchObject({ status: 'cancelled' })
    expect(await store.getLatestAttempt({ rolloutId: ended!.rollout_id })).toMatchObject({ outcome: 'cancelled' })
  })
})
