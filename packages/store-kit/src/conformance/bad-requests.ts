import type { LightningStore, StoreFeature } from '@agl/types'

export type Verb = Exclude<keyof LightningStore, 'name' | 'capabilities' | 'spec' | 'close' | symbol>

/** A request that is good but for one field, for each field and for the kinds of fault that matter there. */
interface BadRequests {
  readonly verb: Verb
  /** What the verb needs beside the field in question. */
  readonly good: Readonly<Record<string, unknown>>
  readonly bad: Readonly<Record<string, readonly unknown[]>>
  /** Only for a store that declares it. */
  readonly feature?: StoreFeature
}

const page = {
  sortBy: ['colour', 7],
  sortOrder: ['up', null],
  limit: [-2, 1.5, '3', Number.NaN],
  offset: [-1, 0.5, '1'],
}
const text = [7, null, {}]
const texts = ['a', [1], null]
const rollout = {
  mode: ['fast', 7],
  resources_id: [7],
  resources_version: [0, 1.5, '1'],
  config: [7, { max_attempts: 0 }, { max_attempts: 1.5 }, { retry_condition: ['never'] }, { timeout_seconds: 'long' }],
  metadata: [7, 'text', []],
  priority: [0.5, 'high'],
  idempotency_key: ['', 7],
  labels: [7, { a: 1 }],
  rollout_id: [7],
}
const lease = [0, -1, '1', Number.NaN]
const attemptKeys = ['a', [{ rolloutId: 'a' }], [{ rolloutId: 'a', attemptId: 'b', colour: 1 }], [7]]
const key = { rolloutId: 'a', attemptId: 'b' }
const badKey = { rolloutId: text, attemptId: text }

