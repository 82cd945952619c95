import { createMemoryStore } from '@agl/store-memory'
import type { AttemptOutcome, Rollout } from '@agl/types'
import { expect, it } from 'vitest'
import { createLedger, type Ledger, type Observation } from './ledger.ts'
import { experimentMetrics } from './metrics.ts'

const primary = { name: 'reward', metric: { ...experimentMetrics.reward(), range: [0, 1] as const } }

function ledgerOf(options: { readonly stragglersMs?: number; readonly isLive?: boolean } = {}): Ledger {
  const { stragglersMs = 60_000, isLive = true } = options
  return createLedger({ stragglersMs, primary }, { isLive })
}

async function begin(arms: readonly string[]): Promise<readonly Rollout[]> {
  const store = createMemoryStore()
  const rollouts = arms.map((arm) => ({ input: 1, labels: { 'agl.experiment': 'e', 'agl.experiment.arm': arm } }))
  const begun = await store.enqueueManyRollouts({ rollouts })
  await store.close()
  return begun
}

function said(
  { rollout_id: rolloutId, labels }: Rollout,
  reward: number | null,
  outcome: AttemptOutcome = 'scored',
): Observation {
  const arm = labels['agl.experiment.arm']!
  return { rolloutId, arm, key: rolloutId, revision: 1, resourcesId: 'r', version: 1, values: { reward }, outcome }
}

it('tells what an arm says in the order in which it was begun, whichever is finished first', async () => {
  const ledger = ledgerOf()
  const [first, second, third, other] = await begin(['a', 'a', 'a', 'b'])
  for (const rollout of [first!, second!, third!, other!]) ledger.note(rollout)
  ledger.fill(said(third!, 0))
  ledger.fill(said(second!, 0))
  ledger.fill(said(other!, 1))
  expect(ledger.drain().map(({ rolloutId }) => rolloutId)).toEqual([other!.rollout_id])
  ledger.fill(said(first!, 1))
  expect(ledger.drain().map(({ values }) => values['reward'])).toEqual([1, 0, 0])
  expect(ledger.drain()).toEqual([])
})

it('has one order of all arms in a run', async () => {
  const ledger = ledgerOf({ isLive: false })
  const [first, second] = await begin(['a', 'b'])
  ledger.note(first!)
  ledger.note(second!)
  ledger.fill(said(second!, 1))
  expect(ledger.drain()).toEqual([])
  ledger.fill(said(first!, 0))
  expect(ledger.drain().map(({ arm }) => arm)).toEqual(['a', 'b'])
})

it('leaves out what is not finished in time, and does not count it later', async () => {
  const ledger = ledgerOf({ stragglersMs: 0 })
  const [slow, quick] = await begin(['a', 'a'])
  ledger.note(slow!)
  ledger.note(quick!)
  ledger.fill(said(quick!, 1))
  await expect.poll(() => ledger.drain().length).toBe(1)
  expect(ledger.leftOut).toBe(1)
  ledger.fill(said(slow!, 0))
  expect(ledger.drain()).toEqual([])
})

it('waits for a reward that may yet come, unless it is told not to', async () => {
  const [rollout] = await begin(['a'])
  const ledger = ledgerOf()
  ledger.note(rollout!)
  expect(ledger.fill(said(rollout!, null, 'completed'))).toBe(false)
  expect(ledger.drain()).toEqual([])
  expect(ledger.fill(said(rollout!, 1))).toBe(true)
  expect(ledger.drain()).toHaveLength(1)
  const hasty = ledgerOf({ isLive: false })
  hasty.note(rollout!)
  expect(hasty.fill(said(rollout!, null, 'completed'))).toBe(true)
})
