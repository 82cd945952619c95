import {
  type Attempt,
  type DequeueRequest,
  type Idempotent,
  implementing,
  type LightningStore,
  parseOptions,
  type ResourcesUpdate,
  type StoreCapabilities,
  type StoreFeature,
  type StoreStatistics,
} from '@agl/types'
import { z } from 'zod'
import { type Clock, systemClock } from '../clock.ts'
import type { Ids } from '../ids.ts'
import { attemptNotFound, storeClosed } from '../not-found.ts'
import { parseNewSpan, parseNewSpans } from '../check-span.ts'
import { parseOtelSpan } from '../parse-otel-span.ts'
import { matchResources, matchRollouts, matchWorkers, pageOf, sortFields } from '../query.ts'
import { parseEnqueueRequest, parseRequest, type requestSchemas } from '../requests.ts'
import { releaseAttempt, updateAttempt } from '../state-machine/index.ts'
import { workerBeat } from '../workers.ts'
import type { RecordStorage } from './storage.ts'
import {
  answerOf,
  claimRow,
  findAttempt,
  findRow,
  flush,
  insertRow,
  openTables,
  putWorker,
  refuse,
  settle,
  touch,
  writeTransition,
} from './tables.ts'
import * as verbs from './verbs.ts'

/** Options of {@link createBasicStore}. */
export interface BasicStoreOptions {
  /** For statistics and messages. Default `BasicStore`. */
  readonly name?: string
  /** Where records are kept beside the memory. Default: nowhere, they end with the process. */
  readonly storage?: RecordStorage
  /** Default: the system's clock. */
  readonly clock?: Clock
  /** Default: random ids. */
  readonly ids?: Ids
}

const optionsSchema = z.strictObject({
  name: z.string().min(1).optional(),
  storage: implementing<RecordStorage>('a RecordStorage', 'read', 'write').optional(),
  clock: implementing<Clock>('a Clock', 'now', 'schedule', 'wait').optional(),
  ids: implementing<Ids>('Ids', 'rolloutId', 'attemptId', 'resourcesId').optional(),
})

type Verb = keyof typeof requestSchemas & keyof LightningStore
type RequestOf<Name extends Verb> = Exclude<Parameters<LightningStore[Name]>[0], undefined>

/**
 * A whole store over anything that keeps records: all of the contract but the features `scheduling`, `watch`, `deletes`,
 * `retention`, `aliases` and `snapshots`. It holds everything in memory and looks through all of it for most calls, so it
 * suits tests, small tools and the first version of a store of one's own, for one process and some thousand rollouts.
 * @throws AglError `invalid_argument` when the storage holds something else
 */