export const badRequests: readonly BadRequests[] = [
  { verb: 'enqueueRollout', good: { input: 1 }, bad: { input: [undefined, () => 1, Number.NaN], ...rollout } },
  { verb: 'enqueueManyRollouts', good: {}, bad: { rollouts: [undefined, 'a', [{ input: 1 }, { mode: 'train' }]] } },
  { verb: 'startRollout', good: { rollout: { input: 1 } }, bad: { rollout: [undefined, 7, {}], workerId: [7] } },
  { verb: 'startRollout', good: { rollout: { input: 1 } }, bad: { leaseMs: lease }, feature: 'leases' },
  { verb: 'dequeueRollout', good: {}, bad: { workerId: [7], waitMs: [-1, '1'], signal: [7, {}], idempotencyKey: ['', 7] } },
  { verb: 'dequeueRollout', good: {}, bad: { leaseMs: lease }, feature: 'leases' },
  { verb: 'dequeueRollout', good: {}, bad: { capacity: [0, 1.5, '1'] }, feature: 'scheduling' },
  {
    verb: 'dequeueManyRollouts',
    good: { limit: 1 },
    bad: { limit: [undefined, 1.5, '1'], workerId: [7], waitMs: [-1], signal: [7, {}], idempotencyKey: ['', 7] },
  },
  { verb: 'dequeueManyRollouts', good: { limit: 1 }, bad: { leaseMs: lease }, feature: 'leases' },
  { verb: 'dequeueManyRollouts', good: { limit: 1 }, bad: { capacity: [0, 1.5, '1'] }, feature: 'scheduling' },
  { verb: 'startAttempt', good: { rolloutId: 'a' }, bad: { rolloutId: text, workerId: [7], idempotencyKey: ['', 7] } },
  { verb: 'startAttempt', good: { rolloutId: 'a' }, bad: { leaseMs: lease }, feature: 'leases' },
  { verb: 'releaseAttempt', good: key, bad: badKey, feature: 'leases' },
  { verb: 'cancelRollouts', good: {}, bad: { rolloutIds: [undefined, ...texts] } },
  { verb: 'deleteRollouts', good: {}, bad: { rolloutIds: [undefined, ...texts] }, feature: 'deletes' },
  { verb: 'addManySpans', good: {}, bad: { spans: [undefined, 'a', {}] } },
  { verb: 'addOtelSpan', good: { ...key, span: {} }, bad: { ...badKey, span: [undefined, 7, null], sequenceId: [1.5, 'x'] } },
  {
    verb: 'querySpans',
    good: { rolloutId: 'a' },
    bad: {
      ...page,
      rolloutId: text,
      attemptId: text,
      traceId: text,
      traceIdContains: text,
      spanId: text,
      spanIdContains: text,
      parentId: text,
      parentIdContains: text,
      name: text,
      nameContains: text,
      filterLogic: ['xor', null],
    },
  },
  { verb: 'getNextSpanSequenceId', good: key, bad: badKey },
  { verb: 'getManySpanSequenceIds', good: {}, bad: { attempts: [undefined, ...attemptKeys] } },
  {
    verb: 'queryRollouts',
    good: {},
    bad: {
      ...page,
      sortBy: ['colour', 'input', 'config', 'labels'],
      statusIn: ['queuing', ['waiting']],
      rolloutIdIn: texts,
      rolloutIdContains: text,
      modeIn: ['train', ['fast']],
      labels: [7, { a: 1 }],
      filterLogic: ['xor'],
    },
  },
  { verb: 'getRolloutById', good: {}, bad: { rolloutId: [undefined, ...text] } },
  { verb: 'queryAttempts', good: { rolloutId: 'a' }, bad: { ...page, rolloutId: text } },
  { verb: 'getLatestAttempt', good: {}, bad: { rolloutId: [undefined, ...text] } },
  {
    verb: 'waitForRollouts',
    good: { rolloutIds: [] },
    bad: { rolloutIds: texts, timeoutMs: ['1'], atLeast: [0, 1.5, '1'], signal: [7] },
  },
  {
    verb: 'updateRollout',
    good: { rolloutId: 'a' },
    bad: {
      rolloutId: text,
      input: [() => 1, Number.NaN, { when: new Date(0) }],
      mode: ['fast'],
      resourcesId: [7],
      status: ['waiting', null],
      config: [7, null, { max_attempts: 0 }],
      metadata: [7, 'text'],
      idempotencyKey: ['', 7],
    },
  },
  {
    verb: 'updateAttempt',
    good: key,
    bad: {
      ...badKey,
      status: ['queuing', null],
      outcome: ['good', null],
      workerId: [7, null],
      lastHeartbeatTime: ['now', null, Number.NaN],
      metadata: [7, null],
    },
  },
  { verb: 'addResources', good: {}, bad: { resources: [undefined, 7, null, []] } },
  { verb: 'addResources', good: { resources: {} }, bad: { idempotencyKey: ['', 7] } },
  {
    verb: 'updateResources',
    good: { resourcesId: 'a', resources: {} },
    bad: { resourcesId: text, resources: [7], expectedVersion: [-1, 0.5, '1'], idempotencyKey: ['', 7] },
  },
  {
    verb: 'updateManyResources',
    good: { updates: [] },
    bad: {
      updates: [
        undefined,
        7,
        [{ resourcesId: 7, resources: {} }],
        ...[-1, 0.5, '1'].map((expectedVersion) => [{ resourcesId: 'a', resources: {}, expectedVersion }]),
      ],
      idempotencyKey: ['', 7],
    },
  },
  { verb: 'getResourcesById', good: { resourcesId: 'a' }, bad: { resourcesId: text, version: [1.5, '1'] } },
  { verb: 'queryResources', good: {}, bad: { ...page, resourcesId: text, resourcesIdContains: text } },
  { verb: 'queryResourcesVersions', good: { resourcesId: 'a' }, bad: { ...page, resourcesId: text } },
  { verb: 'deleteResources', good: { resourcesId: 'a' }, bad: { resourcesId: text, version: [0, 1.5] }, feature: 'deletes' },
  {
    verb: 'setResourcesAlias',
    good: { alias: 'a', resourcesId: 'a', version: 1 },
    bad: { alias: text, resourcesId: text, version: [0, 1.5, undefined], expected: [7, { resourcesId: 'a' }] },
    feature: 'aliases',
  },
  { verb: 'getResourcesByAlias', good: {}, bad: { alias: [undefined, ...text] }, feature: 'aliases' },
  { verb: 'queryResourcesAliases', good: {}, bad: page, feature: 'aliases' },
  { verb: 'deleteResourcesAlias', good: {}, bad: { alias: [undefined, ...text] }, feature: 'aliases' },
  {
    verb: 'queryWorkers',
    good: {},
    bad: { ...page, statusIn: ['busy', ['asleep']], workerIdContains: text, filterLogic: ['xor'] },
  },
  { verb: 'getWorkerById', good: {}, bad: { workerId: [undefined, ...text] } },
  { verb: 'updateWorker', good: { workerId: 'w' }, bad: { workerId: text, heartbeatStats: [7, null] } },
  { verb: 'heartbeat', good: { workerId: 'w' }, bad: { workerId: text, attempts: attemptKeys, stats: [7, null] } },
  { verb: 'heartbeat', good: { workerId: 'w' }, bad: { leaseMs: lease }, feature: 'leases' },
  { verb: 'heartbeat', good: { workerId: 'w' }, bad: { capacity: [0, 1.5] }, feature: 'scheduling' },
  { verb: 'watch', good: {}, bad: { after: [7, null], signal: [7], onOpen: [7, null] }, feature: 'watch' },
  { verb: 'exportSnapshot', good: {}, bad: { signal: [7] }, feature: 'snapshots' },
  { verb: 'importSnapshot', good: { lines: [] }, bad: { lines: [undefined, 7, null] }, feature: 'snapshots' },
]
