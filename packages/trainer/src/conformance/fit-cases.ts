import { rollout } from '@agl/runner'
import { findFinalReward } from '@agl/types/spans'
import { expect, test } from 'vitest'
import { patienceMs, processFolder, type StrategyContractOptions, trainerOf, until } from './harness.ts'
import { agentNamed, algorithm, enqueue, runAll } from './tasks.ts'

const limit = { timeout: 2 * patienceMs }

/** What holds wherever the runners are. */
export function describeFits(options: StrategyContractOptions): void {
  test("fit resolves to the algorithm's result, and every rollout is settled exactly once", limit, async () => {
    const rewards = algorithm(async (context) => {
      const ids = await runAll(context)
      return await Promise.all(
        ids.map(async (rolloutId) => findFinalReward((await context.store.querySpans({ rolloutId })).items)),
      )
    })
    const trainer = await trainerOf(options, rewards, { nRunners: 2, runner: { concurrency: 4 } })
    const tasks = Array.from({ length: 40 }, (_, index) => index)
    expect(await trainer.fit(agentNamed('double'), tasks)).toEqual(tasks.map((task) => task * 2))
    const { items } = await trainer.store.queryRollouts()
    expect(items.map(({ status }) => status)).toEqual(tasks.map(() => 'succeeded'))
    for (const { rollout_id: rolloutId } of items) {
      expect(await trainer.store.queryAttempts({ rolloutId })).toMatchObject({ items: [{ outcome: 'scored' }] })
    }
  })

  test('the end of the algorithm stops the runners: what comes later stays in the queue', limit, async () => {
    const trainer = await trainerOf(options, algorithm(runAll), { nRunners: 2 })
    await trainer.fit(agentNamed('double'), [1, 2, 3])
    await enqueue(trainer.store, [4])
    expect((await trainer.store.queryRollouts({ statusIn: ['queuing'] })).total).toBe(1)
    expect((await trainer.store.queryWorkers()).items.filter(({ status }) => status === 'busy')).toEqual([])
  })

  test('an algorithm that ends while work is under way: the work is handed back', limit, async () => {
    const { folder, pids } = processFolder()
    const leaving = algorithm(async ({ store }) => {
      const [id] = await enqueue(store, [folder])
      await until(() => pids().length > 0)
      return id
    })
    const trainer = await trainerOf(options, leaving)
    const rolloutId = (await trainer.fit(agentNamed('endless'), []))!
    expect(await trainer.store.getRolloutById({ rolloutId })).toMatchObject({ status: 'requeuing' })
  })

  test('an algorithm that throws: its own error, and the runners are stopped', limit, async () => {
    const error = new Error('no idea')
    const broken = algorithm(async ({ store }) => {
      await store.waitForRollouts({ rolloutIds: await enqueue(store, [1]) })
      throw error
    })
    const trainer = await trainerOf(options, broken)
    await expect(trainer.fit(agentNamed('double'), [])).rejects.toBe(error)
  })

  test('an agent that throws: its rollouts fail, the run goes on', limit, async () => {
    const trainer = await trainerOf(options, algorithm(runAll))
    await trainer.fit(agentNamed('throwing'), [1, 2])
    const { items } = await trainer.store.queryRollouts()
    for (const { rollout_id: rolloutId } of items) {
      expect(await trainer.store.queryAttempts({ rolloutId })).toMatchObject({
        items: [{ status: 'failed', outcome: 'agent_error', metadata: { error: { message: /no idea about/ } } }],
      })
    }
  })

  test('all runners gone: the algorithm does not wait for ever', limit, async () => {
    const trainer = await trainerOf(options, algorithm(runAll), { nRunners: 2, runner: { maxRollouts: 1 } })
    await expect(trainer.fit(agentNamed('double'), [1, 2, 3])).rejects.toMatchObject({ code: 'no_runners' })
  })

  test('a signal that was aborted before: nothing begins', limit, async () => {
    let hasRun = false
    const trainer = await trainerOf(
      options,
      algorithm(async () => {
        hasRun = true
      }),
    )
    const reason = new Error('never mind')
    await expect(trainer.fit(agentNamed('double'), [], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(hasRun).toBe(false)
  })

  test('a signal that is aborted meanwhile: fit rejects with its reason, and the work is handed back', limit, async () => {
    const { folder, pids } = processFolder()
    const stop = new AbortController()
    const trainer = await trainerOf(options, algorithm(runAll))
    const fitting = trainer.fit(agentNamed('endless'), [folder], { signal: stop.signal })
    const ending = fitting.catch((error: unknown) => error)
    await until(() => pids().length > 0)
    stop.abort(new Error('that is enough'))
    expect(await ending).toMatchObject({ message: 'that is enough' })
    expect(await trainer.store.queryRollouts()).toMatchObject({ items: [{ status: 'requeuing' }] })
  })

  test('another concurrency while runners run', limit, async () => {
    const { folder, pids } = processFolder()
    const leaving = algorithm(async ({ store }) => {
      const busy = async (): Promise<number> => (await store.queryRollouts({ statusIn: ['preparing', 'running'] })).total
      await enqueue(store, [folder, folder, folder, folder])
      await until(() => pids().length > 0)
      const before = await busy()
      trainer.setConcurrency(3)
      await until(async () => (await busy()) === 3)
      return before
    })
    const trainer = await trainerOf(options, leaving)
    expect(await trainer.fit(agentNamed('endless'), [])).toBe(1)
    expect(() => trainer.setConcurrency(0)).toThrow(/concurrency of runners/)
  })

  test('two fits one after the other', limit, async () => {
    const trainer = await trainerOf(
      options,
      algorithm(async (context) => (await runAll(context)).length),
    )
    expect(await trainer.fit(agentNamed('double'), [1])).toBe(1)
    expect(await trainer.fit(agentNamed('throwing'), [1, 2])).toBe(2)
  })

  test.each([
    ['nobody', 'nobody', /"nobody"; it exports .*double/],
    ['no agent', 'motto', /to be an agent.*it is "be kind"/],
  ])('an agent module that exports %s is refused before the algorithm runs', limit, async (_what, name, text) => {
    let hasRun = false
    const trainer = await trainerOf(
      options,
      algorithm(async () => {
        hasRun = true
      }),
    )
    await expect(trainer.fit(agentNamed(name), [])).rejects.toThrow(text)
    expect(hasRun).toBe(false)
  })

  test.runIf(options.hasProcesses)('an agent of this program alone is refused, with what to write instead', limit, async () => {
    const trainer = await trainerOf(options, algorithm(runAll))
    const clerk = rollout(() => 1)
    await expect(trainer.fit(clerk, [1])).rejects.toThrow(/`clerk` .*[\s\S]*agentModule\(new URL\('\.\/clerk\.[jt]s'/)
  })
}
