import {
  AglError,
  type Attempt,
  type AttemptedRollout,
  copyJson,
  type EnqueueRolloutRequest,
  errorMessage,
  type JsonValue,
} from '@agl/types'
import type { ResourcesUpdate, Rollout, Span, StoreFeature, Worker } from '@agl/types'
import { type ClaimRequest, type ClaimWaiters, createClaimWaiters } from '../claim-waiters.ts'
import type { Clock } from '../clock.ts'
import { createIdempotencyKeys, type IdempotencyKeys, type RememberedKey } from '../idempotency.ts'
import { createIds, type Ids } from '../ids.ts'
import { attemptNotFound, noAttemptsFound, rolloutNotFound } from '../not-found.ts'
import { createRolloutWaiters, type RolloutWaiters } from '../rollout-waiters.ts'
import {
  type AttemptEntry,
  type AttemptSubject,
  claimRollout,
  createRollout,
  isLive,
  nextDeadline,
  type RolloutEntry,
  sweepAttempt,
  type Transition,
} from '../state-machine/index.ts'
import { workerAfter } from '../workers.ts'
import type { RecordStorage, StorageChange } from './storage.ts'

/** A rollout and all that hangs on it. */
export interface Row {
  entry: RolloutEntry
  readonly attempts: AttemptEntry[]
  readonly spans: Span[]
  /** The highest sequence id of a span so far. */
  sequence: number
  /** Its place in the queue; null when it does not wait. */
  place: number | null
}

/** Everything a basic store knows. */
export interface Tables {
  readonly name: string
  readonly clock: Clock
  readonly ids: Ids
  readonly madeAt: number
  readonly storage: RecordStorage | null
  readonly rows: Map<string, Row>
  readonly workers: Map<string, Worker>
  /** All versions of all resources in the order in which they were stored. */
  readonly versions: ResourcesUpdate[]
  readonly keys: IdempotencyKeys
  readonly claims: ClaimWaiters<AttemptedRollout>
  readonly waits: RolloutWaiters
  /** What has changed since the last write to the storage. */
  readonly dirty: Map<string, () => JsonValue>
  cancelTimer: () => void
  places: number
  isClosed: boolean
}

export function openTables(parts: Pick<Tables, 'name' | 'clock' | 'storage'> & { readonly ids?: Ids }): Tables {
  const { clock, ids = createIds() } = parts
  const tables: Tables = {
    ...parts,
    ids,
    madeAt: clock.now(),
    rows: new Map(),
    workers: new Map(),
    versions: [],
    keys: createIdempotencyKeys({ clock }),
    claims: createClaimWaiters({ clock }),
    waits: createRolloutWaiters({ clock }),
    dirty: new Map(),
    cancelTimer: () => {},
    places: 0,
    isClosed: false,
  }
  for (const [key, value] of parts.storage?.read() ?? []) loadOrThrow(tables, key, value)
  return tables
}

