import {
  AglError,
  type Attempt,
  type Page,
  type PageRequest,
  type ResourcesAlias,
  type ResourcesQuery,
  type ResourcesUpdate,
  type Rollout,
  type RolloutQuery,
  type Span,
  type SpanQuery,
  type Worker,
  type WorkerQuery,
} from '@agl/types'

/** Says whether a record matches; null when everything does. */
export type Matcher<Item> = ((item: Item) => boolean) | null

/**
 * How a field sorts; a null sorts as +infinity (a time: last when ascending, first when descending), "" or 0. A field
 * that is not listed has no order.
 */
type SortKinds<Item> = { readonly [Field in keyof Item]?: 'time' | 'text' | 'number' }

const rolloutSorts = {
  rollout_id: 'text',
  start_time: 'time',
  end_time: 'time',
  mode: 'text',
  resources_id: 'text',
  status: 'text',
  resources_version: 'number',
  priority: 'number',
  idempotency_key: 'text',
} as const satisfies SortKinds<Rollout>

const attemptSorts = {
  rollout_id: 'text',
  attempt_id: 'text',
  sequence_id: 'number',
  start_time: 'time',
  end_time: 'time',
  status: 'text',
  worker_id: 'text',
  last_heartbeat_time: 'time',
  outcome: 'text',
  lease_expires: 'time',
} as const satisfies SortKinds<Attempt>

const spanSorts = {
  rollout_id: 'text',
  attempt_id: 'text',
  sequence_id: 'number',
  trace_id: 'text',
  span_id: 'text',
  parent_id: 'text',
  name: 'text',
  start_time: 'time',
  end_time: 'time',
} as const satisfies SortKinds<Span>

const workerSorts = {
  worker_id: 'text',
  status: 'text',
  last_heartbeat_time: 'time',
  last_dequeue_time: 'time',
  last_busy_time: 'time',
  last_idle_time: 'time',
  current_rollout_id: 'text',
  current_attempt_id: 'text',
  capacity: 'number',
} as const satisfies SortKinds<Worker>

const resourcesSorts = {
  resources_id: 'text',
  create_time: 'time',
  update_time: 'time',
  version: 'number',
} as const satisfies SortKinds<ResourcesUpdate>

const aliasSorts = {
  alias: 'text',
  resources_id: 'text',
  version: 'number',
  update_time: 'time',
} as const satisfies SortKinds<ResourcesAlias>

/** The fields of each record that a list can be sorted by. */
export const sortFields: Readonly<{
  rollouts: SortKinds<Rollout>
  attempts: SortKinds<Attempt>
  spans: SortKinds<Span>
  workers: SortKinds<Worker>
  resources: SortKinds<ResourcesUpdate>
  aliases: SortKinds<ResourcesAlias>
}> = Object.freeze({
  rollouts: rolloutSorts,
  attempts: attemptSorts,
  spans: spanSorts,
  workers: workerSorts,
  resources: resourcesSorts,
  aliases: aliasSorts,
})

/**
 * The page asked for. Sorting is stable in both directions: descending keeps the order of what is equal.
 * @param items all records in insertion order, not changed
 * @throws AglError `invalid_argument` for a field without an order
 */
export function pageOf<Item>(
  items: readonly Item[],
  matcher: Matcher<Item>,
  request: PageRequest<keyof Item & string>,
  sorts: SortKinds<Item>,
): Page<Item> {
  const { sortBy = null, sortOrder = 'asc', limit = -1, offset = 0 } = request
  if (sortBy !== null) checkSortField(sortBy, sorts)
  const matching = matcher === null ? items : items.filter(matcher)
  const sorted = sortBy === null ? matching : matching.toSorted(comparator(sortBy, sorts[sortBy], sortOrder))
  const end = limit === -1 ? sorted.length : offset + limit
  return { items: sorted.slice(offset, end), limit, offset, total: matching.length }
}

/** @throws AglError `invalid_argument` with the fields that are allowed */
function checkSortField<Item>(field: keyof Item & string, sorts: SortKinds<Item>): void {
  if (Object.hasOwn(sorts, field)) return
  throw new AglError({
    code: 'invalid_argument',
    message: `Invalid sort_by: ${field}, allowed fields are: ${Object.keys(sorts).join(', ')} (sortBy)`,
    data: { field, allowed: Object.keys(sorts) },
  })
}

