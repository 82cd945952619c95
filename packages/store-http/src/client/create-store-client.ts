import {
  createIds,
  createResourcesCache,
  parseRequest,
  type requestSchemas,
  type ResourcesCache,
  type ResourcesVersion,
  storeClosed,
  storeSpecOf,
} from '@agl/store-kit'
import type { LightningStore, ResourcesUpdate, StoreSpec, StoreStatistics } from '@agl/types'
import * as claims from './claims.ts'
import { checkOpen, type Client, type RequestOf } from './client.ts'
import { createConnection } from './connection.ts'
import { greet, readStatistics } from './handshake.ts'
import { resolveOptions, type StoreClientOptions } from './options.ts'
import * as resources from './resources.ts'
import * as rollouts from './rollouts.ts'
import { exportSnapshot, importSnapshot } from './snapshots.ts'
import * as spans from './spans.ts'
import { createTurns } from './turns.ts'
import { waitForRollouts } from './waits.ts'
import { watch } from './watch.ts'
import * as workers from './workers.ts'

/** A store on a server. */
export interface StoreClient extends LightningStore {
  /** The server that is asked at present, without credentials. */
  readonly url: string
  /** Loads versions of resources before they are needed; answers how many are there. */
  warmResources(snapshots: readonly ResourcesVersion[]): Promise<number>
}

const ignore = (): void => {}

/** The longest that one request is parked, in milliseconds: below what proxies and our own servers (30 s) cut off. */
const longestSliceMs = 25_000

/** Null for a client with a fetch, a clock or a source of chance of its caller's. */
function specOf(options: StoreClientOptions): StoreSpec | null {
  const { url, urls, token, requestTimeoutMs, fetch, clock, random } = options
  if ([fetch, clock, random].some((own) => own !== undefined)) return null
  return storeSpecOf({
    module: import.meta.resolve('@agl/store-http/client'),
    factory: createStoreClient.name,
    options: { url, urls, token, requestTimeoutMs },
  })
}

/**
 * A store on a server of ours, or on the Python one (agent-lightning 0.3), as far as that goes: what it lacks is refused with
 * `not_supported_by_server`.
 *
 * Calls that fail on the way are sent again, with what makes that harmless: ids and idempotency keys of their own for writes
 * that have none. What remains: after a reply was lost, verbs that answer what they changed (`cancelRollouts`,
 * `deleteRollouts`, `deleteResources`, `deleteResourcesAlias`) may answer less than they did, and a sequence id may be passed
 * over. On the Python server, which knows no keys, such writes are only sent again when they cannot have arrived.
 *
 * Long polls are parked on the server in slices of at most 25 s. A claim that is aborted, or whose client is closed, asks
 * whether it was served in the meantime and gives back what it got; it takes up to 2 s for that.
 *
 * Versions of resources that were read are kept in memory and not asked for again, so that a version that somebody else has
 * deleted may still be read here.
 * @throws AglError `invalid_argument` for options; `upstream_failed` or `timeout` when no server answers; `unauthorized`
 */
