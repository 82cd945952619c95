import {
  AglError,
  type AttemptUpdate,
  attemptOutcomeSchema,
  attemptStatusSchema,
  copyJson,
  type DequeueRequest,
  type EnqueueRolloutRequest,
  enqueueRolloutRequestSchema,
  type HeartbeatRequest,
  type JsonObject,
  describeValue,
  isPlainObject,
  jsonObjectSchema,
  jsonValueSchema,
  type LightningStore,
  type NamedResources,
  namedResourcesSchema,
  namedValues,
  type PageRequest,
  parseOrThrow,
  type ResourceKind,
  type ResourcesAlias,
  type ResourcesChange,
  type ResourcesQuery,
  type RolloutQuery,
  type RolloutUpdate,
  rolloutConfigSchema,
  rolloutModeSchema,
  rolloutStatusSchema,
  type SpanQuery,
  type StartRolloutRequest,
  type WaitRequest,
  type WatchRequest,
  type WorkerQuery,
  workerStatusSchema,
} from '@agl/types'
import { z } from 'zod'
import { checkChosenId, isRouteSafe, routeSafeMessage } from './check-id.ts'
import { checkJson } from './json.ts'
import { orNull, quickCheck, quickCheckOf, type Test, withTest } from './quick-check.ts'

/*
 * The requests of a store, checked at its edge. Unknown keys are errors; a key that is undefined counts as absent.
 */

const longestKey = 200

/** Of the requests that hold only what can be tested by hand. */
const quickChecks = new WeakMap<z.ZodType, Test>()

type RequestOf<Verb extends keyof LightningStore> = LightningStore[Verb] extends (request: infer Request) => unknown
  ? Request
  : never

/** Stores look for texts by value, and half of a surrogate pair has no form in UTF-8. */
const isText = (value: unknown): boolean => typeof value === 'string' && value.isWellFormed()
const isId = (value: unknown): boolean => isText(value) && value !== ''
const isKey = (value: unknown): boolean => isId(value) && (value as string).length <= longestKey
const isWorkerId = (value: unknown): boolean => typeof value === 'string' && (value === '' || isRouteSafe(value))
const isNumber = (value: unknown): boolean => Number.isFinite(value)
/** Every value in it is there: a hole would be passed over by what checks the items. */
const isList = (value: unknown): boolean => Array.isArray(value) && !value.includes(undefined)
function isMemberOf(schema: z.ZodType<string>): Test {
  const members: ReadonlySet<unknown> = new Set((schema as unknown as z.ZodEnum).options)
  return (value) => members.has(value)
}

const wellFormed = z.string().refine(isText, { error: 'expected well-formed text' })
const text = withTest(wellFormed, isText)
const id = withTest(wellFormed.min(1), isId)
/** An id that the caller chooses: it becomes part of HTTP routes. */
const chosenId = z.string().refine(isRouteSafe, { error: routeSafeMessage })
/** A worker id; "" is kept but names nobody. */
const chosenWorkerId = withTest(
  z.string().refine((value) => value === '' || isRouteSafe(value), { error: routeSafeMessage }),
  isWorkerId,
)
const key = z.string().refine(isKey, { error: `expected well-formed text of 1 to ${longestKey} characters` })
const idempotencyKey = withTest(key.optional(), isKey)
const onOpen = z.custom((value) => typeof value === 'function', { error: 'expected a function' }).optional()
const signal = withTest(z.custom<AbortSignal>(isSignal, { error: 'expected an AbortSignal' }).optional(), isSignal)
/** Of any realm: an AbortSignal of a test environment or a polyfill is no instance of ours. */
function isSignal(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'aborted' in value &&
    ['throwIfAborted', 'addEventListener', 'removeEventListener'].every(
      (method) => typeof (value as Readonly<Record<string, unknown>>)[method] === 'function',
    )
  )
}

function isIterable(value: object): boolean {
  const { [Symbol.asyncIterator]: asyncIterator, [Symbol.iterator]: iterator } = value as {
    readonly [Symbol.asyncIterator]?: unknown
    readonly [Symbol.iterator]?: unknown
  }
  return typeof asyncIterator === 'function' || typeof iterator === 'function'
}

