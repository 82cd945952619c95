import { resolve } from 'node:path'
import {
  copySpan,
  createClaimWaiters,
  createIds,
  createRolloutWaiters,
  parseEnqueueRequest,
  parseNewSpan,
  parseNewSpans,
  parseOtelSpan,
  parseRequest,
  parseResources,
  parseResourcesChanges,
  type requestSchemas,
  seededRandom,
  systemClock,
  storeSpecOf,
} from '@agl/store-kit'
import {
  copyJson,
  type EnqueueRolloutRequest,
  type Idempotent,
  type LightningStore,
  type StoreCapabilities,
  type StoreSpec,
} from '@agl/types'
import { deleteResourcesAlias, getResourcesByAlias, queryResourcesAliases, setResourcesAlias } from './aliases.ts'
import { getLatestAttempt, heartbeat, queryAttempts, releaseAttempt, updateAttempt } from './attempts.ts'
import { startAttempt } from './claim.ts'
import { deleteRollouts } from './delete.ts'
import { dequeue } from './dequeue.ts'
import { createEngine } from './engine.ts'
import { enqueueRollouts, startRollout } from './enqueue.ts'
import { once } from './idempotency.ts'
import { inMemory, type ParsedOptions, parseOptions, type SqliteStoreOptions } from './options.ts'
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
import type { Reading, SqliteState, Writing } from './state.ts'
import { statistics } from './statistics.ts'
import { waitForRollouts } from './wait.ts'
import { watch } from './watch.ts'
import { beatWorker, getWorker, queryWorkers } from './workers.ts'

