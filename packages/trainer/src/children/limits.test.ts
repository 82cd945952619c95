import { createPrometheusMetrics } from '@agl/store-http/metrics'
import type { LightningStore } from '@agl/types'
import { describe, expect, it } from 'vitest'
import { patienceMs, type StrategyContractOptions, trainerOf } from '../conformance/harness.ts'
import { agentNamed, algorithm, runAll } from '../conformance/tasks.ts'
import type { IpcOptions } from '../strategies/ipc.ts'
import { createTrainer } from '../trainer.ts'

const limit = { timeout: 2 * patienceMs }
const ipc = (options: IpcOptions): StrategyContractOptions => ({
  name: 'ipc',
  strategy: { ...options, type: 'ipc' },
  hasProcesses: true,
})

async function attemptsOf(store: LightningStore): Promise<readonly unknown[]> {
  const { items } = await store.queryRollouts({ sortBy: 'start_time', sortOrder: 'asc' })
  const pages = await Promise.all(items.map(({ rollout_id: rolloutId }) => store.queryAttempts({ rolloutId })))
  return pages.flatMap((page) => page.items)
}

async function valueOf(metrics: ReturnType<typeof createPrometheusMetrics>, line: string): Promise<number> {
  const found = (await metrics.read()).text.split('\n').find((text) => text.startsWith(`${line} `))
  return found === undefined ? 0 : Number(found.slice(line.length + 1))
}

describe('memory', () => {
  it('a process above its limit finishes what it runs and is replaced, which is no crash', limit, async () => {
    const metrics = createPrometheusMetrics()
    const trainer = await trainerOf(ipc({ maxMemoryMb: 350, maxRestarts: 0 }), algorithm(runAll), { metrics })
    await trainer.fit(agentNamed('hoarding'), Array<number>(4).fill(150))
    expect(await attemptsOf(trainer.store)).toMatchObject([1, 2, 3, 4].map(() => ({ status: 'succeeded', outcome: 'scored' })))
    expect(await valueOf(metrics, 'agl_trainer_runner_restarts_total{reason="memory_limit"}')).toBeGreaterThan(0)
    // What they counted is here, and what they were doing is over.
    expect(await valueOf(metrics, 'agl_runner_attempts_total{outcome="scored",mode="unknown"}')).toBe(4)
    expect(await valueOf(metrics, 'agl_trainer_runner_processes')).toBe(0)
    expect((await metrics.read()).text).not.toContain('worker_id=')
  })

  it('what does not end meanwhile fails by the limit, and is not handed to the next one', limit, async () => {
    const trainer = await trainerOf(ipc({ maxMemoryMb: 350, memoryGraceMs: 100, maxRestarts: 0 }), algorithm(runAll))
    await trainer.fit(agentNamed('clinging'), [300])
    expect(await attemptsOf(trainer.store)).toMatchObject([
      { outcome: 'infra_error', metadata: { error: { code: 'memory_limit', message: /`maxMemoryMb` allows 350/ } } },
    ])
  })

  it('one far beyond it is killed, whatever it is busy with, and the others go on', limit, async () => {
    const warned: unknown[] = []
    const logger = { debug() {}, info() {}, error() {}, warn: (...line: unknown[]) => void warned.push(line) }
    const trainer = await trainerOf(ipc({ maxMemoryMb: 350, maxRestarts: 1 }), algorithm(runAll), { logger })
    await trainer.fit(agentNamed('greedy'), [0, 30, 0])
    const attempts = await attemptsOf(trainer.store)
    expect(attempts).toMatchObject([
      { outcome: 'scored' },
      { outcome: 'unresponsive', metadata: { error: { code: 'memory_limit', message: /was killed/ } } },
      { outcome: 'scored' },
    ])
    expect(warned).toContainEqual([
      'A runner process ended; it is started again',
      expect.objectContaining({ component: 'strategy', error: expect.stringContaining('maxMemoryMb') }),
    ])
  })

  it('a limit that no process keeps ends the run and says so', limit, async () => {
    const trainer = await trainerOf(ipc({ maxMemoryMb: 64, memoryGraceMs: 100, maxRestarts: 0 }), algorithm(runAll))
    await expect(trainer.fit(agentNamed('clinging'), [1])).rejects.toMatchObject({
      code: 'no_runners',
      cause: { code: 'memory_limit' },
    })
  })
})

it('a process whose loop stands still is killed, and another one does the rest', limit, async () => {
  const trainer = await trainerOf(ipc({ maxRestarts: 1 }), algorithm(runAll), { runner: { maxStallMs: 1000 } })
  await trainer.fit(agentNamed('spinning'), [60_000, 0])
  expect(await attemptsOf(trainer.store)).toMatchObject([
    { outcome: 'unresponsive', metadata: { error: { code: 'runner_stalled', message: /`maxStallMs` allows 1 s/ } } },
    { outcome: 'scored' },
  ])
})

it('the strategy of one process has no such limits, and says where they are', () => {
  const strategy = { type: 'shm', maxMemoryMb: 512 } as unknown as 'shm'
  expect(() => createTrainer({ algorithm: algorithm(runAll), strategy })).toThrow("strategy: { type: 'ipc', maxMemoryMb: … }")
})
