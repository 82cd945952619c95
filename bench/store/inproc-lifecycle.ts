import { createMemoryStore } from '@agl/store-memory'
import type { LightningStore } from '@agl/types'
import { interleave } from '../lib/interleave.ts'
import { type Cost, measureCost, spreadOf } from '../lib/measure.ts'
import { atLeast, constantPeer, measuredPeer, type Result } from '../lib/result.ts'
import type { BenchContext, Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import { createMapStore } from '../peers/map-store.ts'
import { referenceLifecycle } from '../peers/python-reference.ts'
import { spanTexts } from '../peers/spans.ts'
import { address, parseFresh, parseFreshNew, withoutSequence } from './fresh-spans.ts'
import { keyOf } from './stores.ts'

const spansPerRollout = 10
const workers = 64

/** Scenario 1: what a rollout costs from end to end, when nothing but the store works. */
export const inprocLifecycle: Scenario = {
  name: 'inproc-lifecycle',
  title: 'enqueue, dequeue, 10 std spans, succeeded; beside a bare frozen Map store',
  run: async ({ isShort, rounds }: BenchContext): Promise<readonly Result[]> => {
    const count = isShort ? 1_000 : 5_000
    const texts = spanTexts('std', 256)
    const newTexts = withoutSequence(texts)
    const { ours, peer } = await interleave(
      { rounds, warmUps: 2 },
      { ours: () => runLifecycle(createMemoryStore(), newTexts, count, 'bulk'), peer: () => runBare(texts, count) },
    )
    const singles = await interleave(
      { rounds },
      { ours: () => runLifecycle(createMemoryStore(), newTexts, count, 'single'), peer: () => runBare(texts, count) },
    )
    const cpu = rates(ours, 'cpuUs')
    const wall = rates(ours, 'wallUs')
    const describe = (costs: readonly Cost[]): string =>
      `${formatNumber(spreadOf(costs.map(({ cpuUs }) => cpuUs)).median)} us CPU a rollout, ${formatNumber(spreadOf(rates(costs, 'wallUs')).median)} rollouts/s by the wall`
    const unit = 'rollouts/CPU-s'
    const bare = 'bare frozen Map store'
    return [
      {
        name: 'inproc-lifecycle',
        unit,
        better: 'higher',
        ours: spreadOf(cpu),
        peer: measuredPeer(bare, rates(peer, 'cpuUs')),
        target: atLeast('ratio', 0.5),
        note: `${formatNumber(count)} rollouts, spans by addManySpans: ${describe(ours)}; peer ${describe(peer)}`,
      },
      {
        name: 'inproc-lifecycle-reference',
        unit: 'rollouts/s wall',
        better: 'higher',
        ours: spreadOf(wall),
        peer: constantPeer('Python reference, frozen', referenceLifecycle.typical, referenceLifecycle.range),
        target: atLeast('ratio', 10),
      },
      {
        name: 'inproc-lifecycle-single',
        unit,
        better: 'higher',
        ours: spreadOf(rates(singles.ours, 'cpuUs')),
        peer: measuredPeer(bare, rates(singles.peer, 'cpuUs')),
        target: null,
        note: `the same with ten addSpan calls: ${describe(singles.ours)}`,
      },
    ]
  },
}

function rates(costs: readonly Cost[], by: keyof Cost): readonly number[] {
  return costs.map((cost) => 1e6 / cost[by])
}

/** The whole life of `count` rollouts in a fresh store, which is closed at the end. */
export async function runLifecycle(
  store: LightningStore,
  texts: readonly string[],
  count: number,
  how: 'bulk' | 'single',
): Promise<Cost> {
  const spans = parseFreshNew(texts, count * spansPerRollout)
  const cost = await measureCost(count, async () => {
    for (let index = 0; index < count; index++) await store.enqueueRollout({ input: { task: index }, mode: 'train' })
    let used = 0
    for (let index = 0; index < count; index++) {
      const claimed = await store.dequeueRollout({ workerId: `w${index % workers}` })
      const key = keyOf(claimed!)
      const batch = spans.slice(used, used + spansPerRollout)
      for (const span of batch) address(span, key, used++)
      if (how === 'bulk') await store.addManySpans({ spans: batch })
      else for (const span of batch) await store.addSpan(span)
      await store.updateAttempt({ ...key, status: 'succeeded' })
    }
  })
  await store.close()
  return cost
}

function runBare(texts: readonly string[], count: number): Promise<Cost> {
  const store = createMapStore({ isFrozen: true })
  const spans = parseFresh(texts, count * spansPerRollout)
  return measureCost(count, () => {
    for (let index = 0; index < count; index++) store.enqueue({ task: index }, 'train')
    let used = 0
    for (let index = 0; index < count; index++) {
      const key = keyOfBare(store.dequeue(`w${index % workers}`)!)
      for (let span = 0; span < spansPerRollout; span++) {
        const next = spans[used]!
        address(next, key, used++)
        next.sequence_id = store.nextSequenceId(key.rolloutId, key.attemptId)
        store.addSpan(next)
      }
      store.succeed(key.rolloutId, key.attemptId)
    }
  })
}

function keyOfBare(claimed: { readonly rollout_id: string; readonly attempt: { readonly attempt_id: string } }): {
  readonly rolloutId: string
  readonly attemptId: string
} {
  return { rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id }
}