const capabilities: StoreCapabilities = Object.freeze({
  durability: 'durable',
  sharing: 'machine',
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

/** A store in a file. */
export interface SqliteStore extends LightningStore {
  /**
   * Opens the file now, making or migrating it if need be. Every call does this when it is the first; calling it early
   * tells at start-up whether the file is fit.
   * @throws AglError `invalid_argument` for a file that is no store or of a newer schema, `database_corrupt`, `timeout`
   */
  open(): Promise<void>
}

type Verb = keyof typeof requestSchemas

/** Null for what is in memory, and for a handle whose clock is the caller's. */
function specOf({ file, durability, busyTimeoutMs, clock }: SqliteStoreOptions): StoreSpec | null {
  if (file === inMemory || clock !== undefined) return null
  return storeSpecOf({
    module: import.meta.resolve('@agl/store-sqlite'),
    factory: createSqliteStore.name,
    options: { file: resolve(file), durability, busyTimeoutMs },
  })
}

/**
 * A store in one SQLite file, which several processes on a machine may share; what it acknowledged is there after the
 * process is killed. Construction touches no file: the first call, or `open()`, does.
 * @throws AglError `invalid_argument` for options that are unknown or do not fit
 */
export function createSqliteStore(options: SqliteStoreOptions): SqliteStore {
  const parsed = parseOptions(options)
  const state = createState(parsed)
  const engine = createEngine(state, parsed)

  /** A verb of several steps. */
  const run =
    <Request, Value>(name: Verb, work: (request: Request) => Promise<Value>) =>
    async (request: Request): Promise<Value> => {
      engine.throwIfClosed()
      return work(parseRequest<Request>(name, request))
    }

  /** A verb that changes something. */
  const write =
    <Request, Value>(name: Verb | null, work: (writing: Writing, request: Request) => Value) =>
    async (request: Request): Promise<Value> => {
      engine.throwIfClosed()
      const parsed = name === null ? request : parseRequest<Request>(name, request)
      return engine.write((writing) => work(writing, parsed))
    }

  const writeOnce = <Value>(name: Verb, key: string | undefined, work: (writing: Writing) => Value): Promise<Value> =>
    engine.write((writing) => once(writing, name, key, () => work(writing)))

  /** A verb that changes something and whose calls may carry an idempotency key. */
  const keyed = <Request extends Idempotent, Value>(
    name: Verb,
    work: (writing: Writing, request: Request) => Value,
  ): ((request: Request) => Promise<Value>) =>
    run<Request, Value>(name, (request) => writeOnce(name, request.idempotencyKey, (writing) => work(writing, request)))

  const read =
    <Request, Value>(name: Verb | null, work: (reading: Reading, request: Request) => Value) =>
    async (request: Request): Promise<Value> => {
      engine.throwIfClosed()
      const parsed = name === null ? request : parseRequest<Request>(name, request)
      return engine.read((reading) => work(reading, parsed))
    }

  return Object.freeze<SqliteStore>({
    name: state.name,
    capabilities,
    get spec() {
      return specOf(options)
    },
    open: engine.open,

    startRollout: async (request) => {
      engine.throwIfClosed()
      const { rollout, ...rest } = parseRequest<typeof request>('startRollout', request)
      const checked = parseOwnEnqueueRequest(rollout, 'rollout')
      return engine.write((writing) => startRollout(writing, { ...rest, rollout: checked }))
    },
    enqueueRollout: async (request) => {
      engine.throwIfClosed()
      const checked = parseOwnEnqueueRequest(request)
      return engine.write((writing) => enqueueRollouts(writing, [checked])[0]!)
    },
    enqueueManyRollouts: run('enqueueManyRollouts', async ({ rollouts }) => {
      const checked = rollouts.map((request, index) => parseOwnEnqueueRequest(request, `rollouts[${index}]`))
      return engine.write((writing) => enqueueRollouts(writing, checked))
    }),
    dequeueRollout: run('dequeueRollout', async (request = {}) => {
      const claimed = await dequeue(engine, state, 'dequeueRollout', { ...request, limit: 1 })
      return claimed[0] ?? null
    }),
    dequeueManyRollouts: run('dequeueManyRollouts', async (request) => dequeue(engine, state, 'dequeueManyRollouts', request)),
    startAttempt: keyed('startAttempt', (writing, request: Parameters<LightningStore['startAttempt']>[0]) =>
      startAttempt(writing, request),
    ),
    releaseAttempt: write('releaseAttempt', releaseAttempt),
    cancelRollouts: write('cancelRollouts', (writing, { rolloutIds }) => cancelRollouts(writing, rolloutIds)),
    deleteRollouts: write('deleteRollouts', (writing, { rolloutIds }) => deleteRollouts(writing, rolloutIds)),

    addSpan: async (span) => {
      engine.throwIfClosed()
      const checked = copySpan(parseNewSpan(span))
      return engine.write((writing) => addSpans(writing, [checked])[0] ?? null)
    },
    addManySpans: run('addManySpans', async ({ spans }) => {
      const checked = parseNewSpans(spans).map(copySpan)
      return engine.write((writing) => addSpans(writing, checked))
    }),
    addOtelSpan: run('addOtelSpan', async (request) => {
      const checked = copySpan(parseOtelSpan(request))
      return engine.write((writing) => addSpans(writing, [checked])[0] ?? null)
    }),
    querySpans: read('querySpans', querySpans),
    getNextSpanSequenceId: write('getNextSpanSequenceId', (writing, attempt) => nextSequenceIds(writing, [attempt])[0]!),
    getManySpanSequenceIds: write('getManySpanSequenceIds', (writing, { attempts }) => nextSequenceIds(writing, attempts)),

    queryRollouts: read('queryRollouts', (reading, query = {}) => queryRollouts(reading, query)),
    getRolloutById: read('getRolloutById', (reading, { rolloutId }) => getRolloutById(reading, rolloutId)),
    queryAttempts: read('queryAttempts', queryAttempts),
    getLatestAttempt: read('getLatestAttempt', (reading, { rolloutId }) => getLatestAttempt(reading, rolloutId)),
    waitForRollouts: run('waitForRollouts', async (request) => waitForRollouts(engine, state, request)),
    updateRollout: run('updateRollout', async (update) => {
      const own = update.input === undefined ? update : { ...update, input: copyJson(update.input) }
      return writeOnce('updateRollout', update.idempotencyKey, (writing) => updateRollout(writing, own))
    }),
    updateAttempt: write('updateAttempt', updateAttempt),

    addResources: run('addResources', async ({ resources, idempotencyKey }) => {
      const checked = parseResources(resources, state.resourceKinds)
      return writeOnce('addResources', idempotencyKey, (writing) => addResources(writing, checked))
    }),
    updateResources: run('updateResources', async ({ idempotencyKey, ...change }) => {
      const checked = parseResourcesChanges([change], state.resourceKinds)
      return writeOnce('updateResources', idempotencyKey, (writing) => updateManyResources(writing, checked)[0]!)
    }),
    updateManyResources: run('updateManyResources', async ({ updates, idempotencyKey }) => {
      const checked = parseResourcesChanges(updates, state.resourceKinds)
      return writeOnce('updateManyResources', idempotencyKey, (writing) => updateManyResources(writing, checked))
    }),
    getResourcesById: read('getResourcesById', getResourcesById),
    getLatestResources: read<void, ReturnType<typeof getLatestResources>>(null, getLatestResources),
    queryResources: read('queryResources', (reading, query = {}) => queryResources(reading, query)),
    queryResourcesVersions: read('queryResourcesVersions', queryResourcesVersions),
    deleteResources: write('deleteResources', deleteResources),
    setResourcesAlias: write('setResourcesAlias', setResourcesAlias),
    getResourcesByAlias: read('getResourcesByAlias', (reading, { alias }) => getResourcesByAlias(reading, alias)),
    queryResourcesAliases: read('queryResourcesAliases', (reading, query = {}) => queryResourcesAliases(reading, query)),
    deleteResourcesAlias: write('deleteResourcesAlias', (writing, { alias }) => deleteResourcesAlias(writing, alias)),

    queryWorkers: read('queryWorkers', (reading, query = {}) => queryWorkers(reading, query)),
    getWorkerById: read('getWorkerById', (reading, { workerId }) => getWorker(reading, workerId) ?? null),
    updateWorker: write('updateWorker', (writing, { workerId, heartbeatStats }) => beatWorker(writing, workerId, heartbeatStats)),
    heartbeat: write('heartbeat', heartbeat),

    watch: (request = {}) => watch(engine, state, parseRequest('watch', request)),
    exportSnapshot: (request = {}) => exportSnapshot(engine, state, parseRequest('exportSnapshot', request)),
    importSnapshot: run('importSnapshot', async ({ lines }) => importSnapshot(engine, lines)),

    statistics: read<void, ReturnType<typeof statistics>>(null, statistics),
    close: engine.close,
    [Symbol.asyncDispose]: engine.close,
  })
}

/** What is written at the next commit must not change with the caller's objects until then. */
function parseOwnEnqueueRequest(value: unknown, what?: string): EnqueueRolloutRequest {
  const request = parseEnqueueRequest(value, what)
  return { ...request, input: copyJson(request.input) }
}

function createState(options: ParsedOptions): SqliteState {
  const clock = options.clock ?? systemClock()
  const random = options.seed === undefined ? options.random : seededRandom(options.seed)
  return {
    name: 'SqliteStore',
    file: options.file,
    clock,
    ids: createIds(random === undefined ? {} : { random }),
    logger: options.logger,
    resourceKinds: new Map(options.resourceKinds.map((kind) => [kind.resourceType, kind])),
    retention: options.retention,
    startTime: clock.now(),
    claimWaiters: createClaimWaiters({ clock }),
    rolloutWaiters: createRolloutWaiters({ clock }),
    workersLook: null,
    dequeues: new Map(),
  }
}
