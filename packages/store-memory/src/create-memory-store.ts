import { matchWorkers, pageOf, parseRequest, type requestSchemas, sortFields, storeClosed } from '@agl/store-kit'
import {
  type DequeueRequest,
  type Idempotent,
  type LightningStore,
  type ResourcesUpdate,
  type StoreCapabilities,
  type StoreStatistics,
} from '@agl/types'
import { beatWorker, getLatestAttempt, heartbeat, queryAttempts, releaseAttempt, updateAttempt } from './attempts.ts'
import { dequeue, serveWaiters, startAttempt } from './claim.ts'
import { deleteRollouts } from './delete.ts'
import { enqueueManyRollouts, enqueueRollout, startRollout } from './enqueue.ts'
import { type MemoryStoreOptions, parseOptions } from './options.ts'
import {
  addResources,
  deleteResources,
  deleteResourcesAlias,
  getResourcesByAlias,
  getResourcesById,
  queryResources,
  queryResourcesAliases,
  queryResourcesVersions,
  setResourcesAlias,
  updateManyResources,
} from './resources.ts'
import { cancelRollouts, getRolloutById, queryRollouts, updateRollout, waitForRollouts } from './rollouts.ts'
import { exportSnapshot, importSnapshot } from './snapshots.ts'
import { addManySpans, addOtelSpan, addSpan, nextSequenceIds, querySpans } from './spans.ts'
import { createState, type MemoryState } from './state.ts'
import { onTimer, sweep } from './sweep.ts'

const capabilities: StoreCapabilities = Object.freeze({
  durability: 'none',
  sharing: 'process',
  features: Object.freeze([
    'leases',
    'scheduling',
    'watch',
    'deletes',
    'retention',
    'aliases',
    'snapshots',
    'losslessJson',
  ] as const),
})

/**
 * A store in the memory of this process; what it holds ends with it. Every verb does its work in one tick, so that calls
 * never see each other's half-done changes. Records that it answers are frozen at their top; what lies deeper (`input`,
 * `metadata`, attributes) is shared with the caller who gave it and must not be changed.
 * @throws AglError `invalid_argument` for options that are unknown or do not fit
 */
