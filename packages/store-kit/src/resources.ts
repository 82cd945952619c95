import { AglError, type NamedResources, type ResourcesAlias, type ResourcesUpdate } from '@agl/types'

/*
 * Versions of resources. A version never changes, and its number is never given out again, also when it or all of its id
 * were deleted: whoever has cached (id, version) may rely on it. The latest resources are what was stored last and is
 * still there.
 */

/** Which snapshot. */
export interface ResourcesVersion {
  readonly resourcesId: string
  readonly version: number
}

/** What a store remembers of an id beside its versions. */
export interface ResourcesHistory {
  /** The highest version ever given; stays when versions are deleted. */
  readonly lastVersion: number
  /** When version 1 was stored; null when no version is left. */
  readonly createTime: number | null
  /** The newest version that is there; null when none is left. */
  readonly newestVersion: number | null
}

/**
 * The next version of an id.
 * @param change.resources checked; see `parseResources`
 * @throws AglError `conflict` when `expectedVersion` is not the newest one (0: when there is any)
 */
export function nextResourcesVersion(
  history: ResourcesHistory | undefined,
  change: { readonly resourcesId: string; readonly resources: NamedResources; readonly expectedVersion?: number | undefined },
  now: number,
): ResourcesUpdate {
  const { resourcesId, resources, expectedVersion } = change
  const newest = history?.newestVersion ?? null
  if (expectedVersion !== undefined && expectedVersion !== (newest ?? 0)) {
    throw new AglError({
      code: 'conflict',
      message: `Expected resources "${resourcesId}" at ${versionText(expectedVersion === 0 ? null : expectedVersion)}; found ${versionText(newest)}. Read the newest version and try again.`,
      data: { resourcesId, expectedVersion, newestVersion: newest },
    })
  }
  return Object.freeze({
    resources_id: resourcesId,
    create_time: history?.createTime ?? now,
    update_time: now,
    version: (history?.lastVersion ?? 0) + 1,
    resources,
  })
}

function versionText(version: number | null): string {
  return version === null ? 'no version' : `version ${version}`
}

/**
 * An alias at its new place; the same record when it is there already, whatever was expected.
 * @param request.expected undefined: wherever it points; null: it must be new
 * @param isKnown whether the version is stored
 * @throws AglError `not_found` for an unknown version, `conflict` when the alias points elsewhere than expected
 */
export function moveResourcesAlias(
  present: ResourcesAlias | undefined,
  request: ResourcesVersion & { readonly alias: string; readonly expected?: ResourcesVersion | null | undefined },
  isKnown: boolean,
  now: number,
): ResourcesAlias {
  const { alias, resourcesId, version, expected } = request
  if (!isKnown) throw resourcesVersionNotFound({ resourcesId, version })
  // A call that is sent twice finds its work done.
  if (present?.resources_id === resourcesId && present.version === version) return present
  const isExpected =
    expected === null
      ? present === undefined
      : expected === undefined || (present?.resources_id === expected.resourcesId && present.version === expected.version)
  if (!isExpected) {
    const place = present === undefined ? 'nothing' : `version ${present.version} of "${present.resources_id}"`
    throw new AglError({
      code: 'conflict',
      message: `The alias "${alias}" points to ${place}, not where expected. Read it and try again.`,
      data: { alias, expected, present: present ?? null },
    })
  }
  return Object.freeze({ alias, resources_id: resourcesId, version, update_time: now })
}

export function resourcesVersionNotFound({ resourcesId, version }: ResourcesVersion): AglError {
  return new AglError({
    code: 'not_found',
    message: `Version ${version} of resources ${resourcesId} not found`,
    data: { resourcesId, version },
  })
}

/**
 * Refuses a deletion of what is in use.
 * @param uses.aliases aliases that point to one of the versions
 * @param uses.pinned how many rollouts that are not finished are pinned to one of the versions
 * @throws AglError `conflict`
 */
export function checkResourcesDeletion(
  request: { readonly resourcesId: string; readonly versions: readonly number[] },
  uses: { readonly aliases: readonly string[]; readonly pinned: number },
): void {
  const { aliases, pinned } = uses
  if (aliases.length === 0 && pinned === 0) return
  const reasons = [
    ...(aliases.length === 0 ? [] : [`aliases point to it (${aliases.join(', ')})`]),
    ...(pinned === 0 ? [] : [`${pinned} rollouts that are not finished are pinned to it`]),
  ]
  throw new AglError({
    code: 'conflict',
    message: `Resources "${request.resourcesId}", version ${request.versions.join(', ')}, cannot be deleted: ${reasons.join(' and ')}.`,
    data: { ...request, aliases, pinned },
  })
}
