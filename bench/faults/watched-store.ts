import { isLive } from '@agl/store-kit'
import type { LightningStore } from '@agl/types'
import type { Gate } from './gate.ts'
import type { Journal } from './journal.ts'
import type { Plant } from './plan.ts'

/** The store with the gates of its site, and with what it acknowledges written down. */
export function watchedStore(store: LightningStore, gate: Gate, journal: Journal): LightningStore {
  return overlay(store, {
    async dequeueRollout(request) {
      const claimed = await store.dequeueRollout(request)
      if (claimed !== null) await gate.pass('claim-reply', 'store', claimed.attempt.attempt_id)
      return claimed
    },
    async dequeueManyRollouts(request) {
      const claimed = await store.dequeueManyRollouts(request)
      for (const { attempt } of claimed) await gate.pass('claim-reply', 'store', attempt.attempt_id)
      return claimed
    },
    async updateAttempt(request) {
      const attempt = await store.updateAttempt(request)
      if (!isLive(attempt.status)) {
        const { rollout_id: rolloutId, attempt_id: attemptId, status, outcome } = attempt
        journal.write({ kind: 'settled', rolloutId, attemptId, status, outcome })
        await gate.pass('settling', 'store', attemptId)
      }
      return attempt
    },
    async releaseAttempt(request) {
      const rollout = await store.releaseAttempt(request)
      journal.write({ kind: 'released', attemptId: request.attemptId })
      return rollout
    },
  })
}

/** The store with something wrong in it. */
export function plantedStore(store: LightningStore, plant: Plant): LightningStore {
  switch (plant) {
    case 'drop-settle': {
      let isDropped = false
      return overlay(store, {
        async updateAttempt(request) {
          if (isDropped || request.status !== 'succeeded') return await store.updateAttempt(request)
          isDropped = true
          const { items } = await store.queryAttempts({ rolloutId: request.rolloutId })
          const attempt = items.find(({ attempt_id: id }) => id === request.attemptId)!
          return { ...attempt, status: 'succeeded', outcome: 'scored', lease_expires: null }
        },
      })
    }
    case 'no-release':
      return overlay(store, {
        releaseAttempt: async ({ rolloutId }) => (await store.getRolloutById({ rolloutId }))!,
      })
    default:
      return plant satisfies never
  }
}

/** Stores may be frozen, and what they are is told by getters. */
function overlay(store: LightningStore, changes: Partial<LightningStore>): LightningStore {
  const own = changes as Readonly<Record<PropertyKey, unknown>>
  return new Proxy({} as LightningStore, {
    get(_target, key) {
      if (Object.hasOwn(own, key)) return own[key]
      const value = store[key as keyof LightningStore] as unknown
      return typeof value === 'function' ? value.bind(store) : value
    },
    has: (_target, key) => key in store,
  })
}
