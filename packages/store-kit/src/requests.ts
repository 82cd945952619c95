import {
  AglError,
  type AttemptUpdate,
  attemptOutcomeSchema,
  attemptStatusSchema,
  type DequeueRequest,
  type EnqueueRolloutRequest,
  enqueueRolloutRequestSchema,
  type HeartbeatRequest,
  jsonObjectSchema,
  type LightningStore,
  type NamedResources,
  namedResourcesSchema,
  parseOrThrow,
  type ResourceKind,
  type ResourcesQuery,
  type RolloutQuery,
  type RolloutUpdate,
  rolloutConfigSchema,
  rolloutModeSchema,
  rolloutStatusSchema,
  type SpanQuery,
  type StartRolloutRequest,
  type WaitRequest,
  type WorkerQuery,
  workerStatusSchema,
} from '@agl/types'
import { z } from 'zod'
import { checkJson } from './json.ts'

/*
 * The requests of a store, checked at its edge. Unknown keys are errors; a key that is undefined counts as absent.
 */

type RequestOf<Verb extends keyof LightningStore> = LightningStore[Verb] extends (request: infer Request) => unknown
  ? Request
  : never

const id = z.string().min(1)
const signal = z.custom<AbortSignal>(isSignal, { error: 'expected an AbortSignal' }).optional()
/** Of any realm: an AbortSignal of a test environment or a polyfill is no instance of ours. */
function isSignal(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'aborted' in value && 'throwIfAborted' in value
}

const workerId = z.string().nullable().optional()
const leaseMs = z.number().positive().max(Number.MAX_SAFE_INTEGER).optional()
const filterLogic = z.enum(['and', 'or']).optional()
const attemptKey = z.strictObject({ rolloutId: id, attemptId: id })

/** `limit` and `sortBy` in the words of the reference, which clients match on. */
const page = {
  sortBy: z.string().nullable().optional(),
  sortOrder: z.enum(['asc', 'desc']).optional(),
  limit: z.int().min(-1, { error: 'Limit must be greater than 0 or -1 for no limit' }).optional(),
  offset: z.int().min(0, { error: 'Offset must be greater than or equal to 0' }).optional(),
}

const dequeue = {
  workerId,
  waitMs: z.number().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  leaseMs,
  signal,
}

/** Types say `key?: T`; these schemas also take `key: undefined`, which callers with looser compilers send. */
function schemaOf<T>(shape: z.core.$ZodLooseShape): z.ZodType<T> {
  return z.strictObject(shape) as unknown as z.ZodType<T>
}

