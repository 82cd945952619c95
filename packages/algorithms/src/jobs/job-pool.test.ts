import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createJobPool, type JobPool, type JobPoolOptions } from './job-pool.ts'

const module = new URL('./jobs.test-support.ts', import.meta.url)

function poolOf<Input, Output>(name: string, options: Partial<JobPoolOptions> = {}): JobPool<Input, Output> {
  const pool = createJobPool<Input, Output>({ module, export: name, maxWorkers: 1, ...options })
  onTestFinished(() => pool.close())
  return pool
}

/** Jobs of `hold` that run until they are released. */
function held() {
  const cell = new Int32Array(new SharedArrayBuffer(8))
  return {
    cell,
    release() {
      Atomics.store(cell, 0, 1)
      Atomics.notify(cell, 0)
    },
    untilRunning: (count: number) => vi.waitFor(() => expect(Atomics.load(cell, 1)).toBe(count), { timeout: 5000 }),
  }
}

test('many jobs over few threads answer each its own', async () => {
  const pool = poolOf<number, number>('square', { maxWorkers: 2, maxQueue: 50 })
  const inputs = Array.from({ length: 50 }, (_, index) => index)
  expect(await Promise.all(inputs.map((input) => pool.run(input)))).toEqual(inputs.map((input) => input * input))
  expect(pool.pending).toBe(0)
})

describe('a full pool', () => {
  test('refuses one more with an error that may be tried again', async () => {
    const pool = poolOf<Int32Array, number>('hold', { maxQueue: 1 })
    const { cell, release, untilRunning } = held()
    const first = pool.run(cell)
    await untilRunning(1)
    const second = pool.run(cell)
    await expect(pool.run(cell)).rejects.toMatchObject({ code: 'queue_full', isRetryable: true })
    release()
    expect(await Promise.all([first, second])).toEqual([1, 1])
    expect(await pool.run(cell)).toBe(1)
  })

  test('or lets it wait its turn; whoever gives up waiting is gone', async () => {
    const pool = poolOf<Int32Array, number>('hold', { maxQueue: 0, whenFull: 'wait' })
    const { cell, release, untilRunning } = held()
    const first = pool.run(cell)
    await untilRunning(1)
    const second = pool.run(cell)
    const stop = new AbortController()
    const third = pool.run(cell, { signal: stop.signal }).catch((error: unknown) => error)
    stop.abort(new Error('never mind'))
    expect(await third).toMatchObject({ message: 'never mind' })
    expect(Atomics.load(cell, 1)).toBe(1)
    release()
    expect(await Promise.all([first, second])).toEqual([1, 1])
    expect(Atomics.load(cell, 1)).toBe(2)
  })
})

describe('a job that', () => {
  test.each([
    ['throws', 'fail', 'no idea', {}, { code: 'job_failed', message: /no idea/, isRetryable: false }],
    ['ends its thread', 'exit', 3, {}, { code: 'job_died', isRetryable: true }],
    ['takes too much memory', 'hoard', null, { maxMemoryMb: 32 }, { code: 'memory_limit' }],
    ['takes too long', 'spin', null, { timeoutMs: 300 }, { code: 'timeout', isRetryable: true }],
  ])('%s is alone with its error, and its thread is replaced', async (_what, name, input, options, error) => {
    const pool = poolOf<unknown, unknown>(name, options)
    await expect(pool.run(input)).rejects.toMatchObject(error)
    await expect(pool.run(input)).rejects.toMatchObject(error)
  })

  test('is given up is ended with its thread, which another one takes the place of', async () => {
    const pool = poolOf<Int32Array, number>('hold')
    const { cell, release, untilRunning } = held()
    const stop = new AbortController()
    const running = pool.run(cell, { signal: stop.signal }).catch((error: unknown) => error)
    await untilRunning(1)
    stop.abort(new Error('enough'))
    expect(await running).toMatchObject({ message: 'enough' })
    const next = pool.run(cell)
    await untilRunning(2)
    release()
    expect(await next).toBe(1)
  })
})

test('closing waits for what is pending and takes no more; beyond its grace jobs are ended', async () => {
  const patient = poolOf<object, number>('linger', { maxQueue: 5 })
  const jobs = [1, 2, 3].map((value) => patient.run({ ms: 20, value }))
  const closed = patient.close()
  await expect(patient.run({ ms: 0, value: 4 })).rejects.toMatchObject({ code: 'closed' })
  expect(await Promise.all(jobs)).toEqual([1, 2, 3])
  await closed
  await patient.close()

  const hasty = poolOf<null, never>('spin', { graceMs: 50 })
  const spinning = hasty.run(null).catch((error: unknown) => error)
  await sleep(0)
  await hasty.close()
  expect(await spinning).toMatchObject({ code: 'closed' })
})

test('an unknown option is refused', () => {
  expect(() => createJobPool({ module, maxThreads: 3 } as JobPoolOptions)).toThrow(/maxThreads/)
})