export async function createStoreClient(options: StoreClientOptions): Promise<StoreClient> {
  const resolved = resolveOptions(options)
  const connection = createConnection(resolved)
  const { isOurs, name, capabilities, maxWaitMs } = await greet(connection)
  connection.isOurs = isOurs
  const client: Client = {
    name,
    connection,
    options: resolved,
    ids: createIds(),
    sliceMs: Math.min(longestSliceMs, maxWaitMs ?? longestSliceMs),
    turns: createTurns(),
    isClosed: false,
  }
  const newCache = (): ResourcesCache =>
    createResourcesCache(
      { getResourcesById: (request) => resources.loadResources(client, request) },
      { maxBytes: resolved.resourcesCacheBytes, onLoad: resolved.onResourcesLoad },
    )
  let cache = newCache()
  const underWay = new Set<Promise<unknown>>()

  const whileOpen = async <Value>(work: () => Value | Promise<Value>): Promise<Value> => {
    checkOpen(client)
    return work()
  }
  const verb =
    <Request, Value>(verbName: keyof typeof requestSchemas, work: (client: Client, request: Request) => Promise<Value>) =>
    (request?: Request): Promise<Value> =>
      whileOpen(() => work(client, parseRequest<Request>(verbName, request)))
  const plain =
    <Request, Value>(work: (client: Client, request: Request) => Promise<Value>) =>
    (request: Request): Promise<Value> =>
      whileOpen(() => work(client, request))
  /** A claim: closing waits for it, because it may have something to give back. */
  const claim =
    <Request, Value>(work: (request?: Request) => Promise<Value>) =>
    (request?: Request): Promise<Value> => {
      const claiming = work(request)
      const settled = claiming.then(ignore, ignore)
      underWay.add(settled)
      void settled.then(() => underWay.delete(settled))
      return claiming
    }

  const close = async (): Promise<void> => {
    if (!client.isClosed) {
      client.isClosed = true
      connection.scopes.close(storeClosed(name))
    }
    await Promise.all(underWay)
    connection.close()
  }

  return Object.freeze<StoreClient>({
    name,
    capabilities,
    get spec() {
      return specOf(options)
    },
    get url() {
      return connection.pool.current().url
    },

    startRollout: verb('startRollout', rollouts.startRollout),
    enqueueRollout: plain(rollouts.enqueueRollout),
    enqueueManyRollouts: verb('enqueueManyRollouts', rollouts.enqueueManyRollouts),
    dequeueRollout: claim(verb('dequeueRollout', claims.dequeueRollout)),
    dequeueManyRollouts: claim(verb('dequeueManyRollouts', claims.dequeueManyRollouts)),
    startAttempt: verb('startAttempt', rollouts.startAttempt),
    releaseAttempt: verb('releaseAttempt', rollouts.releaseAttempt),
    cancelRollouts: verb('cancelRollouts', rollouts.cancelRollouts),
    deleteRollouts: verb('deleteRollouts', rollouts.deleteRollouts),

    addSpan: plain(spans.addSpan),
    addManySpans: verb('addManySpans', spans.addManySpans),
    addOtelSpan: verb('addOtelSpan', spans.addOtelSpan),
    querySpans: verb('querySpans', spans.querySpans),
    getNextSpanSequenceId: verb('getNextSpanSequenceId', spans.getNextSpanSequenceId),
    getManySpanSequenceIds: verb('getManySpanSequenceIds', spans.getManySpanSequenceIds),

    queryRollouts: verb('queryRollouts', rollouts.queryRollouts),
    getRolloutById: verb('getRolloutById', rollouts.getRolloutById),
    queryAttempts: verb('queryAttempts', rollouts.queryAttempts),
    getLatestAttempt: verb('getLatestAttempt', rollouts.getLatestAttempt),
    waitForRollouts: verb('waitForRollouts', waitForRollouts),
    updateRollout: verb('updateRollout', rollouts.updateRollout),
    updateAttempt: verb('updateAttempt', rollouts.updateAttempt),

    addResources: verb('addResources', resources.addResources),
    updateResources: verb('updateResources', resources.updateResources),
    updateManyResources: verb('updateManyResources', resources.updateManyResources),
    getResourcesById: (request) => whileOpen(() => cache.get(request)),
    getLatestResources: plain<void, ResourcesUpdate | null>(resources.getLatestResources),
    queryResources: verb('queryResources', resources.queryResources),
    queryResourcesVersions: verb('queryResourcesVersions', resources.queryResourcesVersions),
    deleteResources: verb('deleteResources', async (_, request: RequestOf<'deleteResources'>) => {
      const deleted = await resources.deleteResources(client, request)
      // What it held may be of what was deleted.
      cache = newCache()
      return deleted
    }),
    setResourcesAlias: verb('setResourcesAlias', resources.setResourcesAlias),
    getResourcesByAlias: verb('getResourcesByAlias', resources.getResourcesByAlias),
    queryResourcesAliases: verb('queryResourcesAliases', resources.queryResourcesAliases),
    deleteResourcesAlias: verb('deleteResourcesAlias', resources.deleteResourcesAlias),

    queryWorkers: verb('queryWorkers', workers.queryWorkers),
    getWorkerById: verb('getWorkerById', workers.getWorkerById),
    updateWorker: verb('updateWorker', workers.updateWorker),
    heartbeat: verb('heartbeat', workers.heartbeat),

    watch: (request = {}) => watch(client, parseRequest('watch', request)),
    statistics: plain<void, StoreStatistics>(() => readStatistics(connection)),
    exportSnapshot: (request = {}) => exportSnapshot(client, parseRequest('exportSnapshot', request)),
    importSnapshot: verb('importSnapshot', importSnapshot),

    warmResources: (snapshots) => whileOpen(() => cache.warm(snapshots)),
    close,
    [Symbol.asyncDispose]: close,
  })
}
