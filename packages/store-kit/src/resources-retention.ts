import type { ResourcesVersion } from './resources.ts'
import type { Retention } from './retention.ts'

/** An id of resources as retention sees it. */
export interface HeldResources {
  readonly resourcesId: string
  /** The versions that are there, oldest first. */
  readonly versions: readonly number[]
  /** When the newest of them was stored, in epoch seconds. */
  readonly updateTime: number
}

/**
 * Which versions go now: of each id all but the newest `maxResourcesVersions`, and of more than `maxResources` ids those
 * that were changed longest ago. Never a version that is used, and never an id with a used version as a whole; what is
 * used counts all the same.
 * @param present.changed the ids whose versions are looked at: those written to
 * @param present.count how many ids have versions
 * @param present.all all ids with versions, in any order; asked for only when there are too many
 * @param present.isUsed whether an alias points to the version, a rollout that is not finished is pinned to it, or it is
 *   the latest resources of the store
 */
export function planResourcesRetention(
  { maxResources, maxResourcesVersions }: Retention,
  present: {
    readonly changed: readonly HeldResources[]
    readonly count: number
    readonly all: () => Iterable<HeldResources>
    readonly isUsed: (version: ResourcesVersion) => boolean
  },
): readonly ResourcesVersion[] {
  const isFree = (version: ResourcesVersion): boolean => !present.isUsed(version)
  const dropped =
    maxResourcesVersions === null
      ? []
      : present.changed.flatMap((held) => versionsOf(held).slice(0, -maxResourcesVersions).filter(isFree))
  const surplus = maxResources === null ? 0 : present.count - maxResources
  if (surplus <= 0) return dropped
  const gone = new Set(dropped.map(({ resourcesId, version }) => `${version}/${resourcesId}`))
  const byAge = [...present.all()].sort((a, b) => a.updateTime - b.updateTime)
  let left = surplus
  for (const held of byAge) {
    if (left === 0) break
    const versions = versionsOf(held)
    if (!versions.every(isFree)) continue
    dropped.push(...versions.filter(({ resourcesId, version }) => !gone.has(`${version}/${resourcesId}`)))
    left--
  }
  return dropped
}

function versionsOf({ resourcesId, versions }: HeldResources): ResourcesVersion[] {
  return versions.map((version) => ({ resourcesId, version }))
}
