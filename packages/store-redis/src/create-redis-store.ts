import {
  parseEnqueueRequest,
  parseNewSpan,
  parseNewSpans,
  parseOtelSpan,
  parseRequest,
  parseResources,
  parseResourcesChanges,
  type requestSchemas,
  storeSpecOf,
} from '@agl/store-kit'
import type { LightningStore, ResourcesUpdate, StoreCapabilities, StoreSpec, StoreStatistics } from '@agl/types'
import { deleteResourcesAlias, getResourcesByAlias, queryResourcesAliases, setResourcesAlias } from './aliases.ts'
import { getLatestAttempt, heartbeat, queryAttempts, releaseAttempt, startAttempt, updateAttempt } from './attempts.ts'
import { deleteRollouts } from './delete.ts'
import { dequeue } from './dequeue.ts'
import { enqueueRollouts, startRollout } from './enqueue.ts'
import { createHandle, type Handle, type TestClock } from './handle.ts'
import { parseOptions, type RedisStoreOptions } from './options.ts'
import {
  addResources,
  deleteResources,
  getLatestResources,
  getResourcesById,
  queryResources,
  queryResourcesVersions,
  updateManyResources,
} from './resources.ts'
import { cancelRollouts, getRolloutById, queryRollouts, updateRollout } from './rollouts.ts'
import { exportSnapshot, importSnapshot } from './snapshots.ts'
import { addSpans, nextSequenceIds, querySpans } from './spans.ts'
import type { RedisState } from './state.ts'
import { statistics } from './statistics.ts'
import { waitForRollouts } from './wait.ts'
import { watch } from './watch.ts'
import { beatWorker, getWorker, queryWorkers } from './workers.ts'

