import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Acknowledged } from './child.test-support.ts'
import { createRedisStore, type RedisStore } from './create-redis-store.ts'
import { startServer, type TestServer } from './redis-server.test-support.ts'
import { newNamespace } from './test-store.test-support.ts'

const program = fileURLToPath(new URL('child.test-support.ts', import.meta.url))

let server: TestServer
beforeAll(async () => {
  server = await startServer('--appendonly', 'yes', '--appendfsync', 'always')
})
afterAll(() => server.stop())

interface Child {
  readonly process: ChildProcess
  readonly told: readonly Acknowledged[]
  /** Resolves when the process has ended and everything it told was read. */
  readonly end: Promise<void>
}

/** Starts a child and waits until it is connected. */
async function start(namespace: string): Promise<Child> {
  const child = spawn(process.execPath, ['--conditions=@agl/source', program, server.url, namespace], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const told: Acknowledged[] = []
  let rest = ''
  const ready = Promise.withResolvers<void>()
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) told.push(JSON.parse(line) as Acknowledged)
    ready.resolve()
  })
  const end = once(child, 'close').then(() => {})
  await Promise.race([ready.promise, end])
  return { process: child, told, end }
}

function openStore(): { readonly namespace: string; readonly store: RedisStore } {
  const namespace = newNamespace()
  const store = createRedisStore({ url: server.url, namespace, pollMs: 100 })
  onTestFinished(() => store.close())
  return { namespace, store }
}

const settledBy = (children: readonly Child[]): readonly string[] =>
  children.flatMap(({ told }) => told.flatMap((item) => (item.kind === 'settled' ? [item.rolloutId] : [])))

describe('several processes', () => {
  test('3 processes claim 600 tasks: nothing lost, nothing doubled', { timeout: 30_000 }, async () => {
    const { namespace, store } = openStore()
    const children = await Promise.all([1, 2, 3].map(() => start(namespace)))
    const rollouts = Array.from({ length: 600 }, (_, input) => ({ input }))
    const enqueued = (await store.enqueueManyRollouts({ rollouts })).map((rollout) => rollout.rollout_id)
    const finished = await store.waitForRollouts({ rolloutIds: enqueued, timeoutMs: 20_000 })
    await store.enqueueManyRollouts({ rollouts: children.map(() => ({ input: 'end' })) })
    await Promise.all(children.map((child) => child.end))
    expect(finished).toHaveLength(600)
    expect(settledBy(children).toSorted()).toEqual(enqueued.toSorted())
    for (const child of children) expect(settledBy([child]).length).toBeGreaterThan(0)
    expect(await store.statistics()).toMatchObject({ total_attempts: 603, total_spans: 1800 })
  })

  test(
    'after kill -9 of processes and of the server every task settles once and nothing acknowledged is lost',
    { timeout: 60_000 },
    async () => {
      const { namespace, store } = openStore()
      const children: Child[] = []
      const rollouts = Array.from({ length: 300 }, () => ({
        input: 'parent',
        config: { max_attempts: 20, retry_condition: ['unresponsive' as const] },
      }))
      const enqueued = (await store.enqueueManyRollouts({ rollouts })).map((rollout) => rollout.rollout_id)
      for (let round = 0; round < 4; round++) {
        const [doomed, other] = await Promise.all([start(namespace), start(namespace)])
        children.push(doomed, other)
        await sleep(Math.random() * 100)
        doomed.process.kill('SIGKILL')
        await doomed.end
        if (round === 2) {
          await server.kill()
          await server.restart()
        }
      }
      await store.waitForRollouts({ rolloutIds: enqueued, timeoutMs: 30_000 })
      const told = children.flatMap((child) => child.told)
      const everyone = await store.queryRollouts()
      await store.waitForRollouts({ rolloutIds: everyone.items.map((rollout) => rollout.rollout_id), timeoutMs: 30_000 })
      await store.enqueueManyRollouts({ rollouts: children.map(() => ({ input: 'end' })) })
      await Promise.all(children.map((child) => child.end))
      for (const rolloutId of enqueued) expect(await store.getRolloutById({ rolloutId })).toMatchObject({ status: 'succeeded' })
      const settled = settledBy(children)
      expect(new Set(settled).size).toBe(settled.length)
      const enqueuedToo = told.filter((item) => item.kind === 'enqueued')
      for (const { rolloutId } of enqueuedToo) expect(await store.getRolloutById({ rolloutId })).not.toBeNull()
      const stored = told.filter((item) => item.kind === 'span')
      expect(stored.length).toBeGreaterThan(900)
      for (const { rolloutId, spanId } of stored) expect((await store.querySpans({ rolloutId, spanId })).total).toBe(1)
    },
  )
})
