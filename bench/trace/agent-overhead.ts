import { createMemoryStore } from '@agl/store-memory'
import { createOtelTracer, createTracedFetch, emitReward } from '@agl/tracer-otel'
import { openChild } from '../lib/child.ts'
import { type Cost, measureCost, spreadOf } from '../lib/measure.ts'
import { atMost, measuredPeer, type Result } from '../lib/result.ts'
import type { BenchContext, Scenario } from '../lib/scenario.ts'
import type { ModelVerbs } from './model-child.ts'

const delayMs = 20
/** Calls between two changes from recorded to not recorded: whatever the machine does meets both. */
const block = 25

/** A conversation of ten messages, 2.6 kB. */
const messages = Array.from({ length: 10 }, (_, index) => ({
  role: index === 0 ? 'system' : index % 2 === 1 ? 'user' : 'assistant',
  content: `message ${index}: what do three lamps and a chair cost, and are they in stock? `.repeat(3),
}))

type Fetch = typeof globalThis.fetch

async function callModel(fetch: Fetch, url: string, count: number): Promise<void> {
  const body = JSON.stringify({ model: 'slow', messages, temperature: 0.7 })
  for (let call = 0; call < count; call++) {
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const { choices } = (await response.json()) as { readonly choices: readonly unknown[] }
    if (choices.length !== 1) throw new Error('no answer')
  }
}

async function run({ isShort }: BenchContext): Promise<readonly Result[]> {
  const calls = isShort ? 200 : 1000
  const child = openChild<ModelVerbs>(new URL('model-child.ts', import.meta.url))
  const { port } = await child.call('start', { delayMs })
  const url = `http://127.0.0.1:${port}/v1/chat/completions`
  const store = createMemoryStore()
  const tracer = createOtelTracer()
  const traced = createTracedFetch()
  const { rollout_id: rolloutId, attempt } = await store.startRollout({ rollout: { input: null } })
  const recorded: Cost[] = []
  const plain: Cost[] = []
  await callModel(globalThis.fetch, url, block)
  await tracer.trace({ rolloutId, attemptId: attempt.attempt_id, sink: store }, async () => {
    await callModel(traced, url, block)
    for (let done = 0; done < calls; done += block) {
      const sides = [
        async () => recorded.push(await measureCost(block, () => callModel(traced, url, block))),
        async () => plain.push(await measureCost(block, () => callModel(globalThis.fetch, url, block))),
      ]
      for (const side of (done / block) % 2 === 0 ? sides : sides.toReversed()) await side()
    }
    emitReward(1)
  })
  const { total_spans: stored } = await store.statistics()
  if (stored !== calls + block + 1) throw new Error(`${stored} spans of ${calls + block + 1} are stored`)
  await tracer.close()
  await store.close()
  await child.close()
  const wall = (costs: readonly Cost[]): readonly number[] => costs.map(({ wallUs }) => wallUs)
  const usual = spreadOf(wall(plain)).median
  const overhead = recorded.map(({ wallUs }, index) => (100 * (wallUs - plain[index]!.wallUs)) / usual)
  const cpu = (costs: readonly Cost[]): readonly number[] => costs.map(({ cpuUs }) => cpuUs)
  const note = `${calls} calls one after the other, ${delayMs} ms each, beside as many that are not recorded, in turns of ${block}`
  return [
    {
      name: 'agent-overhead',
      unit: '% of wall time',
      better: 'lower',
      ours: spreadOf(overhead),
      peer: null,
      target: atMost('value', 2),
      note: `${note}; the least and the most are single turns`,
    },
    {
      name: 'agent-overhead-cpu',
      unit: 'us CPU/call',
      better: 'lower',
      ours: spreadOf(cpu(recorded)),
      peer: measuredPeer('the same, not recorded', cpu(plain)),
      target: null,
      note,
    },
  ]
}

export const agentOverhead: Scenario = {
  name: 'agent-overhead',
  title: `an agent of 1,000 model calls (${delayMs} ms each) with the traced fetch and without`,
  run,
}
