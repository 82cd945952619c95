import { createMemoryStore } from '@agl/store-memory'
import type { Rollout } from '@agl/types'
import { interleave } from '../lib/interleave.ts'
import { nextTimer } from '../lib/loop-delay.ts'
import { measureCost, percentile, spreadOf } from '../lib/measure.ts'
import { atMost, constantPeer, measuredPeer } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import { createMapStore } from '../peers/map-store.ts'
import { referenceWaitPollMs } from '../peers/python-reference.ts'
import { claimNew } from './stores.ts'

const waitedIds = 5_000
const fewIds = 50

/** Scenario 10: waits are woken by what they wait for, and cost nothing while nothing happens. */
export const waitLatency: Scenario = {
  name: 'wait-latency',
  title: 'succeeded -> waitForRollouts resolves; one wait on 5,000 ids; beside a bare callback, short waits, and idling',
  run: async ({ isShort, rounds }) => {
    const waits = isShort ? 500 : 2_000
    const idleMs = isShort ? 200 : 1_000
    const latencies = await interleave({ rounds }, { ours: () => storeLatencies(waits), peer: () => bareLatencies(waits) })
    const completions = await interleave(
      { rounds },
      { ours: () => completionCost(waitedIds), peer: () => completionCost(fewIds) },
    )
    const idling = await interleave(
      { rounds, warmUps: 0 },
      { ours: () => idleCost(idleMs, { isWaited: true }), peer: () => idleCost(idleMs, { isWaited: false }) },
    )
    const at = (rank: number, samples: readonly (readonly number[])[]): readonly number[] =>
      samples.map((sample) => percentile(sample, rank))
    return [
      {
        name: 'wait-latency',
        unit: 'ms p50',
        better: 'lower',
        ours: spreadOf(at(0.5, latencies.ours)),
        peer: measuredPeer('bare Map store, callback', at(0.5, latencies.peer)),
        target: atMost('value', 1),
        note: `${formatNumber(waits)} waits one after the other; from the call of updateAttempt until the wait has resolved`,
      },
      {
        name: 'wait-latency-p99',
        unit: 'ms p99',
        better: 'lower',
        ours: spreadOf(at(0.99, latencies.ours)),
        peer: measuredPeer('bare Map store, callback', at(0.99, latencies.peer)),
        target: null,
      },
      {
        name: 'wait-latency-5000-ids',
        unit: 'us CPU/completion',
        better: 'lower',
        ours: spreadOf(completions.ours),
        peer: measuredPeer('100 waits on 50 ids each', completions.peer),
        target: atMost('ratio', 1.5),
        note: 'updateAttempt of each of 5,000 rollouts that one call waits for, the wait included: must not grow with the ids of the wait',
      },
      {
        name: 'wait-latency-idle',
        unit: 'ms CPU/s',
        better: 'lower',
        ours: spreadOf(idling.ours),
        peer: constantPeer('Python reference, one look at 5,000 ids', referenceWaitPollMs),
        target: atMost('value', 5),
        note: `one call waits for 5,000 ids and nothing happens; the same process without a wait: ${formatNumber(spreadOf(idling.peer).median)} ms`,
      },
    ]
  },
}

async function storeLatencies(waits: number): Promise<readonly number[]> {
  const store = createMemoryStore()
  const keys = await claimNew(store, waits)
  const latencies: number[] = []
  for (const key of keys) {
    let end = Number.NaN
    const waiting = store
      .waitForRollouts({ rolloutIds: [key.rolloutId], timeoutMs: 60_000 })
      .then(() => (end = performance.now()))
    await nextTimer()
    const start = performance.now()
    await store.updateAttempt({ ...key, status: 'succeeded' })
    await waiting
    latencies.push(end - start)
  }
  await store.close()
  return latencies
}

async function bareLatencies(waits: number): Promise<readonly number[]> {
  const store = createMapStore({ isFrozen: true })
  const latencies: number[] = []
  for (let index = 0; index < waits; index++) {
    store.enqueue({ task: index }, 'train')
    const claimed = store.dequeue('setup')!
    let end = Number.NaN
    const waiting = new Promise<void>((resolve) => store.onFinished(claimed.rollout_id, () => resolve())).then(
      () => (end = performance.now()),
    )
    await nextTimer()
    const start = performance.now()
    store.succeed(claimed.rollout_id, claimed.attempt.attempt_id)
    await waiting
    latencies.push(end - start)
  }
  return latencies
}

/** Of 5,000 rollouts that are all waited for, by calls of so many ids each; the waits themselves included. */
async function completionCost(idsPerWait: number): Promise<number> {
  const store = createMemoryStore()
  const keys = await claimNew(store, waitedIds)
  const { cpuUs } = await measureCost(waitedIds, async () => {
    const waits: Promise<readonly Rollout[]>[] = []
    for (let start = 0; start < keys.length; start += idsPerWait) {
      const rolloutIds = keys.slice(start, start + idsPerWait).map(({ rolloutId }) => rolloutId)
      waits.push(store.waitForRollouts({ rolloutIds }))
    }
    for (const key of keys) await store.updateAttempt({ ...key, status: 'succeeded' })
    const finished = await Promise.all(waits)
    if (finished.flat().length !== waitedIds) throw new Error('A wait ended before its rollouts.')
  })
  await store.close()
  return cpuUs
}

/** CPU milliseconds per second of doing nothing. */
async function idleCost(idleMs: number, { isWaited }: { readonly isWaited: boolean }): Promise<number> {
  const store = createMemoryStore()
  const keys = await claimNew(store, waitedIds)
  const waiting = isWaited ? store.waitForRollouts({ rolloutIds: keys.map(({ rolloutId }) => rolloutId) }) : null
  // Closing ends the wait with an error, which is not what is measured.
  waiting?.catch(() => undefined)
  await nextTimer(50)
  const { cpuUs } = await measureCost(1, () => nextTimer(idleMs))
  await store.close()
  return cpuUs / idleMs
}
