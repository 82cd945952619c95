import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createSqliteStore } from '@agl/store-sqlite'
import type { LightningStore } from '@agl/types'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { foldersOf, isAlive, patienceMs, processFolder, until } from '../conformance/harness.ts'
import { agentNamed, algorithm, enqueue, runAll } from '../conformance/tasks.ts'
import type { TrainerOptions } from '../options.ts'
import { createTrainer, type Trainer } from '../trainer.ts'
import type { CsOptions } from './cs-options.ts'

const limit = { timeout: 2 * patienceMs }

function trainerOf<Result>(
  run: Parameters<typeof algorithm<Result>>[0],
  strategy: CsOptions,
  more: Partial<TrainerOptions> = {},
): Trainer<Result | undefined, unknown> {
  const trainer = createTrainer<Result>({ ...more, algorithm: algorithm(run), strategy: { ...strategy, type: 'cs' } })
  if (more.store === undefined) onTestFinished(() => trainer.store.close())
  return trainer
}

const never = (): Promise<never> => Promise.reject(new Error('the algorithm runs elsewhere'))

/** An algorithm that serves, and the port that it is found at. */
async function serve<Result>(
  run: Parameters<typeof algorithm<Result>>[0],
  options: CsOptions = {},
  { agent = 'double', ...more }: Partial<TrainerOptions> & { readonly agent?: string } = {},
) {
  const listening = Promise.withResolvers<number>()
  const onListening = (url: string): void => listening.resolve(Number(new URL(url).port))
  const trainer = trainerOf(run, { role: 'algorithm', port: 0, onListening, ...options }, more)
  const fitting = trainer.fit(agentNamed(agent), [1, 2, 3])
  const ending = fitting.then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  )
  return { trainer, ending, port: await listening.promise }
}

