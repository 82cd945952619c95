import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { createClaimWaiters } from './claim-waiters.ts'
import { createHeap } from './heap.ts'
import { createRolloutWaiters } from './rollout-waiters.ts'
import { createManualClock } from './testing/index.ts'

describe('claim waiters', () => {
  const request = { workerId: 'w', leaseMs: null, limit: 1 }

  test('what was claimed reaches its call, also when the call is aborted right after', async () => {
    const waiters = createClaimWaiters<number>({ clock: createManualClock() })
    const controller = new AbortController()
    const waiting = waiters.wait(request, { waitMs: 1000, signal: controller.signal })
    const work = [1]
    waiters.serve(() => work.splice(0))
    controller.abort()
    expect(await waiting).toEqual([1])
  })

  test('an ended call is offered nothing', async () => {
    const clock = createManualClock()
    const waiters = createClaimWaiters<number>({ clock })
    const controller = new AbortController()
    const aborted = waiters.wait(request, { waitMs: 9000, signal: controller.signal })
    const expired = waiters.wait(request, { waitMs: 1000, signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    await expect(expired).rejects.toThrow('enough')
    clock.advance(2000)
    waiters.serve(() => expect.fail('nobody waits'))
    expect(waiters.size).toBe(0)
    expect(clock.pendingTimers()).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })

  test('full workers are passed over, and the least loaded of those with a capacity goes first', async () => {
    const waiters = createClaimWaiters<string>({ clock: createManualClock() })
    const loads = new Map(
      Object.entries({ full: [2, 2], half: [1, 2], quarter: [1, 4] }).map(([id, [running, capacity]]) => [
        id,
        { running: running!, capacity: capacity! },
      ]),
    )
    const served: string[] = []
    const ids = ['full', 'half', 'plain', 'quarter', 'other']
    const waits = ids.map(async (workerId) => {
      await waiters.wait({ ...request, workerId }, { waitMs: 1000, signal: undefined })
      served.push(workerId)
    })
    for (let turn = 0; turn < ids.length; turn++) {
      const work = ['task']
      waiters.serve(
        () => work.splice(0),
        (workerId) => loads.get(workerId) ?? null,
      )
      await new Promise((resolve) => setImmediate(resolve))
    }
    // The turn of `half` goes to `quarter`, which has less to do; that of `plain`, which has no capacity, is its own.
    expect(served).toEqual(['quarter', 'half', 'plain', 'other'])
    loads.set('full', { running: 1, capacity: 2 })
    waiters.serve(
      () => ['task'],
      (workerId) => loads.get(workerId) ?? null,
    )
    await Promise.all(waits)
    expect(served.at(-1)).toBe('full')
  })

  test('closing rejects all', async () => {
    const waiters = createClaimWaiters<number>({ clock: createManualClock() })
    const waits = ['a', 'a', 'b'].map((workerId) => waiters.wait({ ...request, workerId }, { waitMs: 1, signal: undefined }))
    const outcomes = Promise.allSettled(waits)
    waiters.close(new Error('closed'))
    for (const outcome of await outcomes) expect(outcome.status).toBe('rejected')
    expect(waiters.size).toBe(0)
  })
})

describe('rollout waiters', () => {
  test('a change costs only the calls that wait for it', async () => {
    const waiters = createRolloutWaiters({ clock: createManualClock() })
    let asked = 0
    const open = { isFinished: () => false, collect: () => void asked++, timeoutMs: null, atLeast: undefined, signal: undefined }
    const mine = waiters.wait({ ...open, rolloutIds: ['a', 'b'] })
    const others = Array.from({ length: 100 }, (_, index) => waiters.wait({ ...open, rolloutIds: [`other-${index}`] }))
    waiters.finished('a')
    waiters.finished('a')
    waiters.finished('unknown')
    expect(asked).toBe(0)
    waiters.finished('b')
    await mine
    expect(asked).toBe(1)
    expect(waiters.size).toBe(100)
    const outcomes = Promise.allSettled(others)
    waiters.close(new Error('closed'))
    expect((await outcomes).every((outcome) => outcome.status === 'rejected')).toBe(true)
  })
})

describe('heap', () => {
  test('answers in order, also after a sweep', () => {
    const heap = createHeap<number>((a, b) => a < b)
    const numbers = Array.from({ length: 500 }, (_, index) => (index * 7919) % 500)
    for (const number of numbers) heap.push(number)
    heap.retain((number) => number % 2 === 0)
    expect(heap.peek()).toBe(0)
    expect(Array.from({ length: 250 }, () => heap.pop())).toEqual(Array.from({ length: 250 }, (_, index) => 2 * index))
    expect(heap.pop()).toBeUndefined()
    expect(heap.size).toBe(0)
  })
})
