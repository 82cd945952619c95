import { expect, test } from 'vitest'
import type { Cell, StoreName, StrategyName } from './cells.ts'
import { type CaseOptions, runCase } from './run-case.ts'

const sizes: Omit<CaseOptions, 'strategy' | 'store' | 'cell'> = { seed: 1, rollouts: 8, leaseMs: 1500, giveUpMs: 180_000 }
const limit = { timeout: 200_000 }

/** One for each strategy and store; `pnpm faults --seeds 50` runs the rest. */
const cases: readonly (readonly [StrategyName, StoreName, Cell['victim'], Cell['way'], Cell['phase']])[] = [
  ['shm', 'memory', 'program', 'block', 'running'],
  ['shm', 'sqlite', 'program', 'kill', 'settling'],
  ['shm', 'redis', 'redis', 'kill', 'claim-reply'],
  ['ipc', 'memory', 'runner', 'kill', 'spans'],
  ['ipc', 'sqlite', 'program', 'kill', 'claimed'],
  ['ipc', 'redis', 'connection', 'cut', 'before-settle'],
  ['cs', 'memory', 'connection', 'cut', 'settling'],
  ['cs', 'sqlite', 'server', 'kill', 'claim-reply'],
  ['cs', 'redis', 'runner', 'stall', 'running'],
]

test.concurrent.each(cases)('%s over %s: %s %s at %s', limit, async (strategy, store, victim, way, phase) => {
  const report = await runCase({ ...sizes, strategy, store, cell: { victim, way, phase } })
  expect(report).toMatchObject({ violations: [], isDataGone: false })
})

test.concurrent('a program whose data is gone with it leaves nothing else behind', limit, async () => {
  const cell: Cell = { victim: 'program', way: 'kill', phase: 'waiting' }
  const report = await runCase({ ...sizes, strategy: 'ipc', store: 'memory', cell })
  expect(report).toMatchObject({ violations: [], isDataGone: true })
})

test.concurrent('a settlement that the store acknowledges and drops is found', limit, async () => {
  const { violations } = await runCase({ ...sizes, strategy: 'shm', store: 'memory', cell: null, plant: 'drop-settle' })
  expect(violations).toEqual([
    { kind: 'untruthful', detail: expect.stringMatching(/acknowledged that attempt .* has succeeded/) },
  ])
})

test.concurrent('a runner that does not hand back what it holds is found', limit, async () => {
  // A lease that is not over before anybody looks, however busy the machine is.
  const place = { strategy: 'shm', store: 'memory', leaseMs: 10_000 } as const
  const { violations } = await runCase({ ...sizes, ...place, cell: null, plant: 'no-release' })
  expect(violations).toEqual([{ kind: 'held', detail: '1 claims were held after fit had resolved' }])
})