const workerId = withTest(chosenWorkerId.nullable().optional(), orNull(isWorkerId))
const capacity = withTest(z.int().min(1).optional(), (value) => Number.isSafeInteger(value) && (value as number) >= 1)
const leaseMs = withTest(
  z.number().positive().max(Number.MAX_SAFE_INTEGER).optional(),
  (value) => typeof value === 'number' && value > 0 && value <= Number.MAX_SAFE_INTEGER,
)
const waitMs = withTest(
  z.number().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  (value) => typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER,
)
const items = withTest(z.array(z.unknown()), isList)
const filterLogic = z.enum(['and', 'or']).optional()
const attemptKey = schemaOf<{ readonly rolloutId: string; readonly attemptId: string }>({ rolloutId: id, attemptId: id })

/** `limit` and `sortBy` in the words of the reference, which clients match on. */
const page = {
  sortBy: text.nullable().optional(),
  sortOrder: z.enum(['asc', 'desc']).optional(),
  limit: z.int().min(-1, { error: 'Limit must be greater than 0 or -1 for no limit' }).optional(),
  offset: z.int().min(0, { error: 'Offset must be greater than or equal to 0' }).optional(),
}

const dequeue = {
  workerId,
  waitMs,
  leaseMs,
  capacity,
  idempotencyKey,
  signal,
}

/** Heartbeats are taken when a store is full too, so each worker may take only so much. */
const largestStats = 64 * 1024
const stats = jsonObjectSchema
  .refine((value) => JSON.stringify(value).length <= largestStats, {
    error: `expected no more than ${largestStats} characters of JSON`,
  })
  .optional()

const version = z.int().min(1)
const resourcesChange = { resourcesId: chosenId, resources: z.unknown(), expectedVersion: z.int().min(0).optional() }

/** Types say `key?: T`; these schemas also take `key: undefined`, which callers with looser compilers send. */
function schemaOf<T>(shape: z.core.$ZodLooseShape): z.ZodType<T> {
  const schema = z.strictObject(shape)
  quickChecks.set(schema, quickCheckOf(shape))
  return schema as unknown as z.ZodType<T>
}

