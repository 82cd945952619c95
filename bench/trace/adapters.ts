import { traceToMessages, traceToTokenRows, traceToTriplets } from '@agl/algorithms'
import { modelCallToSpans } from '@agl/model-calls'
import { createMemoryStore } from '@agl/store-memory'
import type { NewSpan, Span } from '@agl/types'
import { buildSpan, rewardToAttributes } from '@agl/types/spans'
import { interleave } from '../lib/interleave.ts'
import { type Cost, measureCost, spreadOf } from '../lib/measure.ts'
import { measuredPeer, type Result } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { mulberry32 } from '../lib/random.ts'
import { formatNumber } from '../lib/table.ts'

interface Place {
  readonly rolloutId: string
  readonly attemptId: string
}

const turns = 10

/** What an agent of ten turns leaves: an agent span, model calls that see all turns before, their tools, a reward each. */
function spansOfAgent(place: Place, random: () => number): readonly NewSpan[] {
  const ids = (count: number): number[] => Array.from({ length: count }, () => Math.floor(random() * 150_000))
  const text = (): string => `what do the lamp and the chair cost, and how many are there? ${random()} `.repeat(3)
  const agent = buildSpan({ ...place, name: 'clerk', attributes: { 'agent.name': 'clerk' }, startTime: 1, endTime: 100 })
  const spans: NewSpan[] = [agent]
  const messages: { role: string; content: string }[] = [{ role: 'system', content: text() }]
  let prompt = ids(64)
  for (let turn = 0; turn < turns; turn++) {
    messages.push({ role: 'user', content: text() })
    prompt = [...prompt, ...ids(32)]
    const tokenIds = ids(48)
    const answer = { role: 'assistant', content: text() }
    const startTime = 2 + turn * 3
    spans.push(
      ...modelCallToSpans({
        ...place,
        startTime,
        endTime: startTime + 1,
        failure: null,
        parent: agent.context,
        call: {
          operation: 'chat',
          model: 'policy',
          parameters: { temperature: 1 },
          messages: [...messages],
          tools: null,
          responseId: `r-${place.rolloutId}-${turn}`,
          responseModel: 'policy',
          modelVersion: null,
          choices: [{ message: answer, finishReason: 'stop', tokenIds, logprobs: null }],
          promptTokenIds: prompt,
          usage: { inputTokens: prompt.length, outputTokens: tokenIds.length },
        },
      }),
      buildSpan({
        ...place,
        name: 'tool',
        attributes: { 'tool.name': 'price' },
        startTime: startTime + 1,
        endTime: startTime + 2,
        parent: agent.context,
      }),
      buildSpan({
        ...place,
        name: 'agentlightning.annotation',
        attributes: rewardToAttributes(random()),
        startTime: startTime + 2,
        endTime: startTime + 2,
      }),
    )
    messages.push(answer)
    prompt = [...prompt, ...tokenIds]
  }
  return spans
}

const adapters = {
  triplets: traceToTriplets(),
  messages: traceToMessages(),
  rows: traceToTokenRows(),
} as const

const scenarioOf = (kind: keyof typeof adapters): Scenario => ({
  name: `adapter-${kind}`,
  title: `spans of agents of ${turns} turns as ${kind}; beside reading them from the memory store`,
  async run({ isShort, rounds }): Promise<readonly Result[]> {
    const random = mulberry32(1)
    const store = createMemoryStore()
    const rolloutIds: string[] = []
    for (let index = 0; index < (isShort ? 30 : 150); index++) {
      const { rollout_id: rolloutId, attempt } = await store.startRollout({ rollout: { input: null } })
      await store.addManySpans({ spans: spansOfAgent({ rolloutId, attemptId: attempt.attempt_id }, random) })
      rolloutIds.push(rolloutId)
    }
    const read = async (): Promise<readonly (readonly Span[])[]> => {
      const pages = rolloutIds.map((rolloutId) => store.querySpans({ rolloutId, sortBy: 'sequence_id', limit: -1 }))
      return (await Promise.all(pages)).map(({ items }) => items)
    }
    const traces = await read()
    const count = traces.reduce((sum, spans) => sum + spans.length, 0)
    const adapter = adapters[kind]
    let made = 0
    const ours = (): Promise<Cost> =>
      measureCost(count, () => {
        made = 0
        for (const spans of traces) made += adapter.adapt(spans).length
      })
    const peer = (): Promise<Cost> => measureCost(count, async () => void (await read()))
    const samples = await interleave({ rounds, warmUps: 2 }, { ours, peer })
    await store.close()
    const rate = (costs: readonly Cost[]): readonly number[] => costs.map(({ cpuUs }) => 1e6 / cpuUs)
    return [
      {
        name: `adapter-${kind}`,
        unit: 'spans per CPU second',
        better: 'higher',
        ours: spreadOf(rate(samples.ours)),
        peer: measuredPeer('reading them', rate(samples.peer)),
        target: null,
        note: `${formatNumber(count)} spans of ${rolloutIds.length} attempts made ${formatNumber(made)} ${kind}`,
      },
    ]
  },
})

export const adapterScenarios: readonly Scenario[] = [scenarioOf('triplets'), scenarioOf('messages'), scenarioOf('rows')]