function loadOrThrow(tables: Tables, key: string, value: unknown): void {
  try {
    load(tables, key, value)
  } catch (error) {
    if (AglError.isInstance(error)) throw error
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected a storage written by a basic store; what it holds under "${key}" cannot be read: ${errorMessage(error)}.`,
      data: { key },
      cause: error,
    })
  }
}

/** A storage gives back what {@link flush} wrote. */
function load(tables: Tables, key: string, value: unknown): void {
  switch (key.slice(0, key.indexOf('/'))) {
    case 'rollout': {
      const row = value as Row
      tables.rows.set(row.entry.rollout.rollout_id, row)
      tables.places = Math.max(tables.places, (row.place ?? -1) + 1)
      return
    }
    case 'worker':
      tables.workers.set((value as Worker).worker_id, value as Worker)
      return
    case 'resources':
      tables.versions.push(value as ResourcesUpdate)
      return
    case 'key':
      tables.keys.remember(value as RememberedKey)
      return
    default:
      throw new AglError({
        code: 'invalid_argument',
        message: `Expected a storage written by a basic store; found the key "${key}".`,
      })
  }
}

/** Notes that a record is to be written. The value is made when it is written: it may change until then. */
export function touch(tables: Tables, key: string, value: () => unknown): void {
  if (tables.storage !== null) tables.dirty.set(key, value as () => JsonValue)
}

export function flush(tables: Tables): void {
  if (tables.dirty.size === 0) return
  const changes: StorageChange[] = [...tables.dirty].map(([key, value]) => [key, value()])
  tables.storage?.write(changes)
  tables.dirty.clear()
}

export function refuse(name: string, feature: StoreFeature): never {
  throw new AglError({ code: 'not_supported', message: `The store ${name} does not have ${feature}.`, data: { feature } })
}

export function findRow(tables: Tables, rolloutId: string): Row {
  const row = tables.rows.get(rolloutId)
  if (row === undefined) throw rolloutNotFound(rolloutId)
  return row
}

/** @param attemptId an id, or `latest` */
export function findAttempt(tables: Tables, rolloutId: string, attemptId: string): AttemptSubject & { readonly row: Row } {
  const row = findRow(tables, rolloutId)
  if (attemptId === 'latest' && row.attempts.length === 0) throw noAttemptsFound(rolloutId)
  const isWanted = ({ attempt }: AttemptEntry): boolean => attemptId === 'latest' || attempt.attempt_id === attemptId
  const attempt = row.attempts.findLast(isWanted)
  if (attempt === undefined) throw attemptNotFound(rolloutId, attemptId)
  return { row, rollout: row.entry, attempt, isLatest: row.attempts.at(-1) === attempt }
}

export function answerOf({ entry, attempts }: Row): Rollout | AttemptedRollout {
  const latest = attempts.at(-1)
  return latest === undefined ? entry.rollout : Object.freeze({ ...entry.rollout, attempt: latest.attempt })
}

/** The live attempts of a worker, the one claimed last at the end. */
export function runningOf(tables: Tables, workerId: string): readonly Attempt[] {
  return [...tables.rows.values()]
    .flatMap((row) => row.attempts.map((entry) => entry.attempt))
    .filter((attempt) => attempt.worker_id === workerId && isLive(attempt.status))
    .sort((a, b) => a.start_time - b.start_time)
}

/** What waits, in the order in which it is claimed. */
export function queueOf(tables: Tables): readonly Row[] {
  return [...tables.rows.values()].filter((row) => row.place !== null).sort((a, b) => a.place! - b.place!)
}

export function putWorker(tables: Tables, worker: Worker): Worker {
  tables.workers.set(worker.worker_id, worker)
  touch(tables, `worker/${worker.worker_id}`, () => worker)
  return worker
}

export function touchRow(tables: Tables, row: Row): void {
  touch(tables, `rollout/${row.entry.rollout.rollout_id}`, () => row)
}

/** Writes a transition as one step: the records first, then what follows from them. */
export function writeTransition<Step extends Transition>(tables: Tables, row: Row, step: Step): Step {
  const { rollout_id: rolloutId } = row.entry.rollout
  row.entry = step.rollout
  for (const entry of step.attempts) {
    const index = row.attempts.findIndex(({ attempt }) => attempt.attempt_id === entry.attempt.attempt_id)
    row.attempts.splice(index === -1 ? row.attempts.length : index, 1, entry)
  }
  for (const effect of step.effects) {
    if (effect.kind === 'enqueue') row.place = tables.places++
    if (effect.kind === 'dequeue') row.place = null
    if (effect.kind === 'finished') tables.waits.finished(rolloutId)
    if (effect.kind === 'reopened') tables.waits.reopened(rolloutId)
    if (effect.kind !== 'workerBusy' && effect.kind !== 'workerLeft') continue
    const current = effect.kind === 'workerBusy' ? effect.attempt : (runningOf(tables, effect.workerId).at(-1) ?? null)
    putWorker(tables, workerAfter(tables.workers.get(effect.workerId), effect, current, tables.clock.now()))
  }
  touchRow(tables, row)
  return step
}

export function newestOf(tables: Tables, resourcesId: string | null): ResourcesUpdate | undefined {
  return tables.versions.findLast((item) => item.resources_id === resourcesId)
}

/** What {@link insertRow} refuses. */
export function checkRow(tables: Tables, verb: 'enqueueRollout' | 'startRollout', request: EnqueueRolloutRequest): void {
  if ((request.priority ?? 0) !== 0) refuse(tables.name, 'scheduling')
  if (request.idempotency_key != null) tables.keys.find(verb, request.idempotency_key)
}

/** A new row, or the one that an earlier call with the same id or key made. */
export function insertRow(
  tables: Tables,
  verb: 'enqueueRollout' | 'startRollout',
  request: EnqueueRolloutRequest,
): { readonly row: Row; readonly isNew: boolean } {
  checkRow(tables, verb, request)
  const key = request.idempotency_key ?? null
  const remembered = key === null ? undefined : tables.keys.find(verb, key)
  const known = tables.rows.get(request.rollout_id ?? (remembered?.answer as string | undefined) ?? '')
  const now = tables.clock.now()
  if (known !== undefined) {
    const { rollout_id: answer } = known.entry.rollout
    if (key !== null && remembered === undefined) rememberKey(tables, { verb, key, time: now, answer })
    return { row: known, isNew: false }
  }
  const rolloutId = request.rollout_id ?? tables.ids.rolloutId()
  const resourcesId = request.resources_id ?? tables.versions.at(-1)?.resources_id ?? null
  const resourcesVersion = request.resources_version ?? newestOf(tables, resourcesId)?.version ?? null
  const status = verb === 'startRollout' ? 'preparing' : 'queuing'
  const entry = createRollout({
    request: { ...request, input: copyJson(request.input) },
    rolloutId,
    resourcesId,
    resourcesVersion,
    status,
    now,
  })
  const row: Row = { entry, attempts: [], spans: [], sequence: 0, place: status === 'queuing' ? tables.places++ : null }
  tables.rows.set(rolloutId, row)
  touchRow(tables, row)
  if (key !== null) rememberKey(tables, { verb, key, time: now, answer: rolloutId })
  return { row, isNew: true }
}

export function rememberKey(tables: Tables, remembered: RememberedKey): void {
  tables.keys.remember(remembered)
  touch(tables, `key/${remembered.key}`, () => remembered)
}

export function claimRow(
  tables: Tables,
  row: Row,
  claim: {
    readonly workerId: string | null
    readonly leaseMs: number | null
    readonly isFromQueue: boolean
    readonly now?: number
  },
): AttemptedRollout {
  const { now = tables.clock.now() } = claim
  const attempt = { attemptId: tables.ids.attemptId(), attemptsSoFar: row.attempts.length }
  writeTransition(tables, row, claimRollout(row.entry, { ...claim, ...attempt, now }))
  return answerOf(row) as AttemptedRollout
}

export function claimWaiting(tables: Tables, request: ClaimRequest): readonly AttemptedRollout[] {
  const { limit, ...claim } = request
  return queueOf(tables)
    .slice(0, Math.max(0, limit))
    .map((row) => claimRow(tables, row, { ...claim, isFromQueue: true }))
}

function forgetWorker(tables: Tables, workerId: string): void {
  tables.workers.delete(workerId)
  tables.dirty.delete(`worker/${workerId}`)
}

/** A claim that could not be written is undone: its rollouts stay in the queue. */
function claimAndFlush(tables: Tables, request: ClaimRequest): readonly AttemptedRollout[] {
  const before = queueOf(tables)
    .slice(0, Math.max(0, request.limit))
    .map((row) => ({ row, entry: row.entry, attempts: [...row.attempts], place: row.place }))
  const worker = tables.workers.get(request.workerId ?? '')
  try {
    const claimed = claimWaiting(tables, request)
    flush(tables)
    return claimed
  } catch (error) {
    for (const { row, entry, attempts, place } of before) {
      row.entry = entry
      row.attempts.splice(0, row.attempts.length, ...attempts)
      row.place = place
    }
    if (worker !== undefined) putWorker(tables, worker)
    else if (request.workerId !== null) forgetWorker(tables, request.workerId)
    throw error
  }
}

/** Ends what is past a limit, serves who waits, writes what changed, and sets the timer for the next limit. */
export function settle(tables: Tables): void {
  const deadlineOf = ({ entry }: Row, { attempt }: AttemptEntry): number => nextDeadline(attempt, entry.rollout) ?? Infinity
  const now = tables.clock.now()
  const due = [...tables.rows.values()].flatMap((row) =>
    row.attempts
      .filter((attempt) => deadlineOf(row, attempt) < now)
      .map((attempt) => ({ row, attempt, deadline: deadlineOf(row, attempt) })),
  )
  // What was due first goes back into the queue first.
  for (const { row, attempt } of due.sort((a, b) => a.deadline - b.deadline)) {
    const step = sweepAttempt({ rollout: row.entry, attempt, isLatest: row.attempts.at(-1) === attempt }, now)
    if (step !== null) writeTransition(tables, row, step)
  }
  // A storage that fails hands out no work: neither what it could not store nor a claim that it could not.
  flush(tables)
  tables.claims.serve((request) => claimAndFlush(tables, request))
  let next = Infinity
  for (const row of tables.rows.values()) for (const attempt of row.attempts) next = Math.min(next, deadlineOf(row, attempt))
  flush(tables)
  tables.cancelTimer()
  tables.cancelTimer = next === Infinity ? () => {} : tables.clock.schedule(next + 0.001, () => settleOnTimer(tables))
}

const retrySeconds = 1

/** Nobody waits for the timer's answer: what the storage refuses is tried again, and told to whoever calls next. */
function settleOnTimer(tables: Tables): void {
  try {
    settle(tables)
  } catch {
    tables.cancelTimer()
    tables.cancelTimer = tables.clock.schedule(tables.clock.now() + retrySeconds, () => settleOnTimer(tables))
  }
}