/** The schema of each request. New rollouts, spans and resources within are left to the parsers of their own. */
export const requestSchemas: Readonly<{
  enqueueManyRollouts: z.ZodType<RequestOf<'enqueueManyRollouts'>>
  addManySpans: z.ZodType<RequestOf<'addManySpans'>>
  getNextSpanSequenceId: z.ZodType<RequestOf<'getNextSpanSequenceId'>>
  getRolloutById: z.ZodType<RequestOf<'getRolloutById'>>
  getLatestAttempt: z.ZodType<RequestOf<'getLatestAttempt'>>
  addOtelSpan: z.ZodType<RequestOf<'addOtelSpan'>>
  addResources: z.ZodType<RequestOf<'addResources'>>
  updateResources: z.ZodType<ResourcesChange>
  updateManyResources: z.ZodType<RequestOf<'updateManyResources'>>
  queryResourcesVersions: z.ZodType<RequestOf<'queryResourcesVersions'>>
  deleteResources: z.ZodType<RequestOf<'deleteResources'>>
  setResourcesAlias: z.ZodType<RequestOf<'setResourcesAlias'>>
  getResourcesByAlias: z.ZodType<RequestOf<'getResourcesByAlias'>>
  queryResourcesAliases: z.ZodType<PageRequest<keyof ResourcesAlias>>
  deleteResourcesAlias: z.ZodType<RequestOf<'deleteResourcesAlias'>>
  deleteRollouts: z.ZodType<RequestOf<'deleteRollouts'>>
  watch: z.ZodType<WatchRequest>
  exportSnapshot: z.ZodType<{ readonly signal?: AbortSignal }>
  importSnapshot: z.ZodType<RequestOf<'importSnapshot'>>
  getResourcesById: z.ZodType<RequestOf<'getResourcesById'>>
  getWorkerById: z.ZodType<RequestOf<'getWorkerById'>>
  startRollout: z.ZodType<StartRolloutRequest>
  dequeueRollout: z.ZodType<DequeueRequest>
  dequeueManyRollouts: z.ZodType<RequestOf<'dequeueManyRollouts'>>
  startAttempt: z.ZodType<RequestOf<'startAttempt'>>
  releaseAttempt: z.ZodType<RequestOf<'releaseAttempt'>>
  cancelRollouts: z.ZodType<RequestOf<'cancelRollouts'>>
  querySpans: z.ZodType<SpanQuery>
  getManySpanSequenceIds: z.ZodType<RequestOf<'getManySpanSequenceIds'>>
  queryRollouts: z.ZodType<RolloutQuery>
  queryAttempts: z.ZodType<RequestOf<'queryAttempts'>>
  waitForRollouts: z.ZodType<WaitRequest>
  updateRollout: z.ZodType<RolloutUpdate>
  updateAttempt: z.ZodType<AttemptUpdate>
  queryResources: z.ZodType<ResourcesQuery>
  queryWorkers: z.ZodType<WorkerQuery>
  updateWorker: z.ZodType<RequestOf<'updateWorker'>>
  heartbeat: z.ZodType<HeartbeatRequest>
}> = Object.freeze({
  enqueueManyRollouts: schemaOf<RequestOf<'enqueueManyRollouts'>>({ rollouts: items }),
  addManySpans: schemaOf<RequestOf<'addManySpans'>>({ spans: items }),
  getNextSpanSequenceId: attemptKey,
  getRolloutById: schemaOf<RequestOf<'getRolloutById'>>({ rolloutId: text }),
  getLatestAttempt: schemaOf<RequestOf<'getLatestAttempt'>>({ rolloutId: text }),
  addOtelSpan: schemaOf<RequestOf<'addOtelSpan'>>({
    rolloutId: id,
    attemptId: id,
    span: z.custom((value) => typeof value === 'object' && value !== null, { error: 'expected a finished OpenTelemetry span' }),
    sequenceId: z.int().optional(),
  }),
  addResources: schemaOf<RequestOf<'addResources'>>({ resources: z.unknown(), idempotencyKey }),
  updateResources: schemaOf<ResourcesChange>({ ...resourcesChange, idempotencyKey }),
  // One key for the whole call: a key of one of the changes would be a promise nobody keeps.
  updateManyResources: schemaOf<RequestOf<'updateManyResources'>>({
    updates: z.array(z.strictObject(resourcesChange)),
    idempotencyKey,
  }),
  queryResourcesVersions: schemaOf<RequestOf<'queryResourcesVersions'>>({ ...page, resourcesId: text }),
  deleteResources: schemaOf<RequestOf<'deleteResources'>>({ resourcesId: id, version: version.optional() }),
  setResourcesAlias: schemaOf<RequestOf<'setResourcesAlias'>>({
    alias: chosenId,
    resourcesId: id,
    version,
    expected: z.strictObject({ resourcesId: id, version }).nullable().optional(),
  }),
  getResourcesByAlias: schemaOf<RequestOf<'getResourcesByAlias'>>({ alias: text }),
  queryResourcesAliases: schemaOf<PageRequest<keyof ResourcesAlias>>(page),
  deleteResourcesAlias: schemaOf<RequestOf<'deleteResourcesAlias'>>({ alias: text }),
  deleteRollouts: schemaOf<RequestOf<'deleteRollouts'>>({ rolloutIds: z.array(text) }),
  watch: schemaOf<WatchRequest>({ after: text.optional(), signal, onOpen }),
  exportSnapshot: schemaOf<{ readonly signal?: AbortSignal }>({ signal }),
  importSnapshot: schemaOf<RequestOf<'importSnapshot'>>({
    lines: z.custom((value) => typeof value === 'object' && value !== null && !(value instanceof Map) && isIterable(value), {
      error: 'expected the lines of a snapshot',
    }),
  }),
  getResourcesById: schemaOf<RequestOf<'getResourcesById'>>({ resourcesId: text, version: z.int().nullable().optional() }),
  getWorkerById: schemaOf<RequestOf<'getWorkerById'>>({ workerId: text }),
  startRollout: schemaOf<StartRolloutRequest>({ rollout: z.unknown(), workerId, leaseMs }),
  dequeueRollout: schemaOf<DequeueRequest>(dequeue),
  dequeueManyRollouts: schemaOf<RequestOf<'dequeueManyRollouts'>>({ ...dequeue, limit: z.int() }),
  startAttempt: schemaOf<RequestOf<'startAttempt'>>({ rolloutId: id, workerId, leaseMs, idempotencyKey }),
  releaseAttempt: attemptKey,
  cancelRollouts: schemaOf<RequestOf<'cancelRollouts'>>({ rolloutIds: z.array(text) }),
  querySpans: schemaOf<SpanQuery>({
    ...page,
    rolloutId: text,
    attemptId: text.optional(),
    traceId: text.optional(),
    traceIdContains: text.optional(),
    spanId: text.optional(),
    spanIdContains: text.optional(),
    parentId: text.optional(),
    parentIdContains: text.optional(),
    name: text.optional(),
    nameContains: text.optional(),
    filterLogic,
  }),
  getManySpanSequenceIds: schemaOf<RequestOf<'getManySpanSequenceIds'>>({ attempts: z.array(attemptKey) }),
  queryRollouts: schemaOf<RolloutQuery>({
    ...page,
    statusIn: z.array(rolloutStatusSchema).optional(),
    rolloutIdIn: z.array(text).optional(),
    rolloutIdContains: text.optional(),
    modeIn: z.array(rolloutModeSchema).optional(),
    labels: namedValues(text).optional(),
    filterLogic,
  }),
  queryAttempts: schemaOf<RequestOf<'queryAttempts'>>({ ...page, rolloutId: text }),
  waitForRollouts: schemaOf<WaitRequest>({
    rolloutIds: z.array(text),
    timeoutMs: z.number().nullable().optional(),
    atLeast: z.int().min(1).optional(),
    signal,
  }),
  updateRollout: schemaOf<RolloutUpdate>({
    rolloutId: id,
    input: jsonValueSchema.optional(),
    mode: rolloutModeSchema.nullable().optional(),
    resourcesId: text.nullable().optional(),
    status: rolloutStatusSchema.optional(),
    config: rolloutConfigSchema.optional(),
    metadata: jsonObjectSchema.nullable().optional(),
    idempotencyKey,
  }),
  updateAttempt: schemaOf<AttemptUpdate>({
    rolloutId: id,
    attemptId: id,
    status: withTest(attemptStatusSchema.optional(), isMemberOf(attemptStatusSchema)),
    outcome: withTest(attemptOutcomeSchema.optional(), isMemberOf(attemptOutcomeSchema)),
    workerId: withTest(chosenWorkerId.optional(), isWorkerId),
    lastHeartbeatTime: withTest(z.number().optional(), isNumber),
    metadata: jsonObjectSchema.optional(),
  }),
  queryResources: schemaOf<ResourcesQuery>({
    ...page,
    resourcesId: text.optional(),
    resourcesIdContains: text.optional(),
  }),
  queryWorkers: schemaOf<WorkerQuery>({
    ...page,
    statusIn: z.array(workerStatusSchema).optional(),
    workerIdContains: text.optional(),
    filterLogic,
  }),
  updateWorker: schemaOf<RequestOf<'updateWorker'>>({ workerId: chosenWorkerId, heartbeatStats: stats }),
  heartbeat: schemaOf<HeartbeatRequest>({
    workerId: chosenWorkerId,
    attempts: z.array(attemptKey).optional(),
    leaseMs,
    capacity,
    stats,
  }),
})

