import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { createHeldSlots, createHeldWriter, readHeldSlots } from './held-slots.ts'

const attempt = (name: string) => ({ rolloutId: `ro-${name}`, attemptId: `at-${name}` })

it('holds what was put and not taken, and as much as fits', () => {
  const slots = createHeldSlots(2)
  const writer = createHeldWriter(slots)
  expect([writer.put(attempt('a')), writer.put(attempt('ü"\n')), writer.put(attempt('c'))]).toEqual([true, true, false])
  expect(readHeldSlots(slots).toSorted((a, b) => (a.rolloutId < b.rolloutId ? -1 : 1))).toEqual([attempt('a'), attempt('ü"\n')])
  expect([writer.take('at-a'), writer.take('at-a'), writer.take('at-c')]).toEqual([true, false, false])
  expect(writer.put(attempt('c'))).toBe(true)
  writer.take('at-ü"\n')
  expect(readHeldSlots(slots)).toEqual([attempt('c')])
})

it('takes no text that is longer than a slot, counted in bytes, and puts a short one over a long one', () => {
  const slots = createHeldSlots(1)
  const writer = createHeldWriter(slots)
  expect(writer.put(attempt('ü'.repeat(100)))).toBe(false)
  const long = attempt('x'.repeat(117))
  expect(writer.put(long)).toBe(true)
  expect(readHeldSlots(slots)).toEqual([long])
  writer.take(long.attemptId)
  writer.put(attempt('y'))
  expect(readHeldSlots(slots)).toEqual([attempt('y')])
})

it('is never read in part, while it changes all the time', async () => {
  const slots = createHeldSlots(4)
  const flag = new Int32Array(new SharedArrayBuffer(4))
  const source = `
    import { workerData } from 'node:worker_threads'
    const { createHeldWriter } = await import(workerData.module)
    const writer = createHeldWriter(workerData.slots)
    const flag = workerData.flag
    Atomics.store(flag, 0, 1)
    Atomics.notify(flag, 0)
    for (let index = 0; Atomics.load(flag, 0) === 1; index++) {
      const name = String(index % 7).repeat(1 + (index % 90))
      writer.put({ rolloutId: 'ro-' + name, attemptId: 'at-' + name })
      writer.take('at-' + name)
    }`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: { module: new URL('./held-slots.ts', import.meta.url).href, slots, flag },
    execArgv: ['--conditions=@agl/source', '--disable-warning=ExperimentalWarning'],
  })
  const ended = once(worker, 'exit')
  Atomics.wait(flag, 0, 0, 10_000)
  let seen = 0
  for (let index = 0; index < 300_000; index++) {
    for (const { rolloutId, attemptId } of readHeldSlots(slots)) {
      seen++
      if (!/^ro-(\d)\1*$/.test(rolloutId) || rolloutId.slice(3) !== attemptId.slice(3))
        throw new Error(`${rolloutId} ${attemptId}`)
    }
  }
  Atomics.store(flag, 0, 2)
  await ended
  expect(seen).toBeGreaterThan(0)
})