const capabilities: StoreCapabilities = Object.freeze({
  durability: 'durable',
  sharing: 'network',
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

/** A store in Redis. */
export interface RedisStore extends LightningStore {
  /**
   * Connects now. Every call does this when it is the first; calling it early tells at start-up whether Redis is there.
   * @throws AglError `upstream_failed`, `unauthorized`
   */
  open(): Promise<void>
}

type Verb = keyof typeof requestSchemas

/**
 * A store in Redis, shared by any number of processes and machines. Construction connects to nothing: the first call, or
 * `open()`, does.
 * @throws AglError `invalid_argument` for options that are unknown or do not fit
 */
export function createRedisStore(options: RedisStoreOptions = {}): RedisStore {
  return storeOf(createHandle(parseOptions(options)), options)
}

/** As {@link createRedisStore}, with the time in the hands of a test. */
export function openTestStore(
  options: RedisStoreOptions,
  clock: TestClock,
): { readonly store: RedisStore; readonly handle: Handle } {
  const handle = createHandle(parseOptions(options), clock)
  return { store: storeOf(handle), handle }
}

/** Null for a client of the caller's, and for a handle whose clock is a test's. */
function specOf(options: RedisStoreOptions | null): StoreSpec | null {
  if (options === null || options.client !== undefined) return null
  const { url, namespace, deadlineMs, pollMs, minReplicas, replicaTimeoutMs } = options
  return storeSpecOf({
    module: import.meta.resolve('@agl/store-redis'),
    factory: createRedisStore.name,
    options: { url, namespace, deadlineMs, pollMs, minReplicas, replicaTimeoutMs },
  })
}

function storeOf({ state, open, close }: Handle, options: RedisStoreOptions | null = null): RedisStore {
  const verb =
    <Request, Value>(name: Verb, work: (state: RedisState, request: Request) => Promise<Value>) =>
    async (request: Request): Promise<Value> => {
      state.throwIfClosed()
      return work(state, parseRequest<Request>(name, request))
    }
  /** A verb without a request, or one that checks its own. */
  const plain =
    <Request, Value>(work: (request: Request) => Promise<Value>) =>
    async (request: Request): Promise<Value> => {
      state.throwIfClosed()
      return work(request)
    }

  return Object.freeze<RedisStore>({
    name: state.name,
    capabilities,
    get spec() {
      return specOf(options)
    },
    open,

    startRollout: plain(async (request) => {
      const { rollout, ...rest } = parseRequest<typeof request>('startRollout', request)
      return startRollout(state, { ...rest, rollout: parseEnqueueRequest(rollout, 'rollout') })
    }),
    enqueueRollout: plain(async (request) => (await enqueueRollouts(state, [parseEnqueueRequest(request)]))[0]!),
    enqueueManyRollouts: verb('enqueueManyRollouts', (_, { rollouts }) =>
      enqueueRollouts(
        state,
        rollouts.map((request, index) => parseEnqueueRequest(request, `rollouts[${index}]`)),
      ),
    ),
    dequeueRollout: verb('dequeueRollout', async (_, request = {}) => {
      const [claimed] = await dequeue(state, 'dequeueRollout', { ...request, limit: 1 })
      return claimed ?? null
    }),
    dequeueManyRollouts: verb('dequeueManyRollouts', async (_, request) => dequeue(state, 'dequeueManyRollouts', request)),
    startAttempt: verb('startAttempt', startAttempt),
    releaseAttempt: verb('releaseAttempt', releaseAttempt),
    cancelRollouts: verb('cancelRollouts', (_, { rolloutIds }) => cancelRollouts(state, rolloutIds)),
    deleteRollouts: verb('deleteRollouts', (_, { rolloutIds }) => deleteRollouts(state, rolloutIds)),

    addSpan: plain(async (span) => (await addSpans(state, [parseNewSpan(span)]))[0] ?? null),
    addManySpans: verb('addManySpans', async (_, { spans }) => addSpans(state, parseNewSpans(spans))),
    addOtelSpan: verb('addOtelSpan', async (_, request) => (await addSpans(state, [parseOtelSpan(request)]))[0] ?? null),
    querySpans: verb('querySpans', querySpans),
    getNextSpanSequenceId: verb('getNextSpanSequenceId', async (_, attempt) => (await nextSequenceIds(state, [attempt]))[0]!),
    getManySpanSequenceIds: verb('getManySpanSequenceIds', (_, { attempts }) => nextSequenceIds(state, attempts)),

    queryRollouts: verb('queryRollouts', (_, query = {}) => queryRollouts(state, query)),
    getRolloutById: verb('getRolloutById', (_, { rolloutId }) => getRolloutById(state, rolloutId)),
    queryAttempts: verb('queryAttempts', queryAttempts),
    getLatestAttempt: verb('getLatestAttempt', (_, { rolloutId }) => getLatestAttempt(state, rolloutId)),
    waitForRollouts: verb('waitForRollouts', waitForRollouts),
    updateRollout: verb('updateRollout', updateRollout),
    updateAttempt: verb('updateAttempt', updateAttempt),

    addResources: verb('addResources', async (_, { resources, idempotencyKey }) =>
      addResources(state, parseResources(resources, state.resourceKinds), idempotencyKey),
    ),
    updateResources: verb('updateResources', async (_, { idempotencyKey, ...change }) => {
      const changes = parseResourcesChanges([change], state.resourceKinds)
      return (await updateManyResources(state, 'updateResources', changes, idempotencyKey))[0]!
    }),
    updateManyResources: verb('updateManyResources', async (_, { updates, idempotencyKey }) => {
      const changes = parseResourcesChanges(updates, state.resourceKinds)
      return updateManyResources(state, 'updateManyResources', changes, idempotencyKey)
    }),
    getResourcesById: verb('getResourcesById', getResourcesById),
    getLatestResources: plain<void, ResourcesUpdate | null>(() => getLatestResources(state)),
    queryResources: verb('queryResources', (_, query = {}) => queryResources(state, query)),
    queryResourcesVersions: verb('queryResourcesVersions', queryResourcesVersions),
    deleteResources: verb('deleteResources', deleteResources),
    setResourcesAlias: verb('setResourcesAlias', setResourcesAlias),
    getResourcesByAlias: verb('getResourcesByAlias', (_, { alias }) => getResourcesByAlias(state, alias)),
    queryResourcesAliases: verb('queryResourcesAliases', (_, query = {}) => queryResourcesAliases(state, query)),
    deleteResourcesAlias: verb('deleteResourcesAlias', (_, { alias }) => deleteResourcesAlias(state, alias)),

    queryWorkers: verb('queryWorkers', (_, query = {}) => queryWorkers(state, query)),
    getWorkerById: verb('getWorkerById', (_, { workerId }) => getWorker(state, workerId)),
    updateWorker: verb('updateWorker', (_, { workerId, heartbeatStats }) => beatWorker(state, workerId, heartbeatStats)),
    heartbeat: verb('heartbeat', heartbeat),

    watch: (request = {}) => watch(state, parseRequest('watch', request)),
    exportSnapshot: (request = {}) => exportSnapshot(state, parseRequest('exportSnapshot', request)),
    importSnapshot: verb('importSnapshot', (_, { lines }) => importSnapshot(state, lines)),

    statistics: plain<void, StoreStatistics>(() => statistics(state)),
    close,
    [Symbol.asyncDispose]: close,
  })
}