/**
 * A request as its verb gets it: a copy, whose lists may be shared with the caller. None at all counts as an empty one.
 * @throws AglError `invalid_argument`
 */
export function parseRequest<Request>(verb: keyof typeof requestSchemas, request: unknown): Request {
  const given = request ?? {}
  const schema: z.ZodType<unknown> = requestSchemas[verb]
  if (quickChecks.get(schema)?.(given) === true) return { ...given } as Request
  return parseOrThrow(schema, given, `request of ${verb}`) as Request
}

const enqueueKeys: ReadonlySet<string> = new Set([
  'input',
  'mode',
  'resources_id',
  'resources_version',
  'config',
  'metadata',
  'priority',
  'idempotency_key',
  'labels',
  'rollout_id',
] satisfies readonly (keyof EnqueueRolloutRequest)[])

/** A request whose input has been checked, and which is no more than that and a few plain values. */
const isSimple = quickCheck(
  { input: () => true },
  {
    mode: orNull(isMemberOf(rolloutModeSchema)),
    resources_id: orNull(isText),
    priority: orNull(Number.isSafeInteger),
    idempotency_key: orNull(isKey),
    rollout_id: orNull(isId),
  },
)

/**
 * A new rollout's request, without its undefined keys and with its config filled in. `input` is checked to be JSON and
 * taken over as it is, not copied.
 * @param what names the request in messages, for example `rollouts[3]`
 * @throws AglError `invalid_argument`
 */
