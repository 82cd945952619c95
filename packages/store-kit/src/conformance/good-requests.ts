import type { StoreFeature } from '@agl/types'
import type { Verb } from './bad-requests.ts'
import { otelSpanOf, spanOf } from './fixtures.ts'

/** A request that fits, though it may name what is not there. */
interface GoodRequest {
  readonly request?: unknown
  /** Only for a store that declares it. */
  readonly feature?: StoreFeature
}

const key = { rolloutId: 'a', attemptId: 'b' }

/** One for each verb: the compiler misses what is missing. */
export const goodRequests: Readonly<Record<Verb, GoodRequest>> = {
  enqueueRollout: { request: { input: 1 } },
  enqueueManyRollouts: { request: { rollouts: [] } },
  startRollout: { request: { rollout: { input: 1 } } },
  dequeueRollout: {},
  dequeueManyRollouts: { request: { limit: 1 } },
  startAttempt: { request: { rolloutId: 'a' } },
  releaseAttempt: { request: key, feature: 'leases' },
  cancelRollouts: { request: { rolloutIds: [] } },
  deleteRollouts: { request: { rolloutIds: [] }, feature: 'deletes' },
  addSpan: { request: spanOf({ rollout_id: 'a', attempt: { attempt_id: 'b' } }) },
  addManySpans: { request: { spans: [] } },
  addOtelSpan: { request: { ...key, span: otelSpanOf(1) } },
  querySpans: { request: { rolloutId: 'a' } },
  getNextSpanSequenceId: { request: key },
  getManySpanSequenceIds: { request: { attempts: [] } },
  queryRollouts: {},
  getRolloutById: { request: { rolloutId: 'a' } },
  queryAttempts: { request: { rolloutId: 'a' } },
  getLatestAttempt: { request: { rolloutId: 'a' } },
  waitForRollouts: { request: { rolloutIds: [] } },
  updateRollout: { request: { rolloutId: 'a' } },
  updateAttempt: { request: key },
  addResources: { request: { resources: {} } },
  updateResources: { request: { resourcesId: 'a', resources: {} } },
  updateManyResources: { request: { updates: [] } },
  getResourcesById: { request: { resourcesId: 'a' } },
  getLatestResources: {},
  queryResources: {},
  queryResourcesVersions: { request: { resourcesId: 'a' } },
  deleteResources: { request: { resourcesId: 'a' }, feature: 'deletes' },
  setResourcesAlias: { request: { alias: 'a', resourcesId: 'a', version: 1 }, feature: 'aliases' },
  getResourcesByAlias: { request: { alias: 'a' }, feature: 'aliases' },
  queryResourcesAliases: { feature: 'aliases' },
  deleteResourcesAlias: { request: { alias: 'a' }, feature: 'aliases' },
  queryWorkers: {},
  getWorkerById: { request: { workerId: 'w' } },
  updateWorker: { request: { workerId: 'w' } },
  heartbeat: { request: { workerId: 'w' } },
  watch: { feature: 'watch' },
  statistics: {},
  exportSnapshot: { feature: 'snapshots' },
  importSnapshot: { request: { lines: [] }, feature: 'snapshots' },
}
