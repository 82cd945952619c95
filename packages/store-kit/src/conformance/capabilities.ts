import type { LightningStore, StoreFeature } from '@agl/types'
import { AglError } from '@agl/types'
import { expect } from 'vitest'
import type { Suite } from './harness.ts'

const resources = { resourcesId: 'mine', version: 1 }

/** Calls that need a feature. Retention is an option of the store and has none; lossless JSON is asked for by nobody. */
const callsOf: Readonly<Record<StoreFeature, readonly ((store: LightningStore) => Promise<unknown>)[]>> = {
  leases: [
    (store) => store.dequeueRollout({ leaseMs: 1000 }),
    (store) => store.dequeueManyRollouts({ limit: 1, leaseMs: 1000 }),
    (store) => store.startRollout({ rollout: { input: 1 }, leaseMs: 1000 }),
    (store) => store.startAttempt({ rolloutId: 'there', leaseMs: 1000 }),
    (store) => store.heartbeat({ workerId: 'w', leaseMs: 1000 }),
    (store) => store.releaseAttempt({ rolloutId: 'there', attemptId: 'at' }),
  ],
  scheduling: [
    (store) => store.enqueueRollout({ input: 1, priority: 1 }),
    (store) => store.enqueueManyRollouts({ rollouts: [{ input: 1, priority: -1 }] }),
    (store) => store.dequeueRollout({ workerId: 'w', capacity: 1 }),
    (store) => store.heartbeat({ workerId: 'w', capacity: 1 }),
  ],
  watch: [(store) => Promise.resolve().then(() => store.watch()[Symbol.asyncIterator]().next())],
  deletes: [
    (store) => store.deleteRollouts({ rolloutIds: ['there'] }),
    (store) => store.deleteResources({ resourcesId: 'mine' }),
  ],
  retention: [],
  aliases: [
    (store) => store.setResourcesAlias({ alias: 'stable', ...resources }),
    (store) => store.getResourcesByAlias({ alias: 'stable' }),
    (store) => store.queryResourcesAliases(),
    (store) => store.deleteResourcesAlias({ alias: 'stable' }),
  ],
  snapshots: [
    (store) => Promise.resolve().then(() => store.exportSnapshot()[Symbol.asyncIterator]().next()),
    (store) => store.importSnapshot({ lines: [] }),
  ],
  losslessJson: [],
}

const features = Object.keys(callsOf) as readonly StoreFeature[]

export function describeCapabilities({ check, open, has }: Suite): void {
  check('CAPABILITY-01', 'the store says what it can do, in words that are known', async () => {
    const { store } = await open()
    const { capabilities } = store
    expect(store.name).toMatch(/./)
    expect(['none', 'durable']).toContain(capabilities.durability)
    expect(['process', 'machine', 'network']).toContain(capabilities.sharing)
    for (const feature of capabilities.features) expect(features).toContain(feature)
    expect(new Set(capabilities.features).size).toBe(capabilities.features.length)
  })

  check('CAPABILITY-02', 'what is not declared is refused, and nothing of the call is done', async () => {
    const { store } = await open()
    await store.enqueueRollout({ input: 1, rollout_id: 'there' })
    await store.updateResources({ resourcesId: 'mine', resources: {} })
    const before = await store.statistics()
    for (const feature of features.filter((candidate) => !has(candidate))) {
      for (const [index, call] of callsOf[feature].entries()) {
        const problem = await call(store).catch((error: unknown) => error)
        const code = AglError.isInstance(problem) ? problem.code : String(problem)
        expect([feature, index, code]).toEqual([feature, index, 'not_supported'])
      }
    }
    expect(await store.statistics()).toEqual({ ...before, uptime: expect.any(Number) })
    expect(await store.getRolloutById({ rolloutId: 'there' })).toMatchObject({ status: 'queuing' })
  })

  check('CAPABILITY-03', 'a second handle is there where the data is shared', async () => {
    const { store, second } = await open()
    const other = await second()
    expect(other.name).toBe(store.name)
    expect(other.capabilities).toEqual(store.capabilities)
  })
}
