import type { Attempt } from './attempt.ts'
import type { ResourcesAlias, ResourcesUpdate } from './resources.ts'
import type { Rollout } from './rollout.ts'

/** What happened in a store. `time` is the store's own, in epoch seconds; resume after an event with its `cursor`. */
export type StoreEvent = { readonly cursor: string; readonly time: number } & (
  | { readonly type: 'rollout'; readonly rollout: Rollout }
  | { readonly type: 'rollout_deleted'; readonly rollout_id: string }
  | { readonly type: 'attempt'; readonly attempt: Attempt }
  /** A new version; the snapshot itself is read with `getResourcesById`. */
  | { readonly type: 'resources'; readonly resources: Omit<ResourcesUpdate, 'resources'> }
  | { readonly type: 'resources_deleted'; readonly resources_id: string; readonly version: number }
  | { readonly type: 'resources_alias'; readonly alias: string; readonly target: ResourcesAlias | null }
)