export function createBasicStore(options: BasicStoreOptions = {}): LightningStore {
  const {
    name = 'BasicStore',
    storage = null,
    clock = systemClock(),
    ids,
  } = parseOptions(optionsSchema, options, {}, 'options of createBasicStore')
  const tables = openTables({ name, storage, clock, ...(ids === undefined ? {} : { ids }) })
  const capabilities: StoreCapabilities = Object.freeze({
    durability: storage === null ? 'none' : 'durable',
    sharing: 'process',
    features: Object.freeze(['leases'] as const),
  })

  /** A verb: refused once closed; limits that have passed are seen before it, and its effects done after it. */
  const plain =
    <Request, Value>(work: (request: Request) => Value | Promise<Value>) =>
    async (request: Request): Promise<Value> => {
      if (tables.isClosed) throw storeClosed(name)
      settle(tables)
      const value = work(request)
      settle(tables)
      return value
    }
  /** @param nothing what a call that waits answers when its time is over; only for verbs that wait */
  const verb = <Name extends Verb, Value>(
    verbName: Name,
    work: (request: RequestOf<Name>) => Value | Promise<Value>,
    nothing?: () => Value,
  ) =>
    plain((request?: RequestOf<Name>): Value | Promise<Value> => {
      const parsed = parseRequest<RequestOf<Name> & Idempotent & Pick<DequeueRequest, 'waitMs' | 'signal'>>(verbName, request)
      const { idempotencyKey: key, waitMs = 0, signal } = parsed
      const own = nothing === undefined ? undefined : { waitMs, signal, onTimeout: nothing }
      const answer = tables.keys.run(verbName, key, () => work(parsed), own)
      if (key === undefined) return answer
      const keep = (value: Value): Value => {
        const remembered = tables.keys.find(verbName, key)
        // The call that this one has waited for in vain may be waiting still.
        if (remembered !== undefined && !(remembered.answer instanceof Promise)) touch(tables, `key/${key}`, () => remembered)
        return value
      }
      if (!(answer instanceof Promise)) return keep(answer)
      return answer.then((value) => {
        keep(value)
        flush(tables)
        return value
      })
    })
  const unsupported = (feature: StoreFeature) => async (): Promise<never> => refuse(name, feature)

  const close = async (): Promise<void> => {
    if (tables.isClosed) return
    tables.isClosed = true
    tables.cancelTimer()
    tables.claims.close(storeClosed(name))
    tables.waits.close(storeClosed(name))
    flush(tables)
    await storage?.close?.()
  }

  return Object.freeze<LightningStore>({
    name,
    capabilities,

    enqueueRollout: plain((request) => insertRow(tables, 'enqueueRollout', parseEnqueueRequest(request)).row.entry.rollout),
    enqueueManyRollouts: verb('enqueueManyRollouts', ({ rollouts }) => verbs.enqueueMany(tables, rollouts)),
    startRollout: verb('startRollout', (request) => verbs.startRollout(tables, request)),
    dequeueRollout: verb(
      'dequeueRollout',
      (request) => {
        const claimed = verbs.dequeue(tables, { ...request, limit: 1 })
        return claimed instanceof Promise ? claimed.then(([first]) => first ?? null) : (claimed[0] ?? null)
      },
      () => null,
    ),
    dequeueManyRollouts: verb(
      'dequeueManyRollouts',
      (request) => verbs.dequeue(tables, request),
      () => [],
    ),
    startAttempt: verb('startAttempt', ({ rolloutId, workerId = null, leaseMs = null }) =>
      claimRow(tables, findRow(tables, rolloutId), { workerId, leaseMs, isFromQueue: false }),
    ),
    releaseAttempt: verb('releaseAttempt', ({ rolloutId, attemptId }) => {
      if (attemptId === 'latest') throw attemptNotFound(rolloutId, attemptId)
      const { row, ...subject } = findAttempt(tables, rolloutId, attemptId)
      return writeTransition(tables, row, releaseAttempt(subject, clock.now())).rollout.rollout
    }),
    cancelRollouts: verb('cancelRollouts', ({ rolloutIds }) => verbs.cancelRollouts(tables, rolloutIds)),
    deleteRollouts: unsupported('deletes'),

    addSpan: plain((span) => verbs.addSpans(tables, [parseNewSpan(span)])[0] ?? null),
    addManySpans: verb('addManySpans', ({ spans }) => verbs.addSpans(tables, parseNewSpans(spans))),
    addOtelSpan: verb('addOtelSpan', (request) => verbs.addSpans(tables, [parseOtelSpan(request)])[0] ?? null),
    querySpans: verb('querySpans', (query) => verbs.querySpans(tables, query)),
    getNextSpanSequenceId: verb('getNextSpanSequenceId', (attempt) => verbs.nextSequenceIds(tables, [attempt])[0]!),
    getManySpanSequenceIds: verb('getManySpanSequenceIds', ({ attempts }) => verbs.nextSequenceIds(tables, attempts)),

    queryRollouts: verb('queryRollouts', (query) => {
      const rollouts = [...tables.rows.values()].map((row) => row.entry.rollout)
      const page = pageOf(rollouts, matchRollouts(query), query, sortFields.rollouts)
      return { ...page, items: page.items.map(({ rollout_id: id }) => answerOf(findRow(tables, id))) }
    }),
    getRolloutById: verb('getRolloutById', ({ rolloutId }) => {
      const row = tables.rows.get(rolloutId)
      return row === undefined ? null : answerOf(row)
    }),
    queryAttempts: verb('queryAttempts', (query) =>
      pageOf(attemptsOf(query.rolloutId), null, { sortBy: 'sequence_id', ...query }, sortFields.attempts),
    ),
    getLatestAttempt: verb('getLatestAttempt', ({ rolloutId }) => attemptsOf(rolloutId).at(-1) ?? null),
    waitForRollouts: verb('waitForRollouts', (request) => verbs.waitForRollouts(tables, request)),
    updateRollout: verb('updateRollout', (update) => verbs.updateRollout(tables, update)),
    updateAttempt: verb('updateAttempt', ({ rolloutId, attemptId, ...change }) => {
      const { row, ...subject } = findAttempt(tables, rolloutId, attemptId)
      const before = subject.attempt.attempt.attempt_id
      writeTransition(tables, row, updateAttempt(subject, change, clock.now()))
      return findAttempt(tables, rolloutId, before).attempt.attempt
    }),

    addResources: verb(
      'addResources',
      ({ resources }) => verbs.changeResources(tables, [{ resourcesId: tables.ids.resourcesId(), resources }])[0]!,
    ),
    updateResources: verb('updateResources', (change) => verbs.changeResources(tables, [change])[0]!),
    updateManyResources: verb('updateManyResources', ({ updates }) => verbs.changeResources(tables, updates)),
    getResourcesById: verb(
      'getResourcesById',
      ({ resourcesId, version }) =>
        tables.versions.findLast((item) => item.resources_id === resourcesId && (version == null || item.version === version)) ??
        null,
    ),
    getLatestResources: plain<void, ResourcesUpdate | null>(() => tables.versions.at(-1) ?? null),
    queryResources: verb('queryResources', (query) => {
      // A later version takes the place of the one before it.
      const newest = new Map(tables.versions.map((item) => [item.resources_id, item]))
      return pageOf([...newest.values()], matchResources(query), query, sortFields.resources)
    }),
    queryResourcesVersions: verb('queryResourcesVersions', (query) =>
      pageOf(tables.versions, (item) => item.resources_id === query.resourcesId, query, sortFields.resources),
    ),
    deleteResources: unsupported('deletes'),
    setResourcesAlias: unsupported('aliases'),
    getResourcesByAlias: unsupported('aliases'),
    queryResourcesAliases: unsupported('aliases'),
    deleteResourcesAlias: unsupported('aliases'),

    queryWorkers: verb('queryWorkers', (query) =>
      pageOf([...tables.workers.values()], matchWorkers(query), query, sortFields.workers),
    ),
    getWorkerById: verb('getWorkerById', ({ workerId }) => tables.workers.get(workerId) ?? null),
    updateWorker: verb('updateWorker', ({ workerId, heartbeatStats }) =>
      putWorker(tables, workerBeat(tables.workers.get(workerId), workerId, heartbeatStats, clock.now())),
    ),
    heartbeat: verb('heartbeat', (request) => verbs.heartbeat(tables, request)),

    watch: () => refuse(name, 'watch'),
    statistics: plain<void, StoreStatistics>(() => ({
      name,
      total_rollouts: tables.rows.size,
      total_attempts: [...tables.rows.values()].reduce((sum, row) => sum + row.attempts.length, 0),
      total_spans: [...tables.rows.values()].reduce((sum, row) => sum + row.spans.length, 0),
      total_resources: new Set(tables.versions.map((item) => item.resources_id)).size,
      total_workers: tables.workers.size,
      total_span_bytes: null,
      total_resources_bytes: null,
      uptime: clock.now() - tables.madeAt,
    })),
    exportSnapshot: () => refuse(name, 'snapshots'),
    importSnapshot: unsupported('snapshots'),
    close,
    [Symbol.asyncDispose]: close,
  })

  function attemptsOf(rolloutId: string): readonly Attempt[] {
    return tables.rows.get(rolloutId)?.attempts.map((entry) => entry.attempt) ?? []
  }
}