export function parseEnqueueRequest(value: unknown, what: string = 'rollout request'): EnqueueRolloutRequest {
  if (!isPlainObject(value)) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected ${what} to be an object with an \`input\`; got ${describeValue(value)}.`,
    })
  }
  const present: Record<string, unknown> = {}
  for (const key in value) {
    if (!enqueueKeys.has(key)) throw unknownKey(key, what)
    if (value[key] !== undefined) present[key] = value[key]
  }
  if (!('input' in value)) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected an \`input\` in ${what}; null is one.`,
      data: { field: 'input' },
    })
  }
  const { input } = value
  checkJson(input, what === 'rollout request' ? 'input' : `${what}.input`)
  const request = isSimple(present)
    ? (present as unknown as EnqueueRolloutRequest)
    : parseOrThrow(enqueueRolloutRequestSchema, { ...present, input: null }, what)
  if (request.resources_version != null && request.resources_id == null) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected a \`resources_id\` beside \`resources_version\` in ${what}; a version alone names no snapshot.`,
    })
  }
  if (request.rollout_id != null) checkChosenId(request.rollout_id, 'rollout_id')
  for (const field of ['resources_id', 'idempotency_key'] as const) {
    const text = request[field] ?? ''
    if (text.isWellFormed() && (field !== 'idempotency_key' || text.length <= longestKey)) continue
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected ${field} in ${what} to be well-formed text of at most ${longestKey} characters; got ${describeValue(text)}.`,
      data: { field },
    })
  }
  const labels = request.labels == null ? {} : { labels: Object.freeze({ ...request.labels }) }
  return { ...request, ...labels, input: input as EnqueueRolloutRequest['input'] }
}

function unknownKey(key: string, what: string): AglError {
  return new AglError({
    code: 'invalid_argument',
    message: `Unknown key "${key}" in ${what}; known are ${[...enqueueKeys].join(', ')}.`,
    data: { field: key },
  })
}

/**
 * Resources on their way into a store. A `custom:*` resource is checked by its kind if the store was given that.
 * @throws AglError `invalid_argument`
 */
export function parseResources(
  value: unknown,
  kinds: ReadonlyMap<string, Pick<ResourceKind<object>, 'schema'>> = new Map(),
  what: string = 'resources',
): NamedResources {
  const resources = parseOrThrow(namedResourcesSchema, value, what)
  for (const [name, resource] of Object.entries(resources)) {
    const kind = kinds.get(resource.resource_type)
    if (kind === undefined) continue
    const { resource_type: type, ...fields } = resource
    parseOrThrow(kind.schema, fields, `resource "${name}" of type "${type}"`)
  }
  // Agents in this process get the very objects that are stored.
  return deepFreeze(copyJson(resources as JsonObject) as NamedResources)
}

/** Changes whose resources are checked, all of them before any is stored. @throws AglError `invalid_argument` that says which */
export function parseResourcesChanges(
  changes: readonly ResourcesChange[],
  kinds?: ReadonlyMap<string, Pick<ResourceKind<object>, 'schema'>>,
): readonly ResourcesChange[] {
  return changes.map((change, index) => {
    const what = changes.length === 1 ? 'resources' : `updates[${index}].resources`
    return { ...change, resources: parseResources(change.resources, kinds, what) }
  })
}

function deepFreeze<Value extends object>(value: Value): Value {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner)
  }
  return Object.freeze(value)
}