/** The schema of each request. New rollouts, spans and resources within are left to the parsers of their own. */
export const requestSchemas: Readonly<{
  enqueueManyRollouts: z.ZodType<RequestOf<'enqueueManyRollouts'>>
  addManySpans: z.ZodType<RequestOf<'addManySpans'>>
  getNextSpanSequenceId: z.ZodType<RequestOf<'getNextSpanSequenceId'>>
  getRolloutById: z.ZodType<RequestOf<'getRolloutById'>>
  getLatestAttempt: z.ZodType<RequestOf<'getLatestAttempt'>>
  addResources: z.ZodType<RequestOf<'addResources'>>
  updateResources: z.ZodType<RequestOf<'updateResources'>>
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
  enqueueManyRollouts: schemaOf<RequestOf<'enqueueManyRollouts'>>({ rollouts: z.array(z.unknown()) }),
  addManySpans: schemaOf<RequestOf<'addManySpans'>>({ spans: z.array(z.unknown()) }),
  getNextSpanSequenceId: attemptKey,
  getRolloutById: schemaOf<RequestOf<'getRolloutById'>>({ rolloutId: z.string() }),
  getLatestAttempt: schemaOf<RequestOf<'getLatestAttempt'>>({ rolloutId: z.string() }),
  addResources: schemaOf<RequestOf<'addResources'>>({ resources: z.unknown() }),
  updateResources: schemaOf<RequestOf<'updateResources'>>({ resourcesId: id, resources: z.unknown() }),
  getResourcesById: schemaOf<RequestOf<'getResourcesById'>>({ resourcesId: z.string(), version: z.int().nullable().optional() }),
  getWorkerById: schemaOf<RequestOf<'getWorkerById'>>({ workerId: z.string() }),
  startRollout: schemaOf<StartRolloutRequest>({ rollout: z.unknown(), workerId, leaseMs }),
  dequeueRollout: schemaOf<DequeueRequest>(dequeue),
  dequeueManyRollouts: schemaOf<RequestOf<'dequeueManyRollouts'>>({ ...dequeue, limit: z.int() }),
  startAttempt: schemaOf<RequestOf<'startAttempt'>>({ rolloutId: id, workerId, leaseMs }),
  releaseAttempt: attemptKey,
  cancelRollouts: schemaOf<RequestOf<'cancelRollouts'>>({ rolloutIds: z.array(z.string()) }),
  querySpans: schemaOf<SpanQuery>({
    ...page,
    rolloutId: z.string(),
    attemptId: z.string().optional(),
    traceId: z.string().optional(),
    spanId: z.string().optional(),
    parentId: z.string().optional(),
    name: z.string().optional(),
    nameContains: z.string().optional(),
    filterLogic,
  }),
  getManySpanSequenceIds: schemaOf<RequestOf<'getManySpanSequenceIds'>>({ attempts: z.array(attemptKey) }),
  queryRollouts: schemaOf<RolloutQuery>({
    ...page,
    statusIn: z.array(rolloutStatusSchema).optional(),
    rolloutIdIn: z.array(z.string()).optional(),
    rolloutIdContains: z.string().optional(),
    modeIn: z.array(rolloutModeSchema).optional(),
    labels: z.record(z.string(), z.string()).optional(),
    filterLogic,
  }),
  queryAttempts: schemaOf<RequestOf<'queryAttempts'>>({ ...page, rolloutId: z.string() }),
  waitForRollouts: schemaOf<WaitRequest>({
    rolloutIds: z.array(z.string()),
    timeoutMs: z.number().nullable().optional(),
    signal,
  }),
  updateRollout: schemaOf<RolloutUpdate>({
    rolloutId: id,
    input: z.unknown().optional(),
    mode: rolloutModeSchema.nullable().optional(),
    resourcesId: z.string().nullable().optional(),
    status: rolloutStatusSchema.optional(),
    config: rolloutConfigSchema.optional(),
    metadata: jsonObjectSchema.nullable().optional(),
  }),
  updateAttempt: schemaOf<AttemptUpdate>({
    rolloutId: id,
    attemptId: id,
    status: attemptStatusSchema.optional(),
    outcome: attemptOutcomeSchema.optional(),
    workerId: z.string().optional(),
    lastHeartbeatTime: z.number().optional(),
    metadata: jsonObjectSchema.optional(),
  }),
  queryResources: schemaOf<ResourcesQuery>({
    ...page,
    resourcesId: z.string().optional(),
    resourcesIdContains: z.string().optional(),
  }),
  queryWorkers: schemaOf<WorkerQuery>({
    ...page,
    statusIn: z.array(workerStatusSchema).optional(),
    workerIdContains: z.string().optional(),
    filterLogic,
  }),
  updateWorker: schemaOf<RequestOf<'updateWorker'>>({ workerId: z.string(), heartbeatStats: jsonObjectSchema.optional() }),
  heartbeat: schemaOf<HeartbeatRequest>({
    workerId: z.string(),
    attempts: z.array(attemptKey).optional(),
    leaseMs,
    stats: jsonObjectSchema.optional(),
  }),
})

/**
 * A new rollout's request, without its undefined keys and with its config filled in. `input` is checked to be JSON and
 * taken over as it is, not copied.
 * @throws AglError `invalid_argument`
 */
export function parseEnqueueRequest(value: unknown): EnqueueRolloutRequest {
  if (typeof value !== 'object' || value === null || !('input' in value)) {
    throw new AglError({ code: 'invalid_argument', message: 'Expected a rollout request with an `input`.' })
  }
  const { input, ...given } = value
  checkJson(input, 'input')
  const present = Object.fromEntries(Object.entries(given).filter(([, item]) => item !== undefined))
  const request = parseOrThrow(enqueueRolloutRequestSchema, { ...present, input: null }, 'rollout request')
  if (request.resources_version != null && request.resources_id == null) {
    throw new AglError({
      code: 'invalid_argument',
      message: 'Expected a `resources_id` beside `resources_version`; a version alone names no snapshot.',
    })
  }
  return { ...request, input: input as EnqueueRolloutRequest['input'] }
}

/**
 * Resources on their way into a store. A `custom:*` resource is checked by its kind if the store was given that.
 * @throws AglError `invalid_argument`
 */
export function parseResources(
  value: unknown,
  kinds: ReadonlyMap<string, Pick<ResourceKind<object>, 'schema'>> = new Map(),
): NamedResources {
  const resources = parseOrThrow(namedResourcesSchema, value, 'resources')
  for (const [name, resource] of Object.entries(resources)) {
    const kind = kinds.get(resource.resource_type)
    if (kind === undefined) continue
    const { resource_type: type, ...fields } = resource
    parseOrThrow(kind.schema, fields, `resource "${name}" of type "${type}"`)
  }
  return Object.freeze(resources)
}
