import type { LightningStore } from '@agl/types'
import { expect } from 'vitest'
import { promptOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

/** The verbs that take a key, each with a call that does something when there is work and a rollout `there`. */
const callsWithKey: Readonly<Record<string, (store: LightningStore, key: string) => Promise<unknown>>> = {
  enqueueRollout: (store, key) => store.enqueueRollout({ input: 1, idempotency_key: key }),
  startRollout: (store, key) => store.startRollout({ rollout: { input: 1, idempotency_key: key } }),
  dequeueRollout: (store, idempotencyKey) => store.dequeueRollout({ idempotencyKey }),
  dequeueManyRollouts: (store, idempotencyKey) => store.dequeueManyRollouts({ limit: 1, idempotencyKey }),
  startAttempt: (store, idempotencyKey) => store.startAttempt({ rolloutId: 'there', idempotencyKey }),
  updateRollout: (store, idempotencyKey) => store.updateRollout({ rolloutId: 'there', idempotencyKey }),
  addResources: (store, idempotencyKey) => store.addResources({ resources: {}, idempotencyKey }),
  updateResources: (store, idempotencyKey) => store.updateResources({ resourcesId: 'mine', resources: {}, idempotencyKey }),
  updateManyResources: (store, idempotencyKey) => {
    const updates = [{ resourcesId: 'mine', resources: {} }]
    return store.updateManyResources({ updates, idempotencyKey })
  },
}

/** Keys across verbs, and those of the rollouts themselves. */
export function describeIdempotencyKeys({ check, open }: Suite): void {
  for (const [first, call] of Object.entries(callsWithKey)) {
    check('SAME-06', `a key of ${first} is a conflict in each other verb, which then does nothing`, async () => {
      const { store } = await open()
      await store.enqueueRollout({ input: 1, rollout_id: 'there' })
      await store.enqueueManyRollouts({ rollouts: [1, 2, 3].map((input) => ({ input })) })
      await call(store, 'k')
      const countsOf = async (): Promise<object> => ({ ...(await store.statistics()), uptime: 0 })
      const before = await countsOf()
      for (const [verb, other] of Object.entries(callsWithKey)) {
        if (verb === first) continue
        const refusal = await other(store, 'k').catch((error: unknown) => error)
        expect([verb, refusal]).toMatchObject([verb, { code: 'conflict' }])
      }
      expect(await countsOf()).toEqual(before)
    })
  }

  check('SAME-06', 'also where the rollout is named that is there already', async () => {
    const { store } = await open()
    const rollout = { input: 1, rollout_id: 'there' }
    await store.startRollout({ rollout })
    await store.addResources({ resources: promptOf('a'), idempotencyKey: 'k' })
    const conflict = { code: 'conflict' }
    const again = { ...rollout, idempotency_key: 'k' }
    await expect(store.enqueueRollout(again)).rejects.toMatchObject(conflict)
    await expect(store.enqueueManyRollouts({ rollouts: [again] })).rejects.toMatchObject(conflict)
    await expect(store.startRollout({ rollout: again })).rejects.toMatchObject(conflict)
  })

  for (const name of [{ idempotency_key: 'k' }, { rollout_id: 'mine' }]) {
    check('SAME-13', `a startRollout repeated by its ${Object.keys(name).join()} answers the attempt that it made`, async () => {
      const { store } = await open()
      const rollout = { input: 1, ...name }
      const first = await store.startRollout({ rollout })
      const { rollout_id: rolloutId } = first
      await store.startAttempt({ rolloutId })
      expect((await store.startRollout({ rollout })).attempt).toEqual(first.attempt)
      expect((await store.queryAttempts({ rolloutId })).total).toBe(2)
    })
  }
  check('SAME-14', 'an answer that is changed by who got it is not what a retry gets', async () => {
    const { store } = await open()
    await store.enqueueRollout({ input: 1 })
    const claim = { limit: 1, idempotencyKey: 'k' }
    const claimed = await store.dequeueManyRollouts(claim)
    const before = structuredClone(claimed)
    try {
      ;(claimed as unknown[]).push('more')
    } catch {
      // A frozen answer is as good.
    }
    expect(await store.dequeueManyRollouts(claim)).toEqual(before)
  })

  check('SAME-15', 'a key given with an id that is known names that rollout', async () => {
    const { store } = await open()
    await store.enqueueRollout({ input: 1, rollout_id: 'mine' })
    await store.enqueueRollout({ input: 1, rollout_id: 'mine', idempotency_key: 'k' })
    expect((await store.enqueueRollout({ input: 2, idempotency_key: 'k' })).rollout_id).toBe('mine')
    expect((await store.queryRollouts()).total).toBe(1)
  })
}
