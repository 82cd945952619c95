import { createMemoryStore } from '@agl/store-memory'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openChild } from '../lib/child.ts'
import { interleave } from '../lib/interleave.ts'
import { nextTimer } from '../lib/loop-delay.ts'
import { type Cost, percentile, spreadOf } from '../lib/measure.ts'
import { atMost, measuredPeer } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import { spanTexts } from '../peers/spans.ts'
import { withoutSequence } from './fresh-spans.ts'
import { runLifecycle } from './inproc-lifecycle.ts'
import type { SqliteVerbs } from './sqlite-child.ts'
import { loadSqlite } from './stores.ts'

/** Work that one process puts into the file reaches a parked call of another. */
export const sqliteWake: Scenario = {
  name: 'sqlite-wake',
  title: 'enqueue in one process -> a parked dequeue of another has it',
  run: async ({ isShort, rounds }) => {
    await loadSqlite()
    const wakes = isShort ? 20 : 100
    const samples: (readonly number[])[] = []
    for (let round = 0; round < rounds; round++) samples.push(await measureWakes(wakes))
    const at = (rank: number): readonly number[] => samples.map((sample) => percentile(sample, rank))
    return [
      {
        name: 'sqlite-wake',
        unit: 'ms p50',
        better: 'lower',
        ours: spreadOf(at(0.5)),
        peer: null,
        target: atMost('value', 25),
        note: `${formatNumber(wakes)} wakes one after the other, two processes on one file`,
      },
      { name: 'sqlite-wake-p99', unit: 'ms p99', better: 'lower', ours: spreadOf(at(0.99)), peer: null, target: null },
    ]
  },
}

/** What durability costs: scenario 1 on a file. */
export const sqliteLifecycle: Scenario = {
  name: 'sqlite-lifecycle',
  title: 'inproc-lifecycle on a file; beside the memory store; for information',
  run: async ({ isShort, rounds }) => {
    const { createSqliteStore } = await loadSqlite()
    const count = isShort ? 200 : 2_000
    const texts = withoutSequence(spanTexts('std', 256))
    const folder = await mkdtemp(join(tmpdir(), 'agl-bench-'))
    let files = 0
    try {
      const { ours, peer } = await interleave(
        { rounds },
        {
          ours: () => runLifecycle(createSqliteStore({ file: join(folder, `${files++}.db`) }), texts, count, 'bulk'),
          peer: () => runLifecycle(createMemoryStore(), texts, count, 'bulk'),
        },
      )
      const cpu = (costs: readonly Cost[]): readonly number[] => costs.map(({ cpuUs }) => cpuUs)
      const wall = spreadOf(ours.map(({ wallUs }) => 1e6 / wallUs)).median
      return [
        {
          name: 'sqlite-lifecycle',
          unit: 'us CPU/rollout',
          better: 'lower',
          ours: spreadOf(cpu(ours)),
          peer: measuredPeer('memory store', cpu(peer)),
          target: null,
          note: `${formatNumber(count)} rollouts with 10 std spans; ${formatNumber(wall)} rollouts/s by the wall`,
        },
      ]
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}

async function measureWakes(wakes: number): Promise<readonly number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'agl-bench-'))
  const open = (): ReturnType<typeof openChild<SqliteVerbs>> =>
    openChild<SqliteVerbs>(new URL('./sqlite-child.ts', import.meta.url))
  const [waiting, working] = [open(), open()]
  try {
    const file = join(folder, 'store.db')
    await waiting.call('open', { file })
    await working.call('open', { file })
    const latencies: number[] = []
    for (let task = 0; task < wakes; task++) {
      const woken = waiting.call('dequeue', { waitMs: 10_000 })
      // At no fixed place between two looks of a store that looks now and then.
      await nextTimer(30 + (task % 17))
      const start = await working.call('enqueue', { task })
      const end = await woken
      if (end === null) throw new Error('The parked dequeue never got the rollout.')
      latencies.push(end - start)
    }
    return latencies
  } finally {
    for (const child of [waiting, working]) {
      await child.call('close', null)
      await child.close()
    }
    await rm(folder, { recursive: true, force: true })
  }
}