export function createMemoryStore(options: MemoryStoreOptions = {}): LightningStore {
  const state = createState(parseOptions(options), onTimer)

  /** A verb: refused when closed; sees limits that have passed; what it put into the queue goes to who waits for it. */
  const verb =
    <Request, Value>(
      name: keyof typeof requestSchemas | null,
      work: (state: MemoryState, request: Request) => Value | Promise<Value>,
    ) =>
    async (request: Request): Promise<Value> => {
      checkOpen()
      sweep(state)
      const parsed = name === null ? request : parseRequest<Request>(name, request)
      const value = work(state, parsed)
      serveWaiters(state)
      return value
    }

  /**
   * A verb whose calls may carry an idempotency key.
   * @param nothing what a call that waits answers when its time is over; only for verbs that wait
   */
  const keyed = <Request extends Idempotent & Pick<DequeueRequest, 'waitMs' | 'signal'>, Value>(
    name: keyof typeof requestSchemas,
    work: (state: MemoryState, request: Request) => Value | Promise<Value>,
    nothing?: () => Value,
  ): ((request: Request) => Promise<Value>) =>
    verb<Request, Value>(name, (_, request) => {
      const { idempotencyKey: key, waitMs = 0, signal } = request
      const own = nothing === undefined ? undefined : { waitMs, signal, onTimeout: nothing }
      return state.keys.run(name, key, () => work(state, request), own)
    })

  const checkOpen = (): void => {
    if (state.isClosed) throw storeClosed(state.name)
  }

  const close = async (): Promise<void> => {
    if (state.isClosed) return
    state.isClosed = true
    state.timer?.cancel()
    state.timer = null
    const reason = storeClosed(state.name)
    state.claimWaiters.close(reason)
    state.rolloutWaiters.close(reason)
    state.events.close(reason)
  }

  return Object.freeze<LightningStore>({
    name: state.name,
    capabilities,

    startRollout: verb('startRollout', startRollout),
    enqueueRollout: verb(null, enqueueRollout),
    enqueueManyRollouts: verb('enqueueManyRollouts', (_, { rollouts }) => enqueueManyRollouts(state, rollouts)),
    dequeueRollout: keyed(
      'dequeueRollout',
      async (_, request = {}) => (await dequeue(state, { ...request, limit: 1 }))[0] ?? null,
      () => null,
    ),
    dequeueManyRollouts: keyed('dequeueManyRollouts', dequeue, () => []),
    startAttempt: keyed('startAttempt', startAttempt),
    releaseAttempt: verb('releaseAttempt', releaseAttempt),
    cancelRollouts: verb('cancelRollouts', (_, { rolloutIds }) => cancelRollouts(state, rolloutIds)),
    deleteRollouts: verb('deleteRollouts', (_, { rolloutIds }) => deleteRollouts(state, rolloutIds)),

    addSpan: verb(null, addSpan),
    addManySpans: verb('addManySpans', (_, { spans }) => addManySpans(state, spans)),
    addOtelSpan: verb('addOtelSpan', addOtelSpan),
    querySpans: verb('querySpans', querySpans),
    getNextSpanSequenceId: verb('getNextSpanSequenceId', (_, attempt) => nextSequenceIds(state, [attempt])[0]!),
    getManySpanSequenceIds: verb('getManySpanSequenceIds', (_, { attempts }) => nextSequenceIds(state, attempts)),

    queryRollouts: verb('queryRollouts', (_, query = {}) => queryRollouts(state, query)),
    getRolloutById: verb('getRolloutById', (_, { rolloutId }) => getRolloutById(state, rolloutId)),
    queryAttempts: verb('queryAttempts', queryAttempts),
    getLatestAttempt: verb('getLatestAttempt', (_, { rolloutId }) => getLatestAttempt(state, rolloutId)),
    waitForRollouts: verb('waitForRollouts', waitForRollouts),
    updateRollout: keyed('updateRollout', updateRollout),
    updateAttempt: verb('updateAttempt', updateAttempt),

    addResources: keyed('addResources', (_, { resources }) => addResources(state, resources)),
    updateResources: keyed('updateResources', (_, change) => updateManyResources(state, [change])[0]!),
    updateManyResources: keyed('updateManyResources', (_, { updates }) => updateManyResources(state, updates)),
    getResourcesById: verb('getResourcesById', getResourcesById),
    getLatestResources: verb<void, ResourcesUpdate | null>(null, () => state.latestResources),
    queryResources: verb('queryResources', (_, query = {}) => queryResources(state, query)),
    queryResourcesVersions: verb('queryResourcesVersions', queryResourcesVersions),
    deleteResources: verb('deleteResources', deleteResources),
    setResourcesAlias: verb('setResourcesAlias', setResourcesAlias),
    getResourcesByAlias: verb('getResourcesByAlias', (_, { alias }) => getResourcesByAlias(state, alias)),
    queryResourcesAliases: verb('queryResourcesAliases', (_, query = {}) => queryResourcesAliases(state, query)),
    deleteResourcesAlias: verb('deleteResourcesAlias', (_, { alias }) => deleteResourcesAlias(state, alias)),

    queryWorkers: verb('queryWorkers', (_, query = {}) =>
      pageOf(
        [...state.workers.values()].map((row) => row.worker),
        matchWorkers(query),
        query,
        sortFields.workers,
      ),
    ),
    getWorkerById: verb('getWorkerById', (_, { workerId }) => state.workers.get(workerId)?.worker ?? null),
    updateWorker: verb('updateWorker', (_, { workerId, heartbeatStats }) => beatWorker(state, workerId, heartbeatStats)),
    heartbeat: verb('heartbeat', heartbeat),

    watch: (request = {}) => state.events.watch(parseRequest('watch', request)),
    exportSnapshot: (request = {}) => {
      const { signal } = parseRequest<{ readonly signal?: AbortSignal }>('exportSnapshot', request)
      return exportSnapshot(state, signal, checkOpen)
    },
    importSnapshot: verb('importSnapshot', (_, { lines }) => importSnapshot(state, lines)),

    statistics: verb<void, StoreStatistics>(null, () => statistics(state)),
    close,
    [Symbol.asyncDispose]: close,
  })
}

function statistics(state: MemoryState): StoreStatistics {
  return {
    name: state.name,
    total_rollouts: state.rollouts.size,
    total_attempts: state.attempts.size,
    total_spans: state.spanCount,
    total_resources: state.resourcesCount,
    total_workers: state.workers.size,
    total_span_bytes: state.usage.spans,
    total_resources_bytes: state.usage.resources,
    uptime: state.clock.now() - state.startTime,
  }
}
