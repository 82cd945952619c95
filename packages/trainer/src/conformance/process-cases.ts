import { expect, test } from 'vitest'
import { isAlive, patienceMs, processFolder, type StrategyContractOptions, trainerOf, until } from './harness.ts'
import { agentNamed, algorithm, enqueue, runAll } from './tasks.ts'

const limit = { timeout: 2 * patienceMs }
const retried = { config: { max_attempts: 2, retry_condition: ['unresponsive' as const] } }

/** What holds where runners have processes of their own. */
export function describeProcesses(options: StrategyContractOptions): void {
  test('an agent that ends its process: its rollout is over, another process does the rest', limit, async () => {
    const trainer = await trainerOf(options, algorithm(runAll))
    await trainer.fit(agentNamed('exiting'), [0, 1, 2])
    const { items } = await trainer.store.queryRollouts({ sortBy: 'start_time', sortOrder: 'asc' })
    expect(items.map(({ input, status }) => [input, status])).toEqual([
      [0, 'succeeded'],
      [1, 'failed'],
      [2, 'succeeded'],
    ])
    const attempts = await trainer.store.queryAttempts({ rolloutId: items[1]!.rollout_id })
    expect(attempts).toMatchObject({ items: [{ outcome: 'unresponsive' }] })
  })

  test('a runner that is killed: its rollout is tried again as its policy says, in another process', limit, async () => {
    const { folder, pids } = processFolder()
    const killing = algorithm(async ({ store }) => {
      const [rolloutId] = await enqueue(store, [folder], retried)
      await until(() => pids().length === 1)
      const [first] = pids()
      process.kill(first!, 'SIGKILL')
      await until(() => pids().length === 2)
      return { rolloutId: rolloutId!, first: first! }
    })
    const trainer = await trainerOf(options, killing)
    const { rolloutId, first } = (await trainer.fit(agentNamed('endless'), []))!
    expect(pids().filter(isAlive)).toEqual([])
    expect(pids()).toContain(first)
    expect((await trainer.store.queryAttempts({ rolloutId })).items.map(({ status }) => status)).toContain('unresponsive')
  })

  test('runners that die again and again: the run fails, with the last words of the process', limit, async () => {
    const trainer = await trainerOf(options, algorithm(runAll))
    const failure = {
      code: 'no_runners',
      message: expect.stringContaining('these are my last words'),
      cause: expect.objectContaining({ code: 'runner_died' }),
    }
    await expect(trainer.fit(agentNamed('dying'), [1, 2, 3, 4, 5, 6])).rejects.toMatchObject(failure)
  })

  test('an agent that ignores its signal is ended with its process', limit, async () => {
    const { folder, pids } = processFolder()
    const leaving = algorithm(async ({ store }) => {
      await enqueue(store, [folder])
      await until(() => pids().length > 0)
    })
    const trainer = await trainerOf(options, leaving)
    await trainer.fit(agentNamed('stubborn'), [])
    expect(pids().filter(isAlive)).toEqual([])
    expect(await trainer.store.queryRollouts()).toMatchObject({ items: [{ status: 'requeuing' }] })
  })
}
