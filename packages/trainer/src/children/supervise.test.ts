import { describe, expect, it } from 'vitest'
import { isAlive, patienceMs, processFolder, type StrategyContractOptions, trainerOf, until } from '../conformance/harness.ts'
import { agentNamed, algorithm, enqueue, runAll } from '../conformance/tasks.ts'
import type { IpcOptions } from '../strategies/ipc.ts'
import { inheritedFlags } from './child.ts'

const limit = { timeout: 2 * patienceMs }
const ipc = (options: IpcOptions): StrategyContractOptions => ({
  name: 'ipc',
  strategy: { ...options, type: 'ipc' },
  hasProcesses: true,
})

describe('restarts', () => {
  it('are earned back by a runner that ran for a while', limit, async () => {
    const trainer = await trainerOf(ipc({ maxRestarts: 1, steadyAfterMs: 0 }), algorithm(runAll))
    await trainer.fit(agentNamed('exiting'), [1, 3, 5])
    expect((await trainer.store.queryRollouts({ statusIn: ['failed'] })).total).toBe(3)
  })

  it('end when there are none: the run fails at once', limit, async () => {
    const trainer = await trainerOf(ipc({ maxRestarts: 0 }), algorithm(runAll))
    await expect(trainer.fit(agentNamed('exiting'), [1, 2])).rejects.toMatchObject({
      code: 'no_runners',
      cause: { code: 'runner_died', data: { how: 'with exit code 3' } },
    })
  })
})

it('a process that hears nothing is killed in the end, and what it held goes back', limit, async () => {
  const { folder, pids } = processFolder()
  const leaving = algorithm(async ({ store }) => {
    await enqueue(store, [folder])
    await until(() => pids().length > 0)
  })
  const trainer = await trainerOf(ipc({ graceMs: 100, terminateMs: 100 }), leaving)
  await trainer.fit(agentNamed('blocking'), [])
  expect(pids().filter(isAlive)).toEqual([])
  expect(await trainer.store.queryRollouts()).toMatchObject({ items: [{ status: 'requeuing' }] })
})

it.each([
  [
    ['--inspect', '--conditions=x', '--test', '-C', 'y', '--import', 'tsx', '--max-old-space-size=1'],
    ['--conditions=x', '-C', 'y', '--import', 'tsx'],
  ],
  [['--prof', '--requirement', 'a'], []],
])('of the flags %j a child gets %j', (flags, inherited) => {
  expect(inheritedFlags(flags)).toEqual(inherited)
})
