import { expect } from 'vitest'
import { refusalOf } from './bad-input.ts'
import type { Verb } from './bad-requests.ts'
import { goodRequests } from './good-requests.ts'
import type { Suite } from './harness.ts'

export function describeClosing({ check, open, has }: Suite): void {
  check('CLOSE-01', 'ends every wait and refuses every later call; again is harmless', async () => {
    const { store } = await open()
    await store.enqueueRollout({ input: 1, rollout_id: 'a' })
    await store.dequeueRollout()
    const waits = [store.dequeueRollout({ waitMs: 60_000 }), store.waitForRollouts({ rolloutIds: ['a'] })]
    const outcomes = Promise.allSettled(waits)
    await store.close()
    await store.close()
    await store[Symbol.asyncDispose]()
    expect(await outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'closed' } },
      { status: 'rejected', reason: { code: 'closed' } },
    ])
    await expect(store.enqueueRollout({ input: 1 })).rejects.toMatchObject({ code: 'closed' })
    await expect(store.statistics()).rejects.toMatchObject({ code: 'closed' })
  })

  check('CLOSE-02', 'every verb is refused', async () => {
    const { store } = await open()
    await store.close()
    for (const [verb, { request, feature }] of Object.entries(goodRequests)) {
      if (feature !== undefined && !has(feature)) continue
      expect([verb, await refusalOf(store, verb as Verb, request)]).toMatchObject([verb, { code: 'closed' }])
    }
  })
}