function comparator<Item, Field extends keyof Item>(
  field: Field,
  kind: 'time' | 'text' | 'number' | undefined,
  order: 'asc' | 'desc',
): (a: Item, b: Item) => number {
  const forNull = kind === 'time' ? Infinity : kind === 'text' ? '' : 0
  const direction = order === 'asc' ? 1 : -1
  return (a, b) => {
    const left = a[field] ?? forNull
    const right = b[field] ?? forNull
    return left === right ? 0 : left < right ? -direction : direction
  }
}

/** Joins the conditions that were asked for. With none, everything matches, whatever the logic. */
function combine<Item>(logic: 'and' | 'or' | undefined, conditions: readonly ((item: Item) => boolean)[]): Matcher<Item> {
  if (conditions.length === 0) return null
  if (conditions.length === 1) return conditions[0]!
  return logic === 'or' ? (item) => conditions.some((holds) => holds(item)) : (item) => conditions.every((holds) => holds(item))
}

/** An empty list matches nothing, an absent one everything. */
function isIn<Item, Field extends keyof Item>(
  field: Field,
  allowed: readonly Item[Field][] | undefined,
): ((item: Item) => boolean)[] {
  if (allowed === undefined) return []
  const values = new Set(allowed)
  return [(item) => values.has(item[field])]
}

function equals<Item, Field extends keyof Item>(field: Field, wanted: Item[Field] | undefined): ((item: Item) => boolean)[] {
  return wanted === undefined ? [] : [(item) => item[field] === wanted]
}

/** Case-sensitive; "" matches everything but null. */
function contains<Item, Field extends keyof Item>(field: Field, part: string | undefined): ((item: Item) => boolean)[] {
  if (part === undefined) return []
  return [
    (item) => {
      const value = item[field]
      return typeof value === 'string' && value.includes(part)
    },
  ]
}

export function matchRollouts(query: RolloutQuery): Matcher<Rollout> {
  const pool = combine<Rollout>(query.filterLogic, [
    ...isIn<Rollout, 'status'>('status', query.statusIn),
    ...isIn<Rollout, 'rollout_id'>('rollout_id', query.rolloutIdIn),
    ...contains<Rollout, 'rollout_id'>('rollout_id', query.rolloutIdContains),
    ...isIn<Rollout, 'mode'>('mode', query.modeIn),
  ])
  const labels = Object.entries(query.labels ?? {})
  const hasLabels = labels.map(
    ([key, value]) =>
      (rollout: Rollout) =>
        Object.hasOwn(rollout.labels, key) && rollout.labels[key] === value,
  )
  return combine('and', pool === null ? hasLabels : [...hasLabels, pool])
}

/** Within one rollout and, if the query names one, one attempt: these two are not looked at here. */
export function matchSpans(query: SpanQuery): Matcher<Span> {
  return combine<Span>(query.filterLogic, [
    ...equals<Span, 'trace_id'>('trace_id', query.traceId),
    ...contains<Span, 'trace_id'>('trace_id', query.traceIdContains),
    ...equals<Span, 'span_id'>('span_id', query.spanId),
    ...contains<Span, 'span_id'>('span_id', query.spanIdContains),
    ...equals<Span, 'parent_id'>('parent_id', query.parentId),
    ...contains<Span, 'parent_id'>('parent_id', query.parentIdContains),
    ...equals<Span, 'name'>('name', query.name),
    ...contains<Span, 'name'>('name', query.nameContains),
  ])
}

export function matchWorkers(query: WorkerQuery): Matcher<Worker> {
  return combine<Worker>(query.filterLogic, [
    ...isIn<Worker, 'status'>('status', query.statusIn),
    ...contains<Worker, 'worker_id'>('worker_id', query.workerIdContains),
  ])
}

export function matchResources(query: ResourcesQuery): Matcher<ResourcesUpdate> {
  return combine<ResourcesUpdate>('and', [
    ...equals<ResourcesUpdate, 'resources_id'>('resources_id', query.resourcesId),
    ...contains<ResourcesUpdate, 'resources_id'>('resources_id', query.resourcesIdContains),
  ])
}