describe('algorithm here, runners elsewhere', () => {
  it.each([1, 2])('%i runner(s): the end reaches them', limit, async (nRunners) => {
    const { ending, port } = await serve(async (context) => (await runAll(context)).length)
    const runners = trainerOf(never, { role: 'runner', port, nRunners })
    expect(await runners.fit(agentNamed('double'), [])).toBeUndefined()
    expect(await ending).toEqual({ result: 3 })
  })

  it('runners that work at the end finish within the grace', limit, async () => {
    const { folder, pids } = processFolder()
    const { trainer, ending, port } = await serve(
      async ({ store }) => {
        const [id] = await enqueue(store, [folder])
        await until(() => pids().length > 0)
        return id
      },
      { drainMs: 20_000 },
    )
    const runner = { shutdownGraceMs: 60_000, leaseMs: 600 }
    const runners = trainerOf(never, { role: 'runner', port }, { runner })
    expect(await runners.fit(agentNamed('lingering'), [])).toBeUndefined()
    const { result: rolloutId } = (await ending) as { result: string }
    expect(await trainer.store.getRolloutById({ rolloutId })).toMatchObject({ status: 'succeeded' })
  })

  it('those that take longer are told by their heartbeat, and hand their work back', limit, async () => {
    const { folder, pids } = processFolder()
    const { trainer, ending, port } = await serve(
      async ({ store }) => {
        const [id] = await enqueue(store, [folder])
        await until(() => pids().length > 0)
        return id
      },
      { drainMs: 1_000 },
    )
    const runner = { shutdownGraceMs: 60_000, leaseMs: 600, abortGraceMs: 50 }
    const runners = trainerOf(never, { role: 'runner', port }, { runner })
    expect(await runners.fit(agentNamed('endless'), [])).toBeUndefined()
    const { result: rolloutId } = (await ending) as { result: string }
    expect(await trainer.store.getRolloutById({ rolloutId })).toMatchObject({ status: 'requeuing' })
  })

  it('runners wait for an algorithm that is not there yet, as long as they may', limit, async () => {
    const { ending, port } = await serve(async () => 'over')
    await ending
    const late = trainerOf(never, { role: 'runner', port, connectMs: 0 })
    await expect(late.fit(agentNamed('double'), [])).rejects.toMatchObject({ code: 'upstream_failed' })
    const early = trainerOf(never, { role: 'runner', port })
    const running = early.fit(agentNamed('double'), [])
    const { ending: second } = await serve(async (context) => (await runAll(context)).length, { port })
    expect(await second).toEqual({ result: 3 })
    expect(await running).toBeUndefined()
  })

  it('goes on with runners elsewhere when its own have ended', limit, async () => {
    const { folder, pids } = processFolder()
    const { ending, port } = await serve(
      async ({ store, signal }) => {
        const run = async (count: number): Promise<unknown> =>
          store.waitForRollouts({
            rolloutIds: await enqueue(
              store,
              Array.from({ length: count }, () => folder),
            ),
            signal,
          })
        await until(async () => (await store.queryWorkers()).total === 2)
        await run(2)
        await until(() => pids().some((pid) => !isAlive(pid)))
        await run(1)
        return 'done'
      },
      { role: 'both' },
      { runner: { maxRollouts: 1 }, agent: 'lingering' },
    )
    const runners = trainerOf(never, { role: 'runner', port })
    expect(await runners.fit(agentNamed('lingering'), [])).toBeUndefined()
    expect(await ending).toEqual({ result: 'done' })
  })

  it('asks for its tokens, which its own runners need not be given', limit, async () => {
    const token = 'b'.repeat(32)
    const tokens = [{ token, role: 'runner' as const }]
    const { ending, port } = await serve(async (context) => (await runAll(context)).length, { tokens, role: 'both' })
    const stranger = trainerOf(never, { role: 'runner', port })
    await expect(stranger.fit(agentNamed('double'), [])).rejects.toMatchObject({ code: 'unauthorized' })
    expect(await ending).toEqual({ result: 3 })
  })

  it('a runner is ended by its signal', limit, async () => {
    const over = Promise.withResolvers<void>()
    const { ending, port } = await serve(() => over.promise, { drainMs: 10 })
    const stop = new AbortController()
    const runners = trainerOf(never, { role: 'runner', port })
    const running = runners.fit(agentNamed('double'), [], { signal: stop.signal }).catch((error: unknown) => error)
    stop.abort(new Error('enough'))
    expect(await running).toMatchObject({ message: 'enough' })
    over.resolve()
    await ending
  })
})

describe('a store that all sides share', () => {
  let folder: string | null = null
  let store: LightningStore | null = null
  afterEach(async () => {
    await store?.close()
    if (folder !== null) rmSync(folder, { recursive: true })
    folder = null
    store = null
  })

  it('is opened by the runner processes themselves, and nothing is served', limit, async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'agl-shared-'))
    store = createSqliteStore({ file: path.join(folder, 'store.db'), durability: 'normal' })
    const count = trainerOf(async (context) => (await runAll(context)).length, { managedStore: false, nRunners: 2 }, { store })
    expect(await count.fit(agentNamed('double'), [1, 2, 3])).toBe(3)
    expect(foldersOf(process.pid)).toEqual([])
  })

  it('has to be one that processes can open', async () => {
    const trainer = trainerOf(runAll, { managedStore: false })
    await expect(trainer.fit(agentNamed('double'), [])).rejects.toThrow(
      /managedStore: false.*MemoryStore|MemoryStore.*managedStore: false/,
    )
  })
})

it('refuses options that it does not know', () => {
  expect(() => trainerOf(runAll, { rolle: 'both' } as never)).toThrow(/rolle/)
  expect(() => createTrainer({ algorithm: algorithm(runAll), strategy: 'threads' as never })).toThrow(
    /'shm', 'ipc', 'cs'.*"threads"/,
  )
  expect(() => createTrainer({ algorithm: algorithm(runAll), strategy: { type: 'shm', port: 1 } as never })).toThrow(/no options/)
})
