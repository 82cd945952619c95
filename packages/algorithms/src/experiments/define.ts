import { isDeepStrictEqual } from 'node:util'
import { AglError, type JsonValue, type LightningStore, type NamedResources } from '@agl/types'
import { hashJson } from '../run/hash.ts'
import type { ArmSource, ExperimentSettings } from './options.ts'
import type { Definition, Target } from './record.ts'

/** Arms and weights as the program has them. */
export function definitionOf({ arms, control }: Pick<ExperimentSettings, 'arms' | 'control'>): Definition {
  const entries = Object.entries<ArmSource>(arms)
  return {
    control,
    sources: Object.fromEntries(entries.map(([arm, source]) => [arm, hashJson(sourceOf(source)).slice(0, 16)])),
    weights: Object.fromEntries(entries.map(([arm, { weight = 1 }]) => [arm, weight])),
  }
}

function sourceOf(source: ArmSource): JsonValue {
  if ('resources' in source) return { resources: source.resources } as unknown as JsonValue
  if ('alias' in source) return { alias: source.alias }
  return { resourcesId: source.resourcesId, version: source.version }
}

/**
 * The versions that arms run with; those whose source is as before keep theirs.
 * @throws AglError `not_found` for a version or an alias that the store does not have
 */
export async function resolveArms(
  store: LightningStore,
  { name, arms }: Pick<ExperimentSettings, 'name' | 'arms'>,
  kept: Readonly<Record<string, Target>>,
): Promise<Readonly<Record<string, Target>>> {
  const resolved: Record<string, Target> = {}
  // One after the other: a store that is new gets them in the order in which they are written down.
  for (const [arm, source] of Object.entries<ArmSource>(arms)) {
    const before = Object.hasOwn(kept, arm) ? kept[arm] : undefined
    resolved[arm] = before ?? (await resolve(store, `${name}.${arm}`, arm, source))
  }
  return resolved
}

async function resolve(store: LightningStore, resourcesId: string, arm: string, source: ArmSource): Promise<Target> {
  if ('resources' in source) return await storeResources(store, resourcesId, source.resources)
  const found =
    'alias' in source
      ? await store.getResourcesByAlias({ alias: source.alias })
      : await store.getResourcesById({ resourcesId: source.resourcesId, version: source.version })
  if (found !== null) return { resourcesId: found.resources_id, version: found.version }
  const missing = 'alias' in source ? `the alias "${source.alias}"` : `version ${source.version} of "${source.resourcesId}"`
  throw new AglError({
    code: 'not_found',
    message: `The arm "${arm}" runs with ${missing}, which the store does not have: add it first, or give the arm { resources }.`,
    data: { arm },
  })
}

async function storeResources(store: LightningStore, resourcesId: string, resources: NamedResources): Promise<Target> {
  for (;;) {
    const newest = await store.getResourcesById({ resourcesId })
    if (newest !== null && isDeepStrictEqual(newest.resources, resources)) return { resourcesId, version: newest.version }
    try {
      const { version } = await store.updateResources({ resourcesId, resources, expectedVersion: newest?.version ?? 0 })
      return { resourcesId, version }
    } catch (error) {
      // Another process opens the same experiment: what it stored is most likely the same.
      if (!AglError.isInstance(error, 'conflict')) throw error
    }
  }
}
