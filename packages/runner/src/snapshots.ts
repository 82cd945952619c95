import type { LightningStore, ResourcesUpdate } from '@agl/types'

/** Of one store: a run uses a few at a time. */
const mostSnapshots = 16

interface Snapshots {
  /** As the store answers it; a version never changes, so that one that was read is not asked for again. */
  get(resourcesId: string, version: number | null): Promise<ResourcesUpdate | null>
  /** Reads the latest snapshot before the first rollout needs it. Never rejects. */
  warm(): Promise<void>
}

const ofStores = new WeakMap<LightningStore, Snapshots>()

/** Shared by all runners of this process that have the same store. */
export function snapshotsOf(store: LightningStore): Snapshots {
  const there = ofStores.get(store) ?? createSnapshots(store)
  ofStores.set(store, there)
  return there
}

function createSnapshots(store: LightningStore): Snapshots {
  // Least recently used first. Reads under way are not shared: one that the store never answers must not hold up others.
  const kept = new Map<string, ResourcesUpdate>()
  const keyOf = (resourcesId: string, version: number): string => `${version} ${resourcesId}`

  function keep(update: ResourcesUpdate): void {
    const key = keyOf(update.resources_id, update.version)
    kept.delete(key)
    kept.set(key, update)
    if (kept.size > mostSnapshots) kept.delete(kept.keys().next().value!)
  }

  return {
    async get(resourcesId, version) {
      const there = version === null ? undefined : kept.get(keyOf(resourcesId, version))
      const update = there ?? (await store.getResourcesById({ resourcesId, version }))
      if (update !== null) keep(update)
      return update
    },
    async warm() {
      const latest = await store.getLatestResources().catch(() => null)
      if (latest !== null) keep(latest)
    },
  }
}
