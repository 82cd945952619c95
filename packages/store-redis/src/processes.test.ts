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
const skewed = new URL('skewed-clock.test-support.ts', import.meta.url).href

let server: TestServer
beforeAll(async () => {
  server = await startServer('--appendonly', 'yes', '--appendfsync', 'always')
})
afterAll(() => server.stop())

interface Child {
  readonly process: ChildProcess
  readonly told: readonly Acknowledged[]
  /** The first of its kind that it tells from now on. */
  next<Kind extends Acknowledged['kind']>(kind: Kind): Promise<Extract<Acknowledged, { kind: Kind }>>
  /** Resolves when the process has ended and everything it told was read. */
  readonly end: Promise<void>
}

/** Starts a child and waits until it is connected. @param skewMs how far its clock is wrong */
async function start(namespace: string, skewMs = 0): Promise<Child> {
  const skew = skewMs === 0 ? [] : ['--import', `${skewed}?ms=${skewMs}`]
  const child = spawn(process.execPath, ['--conditions=@agl/source', ...skew, program, server.url, namespace], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const told: Acknowledged[] = []
  const awaited = new Map<string, (item: never) => void>()
  let rest = ''
  const ready = Promise.withResolvers<void>()
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const item = JSON.parse(line) as Acknowledged
      told.push(item)
      awaited.get(item.kind)?.(item as never)
    }
    ready.resolve()
  })
  const end = once(child, 'close').then(() => {})
  await Promise.race([ready.promise, end])
  return { process: child, told, next: (kind) => new Promise((resolve) => awaited.set(kind, resolve)), end }
}

async function stop(child: Child): Promise<void> {
  child.process.kill('SIGKILL')
  await child.end
}

function openStore(pollMs = 100): { readonly namespace: string; readonly store: RedisStore } {
  const namespace = newNamespace()
  const store = createRedisStore({ url: server.url, namespace, pollMs })
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

  test(
    'what a process reports that was stalled beyond its lease does not touch the work of another',
    { timeout: 30_000 },
    async () => {
      const { namespace, store } = openStore()
      const child = await start(namespace)
      const config = { max_attempts: 2, retry_condition: ['unresponsive' as const] }
      const holding = child.next('holding')
      const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 'hold', config })
      const { attemptId } = await holding
      const claim = (waitMs: number) => store.dequeueRollout({ workerId: 'other', waitMs, leaseMs: 60_000 })
      // Longer than the lease, which it renews.
      expect(await claim(1500)).toBeNull()
      child.process.kill('SIGSTOP')
      const taken = await claim(10_000)
      expect(taken).toMatchObject({ rollout_id: rolloutId, attempt: { sequence_id: 2 } })
      const { items: before } = await store.queryAttempts({ rolloutId })
      expect(before[0]).toMatchObject({ attempt_id: attemptId, status: 'unresponsive', outcome: 'unresponsive' })
      const reported = child.next('stopped')
      child.process.kill('SIGCONT')
      child.process.stdin!.write('go on\n')
      expect(await reported).toMatchObject({ stopped: [{ rolloutId, attemptId, reason: 'superseded' }] })
      expect(await store.getRolloutById({ rolloutId })).toEqual(taken)
      expect(await claim(0)).toBeNull()
      await store.updateAttempt({ rolloutId, attemptId: taken!.attempt.attempt_id, status: 'failed', outcome: 'invalid' })
      expect(await store.getRolloutById({ rolloutId })).toMatchObject({ status: 'failed', attempt: { outcome: 'invalid' } })
      expect(await store.statistics()).toMatchObject({ total_rollouts: 1, total_attempts: 2 })
    },
  )

  test('processes whose clocks are wrong by an hour claim, renew and end like others', { timeout: 30_000 }, async () => {
    // It looks for no limits itself while this runs: the children must.
    const { namespace, store } = openStore(60_000)
    const hourMs = 3_600_000
    const children = await Promise.all([-hourMs, hourMs].map((skewMs) => start(namespace, skewMs)))
    const begin = Date.now() / 1000
    const rollouts = Array.from({ length: 50 }, () => ({ input: 'task' }))
    const enqueued = (await store.enqueueManyRollouts({ rollouts })).map((rollout) => rollout.rollout_id)
    await store.waitForRollouts({ rolloutIds: enqueued, timeoutMs: 10_000 })
    const ends = await store.enqueueManyRollouts({ rollouts: children.map(() => ({ input: 'end' })) })
    await Promise.all(children.map((child) => child.end))
    await store.cancelRollouts({ rolloutIds: ends.map((rollout) => rollout.rollout_id) })
    expect(settledBy(children).toSorted()).toEqual(enqueued.toSorted())

    // Each holds the same work for longer than its lease and dies; the next one, alone, must see that the lease ends.
    let holder = await start(namespace, hourMs)
    let holding = holder.next('holding')
    const config = { max_attempts: 3, retry_condition: ['unresponsive' as const] }
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 'hold', config })
    for (const skewMs of [-hourMs, hourMs]) {
      const { attemptId, time } = await holding
      expect(Math.abs(time - Date.now() / 1000)).toBeGreaterThan(3500)
      expect(await store.dequeueRollout({ waitMs: 1500 })).toBeNull()
      const next = await start(namespace, skewMs)
      holding = next.next('holding')
      await stop(holder)
      holder = next
      const taken = await holding
      const { items: attempts } = await store.queryAttempts({ rolloutId })
      const [before, after] = attempts.slice(-2)
      expect([before!.attempt_id, after!.attempt_id]).toEqual([attemptId, taken.attemptId])
      expect(before!.status).toBe('unresponsive')
      expect(after!.start_time - before!.last_heartbeat_time!).toBeGreaterThan(1)
    }
    holder.process.stdin!.write('go on\n')
    await store.waitForRollouts({ rolloutIds: [rolloutId] })
    await stop(holder)

    const end = Date.now() / 1000
    for (const id of [...enqueued, rolloutId]) {
      for (const attempt of (await store.queryAttempts({ rolloutId: id })).items) {
        for (const time of [attempt.start_time, attempt.last_heartbeat_time!, attempt.end_time ?? end]) {
          expect(time).toBeGreaterThanOrEqual(begin)
          expect(time).toBeLessThanOrEqual(end)
        }
      }
    }
  })
})
