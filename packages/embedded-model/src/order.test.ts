import { expect, it } from 'vitest'
import { createOrder } from './order.ts'

it('runs calls one after the other, also behind one that failed', async () => {
  const inOrder = createOrder()
  const log: string[] = []
  const call = (name: string, fails = false): Promise<void> =>
    inOrder(async () => {
      log.push(`${name} begins`)
      await Promise.resolve()
      log.push(`${name} ends`)
      if (fails) throw new Error(name)
    })
  const results = await Promise.allSettled([call('a'), call('b', true), call('c')])
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

it('takes an aborted call out of the line at once; the next still waits for the one before', async () => {
  const inOrder = createOrder()
  const first = Promise.withResolvers<void>()
  const log: string[] = []
  const running = inOrder(() => first.promise)
  const controller = new AbortController()
  const aborted = inOrder(async () => void log.push('aborted call ran'), controller.signal)
  const last = inOrder(async () => void log.push('last'))
  controller.abort(new Error('enough'))
  await expect(aborted).rejects.toThrow('enough')
  expect(log).toEqual([])
  first.resolve()
  await Promise.all([running, last])
  expect(log).toEqual(['last'])
})
