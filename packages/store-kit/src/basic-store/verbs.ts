import type {
  AttemptedRollout,
  DequeueRequest,
  EnqueueRolloutRequest,
  HeartbeatReply,
  HeartbeatRequest,
  Page,
  ResourcesChange,
  ResourcesUpdate,
  Rollout,
  RolloutUpdate,
  Span,
  SpanQuery,
  StartRolloutRequest,
  WaitRequest,
} from '@agl/types'
import { AglError } from '@agl/types'
import { isRewardSpan } from '@agl/types/spans'
import { checkSequenceId } from '../check-sequence-id.ts'
import { copySpan, type ParsedSpan } from '../check-span.ts'
import { attemptNotFound, rolloutItemNotFound } from '../not-found.ts'
import { matchSpans, pageOf, sortFields } from '../query.ts'
import { parseEnqueueRequest, parseResourcesChanges } from '../requests.ts'
import { nextResourcesVersion } from '../resources.ts'
import {
  cancelRollout,
  heartbeatArrived,
  isFinished,
  rolloutChange,
  spansArrived,
  updateRollout as updated,
} from '../state-machine/index.ts'
import { workerBeat, workerFoundNothing } from '../workers.ts'
import {
  checkRow,
  claimRow,
  claimWaiting,
  findAttempt,
  findRow,
  insertRow,
  newestOf,
  putWorker,
  refuse,
  runningOf,
  type Tables,
  touch,
  touchRow,
  writeTransition,
} from './tables.ts'

/* What the verbs of a basic store do with requests that have been checked. */

export function enqueueMany(tables: Tables, requests: readonly EnqueueRolloutRequest[]): readonly Rollout[] {
  const parsed = requests.map((request, index) => parseEnqueueRequest(request, `rollouts[${index}]`))
  for (const request of parsed) checkRow(tables, 'enqueueRollout', request)
  return parsed.map((request) => insertRow(tables, 'enqueueRollout', request).row.entry.rollout)
}

export function startRollout(tables: Tables, request: StartRolloutRequest): AttemptedRollout {
  const { rollout, workerId = null, leaseMs = null } = request
  const { row, isNew } = insertRow(tables, 'startRollout', parseEnqueueRequest(rollout, 'rollout'))
  const { start_time: now, rollout_id: rolloutId } = row.entry.rollout
  if (isNew) return claimRow(tables, row, { workerId, leaseMs, isFromQueue: false, now })
  const [first] = row.attempts
  if (first !== undefined) return { ...row.entry.rollout, attempt: first.attempt }
  throw new AglError({
    code: 'conflict',
    message: `Rollout ${rolloutId} is in the queue already; dequeue it or call startAttempt.`,
  })
}

export function dequeue(
  tables: Tables,
  request: DequeueRequest & { readonly limit: number },
): readonly AttemptedRollout[] | Promise<readonly AttemptedRollout[]> {
  const { limit, workerId = null, leaseMs = null, waitMs = 0, capacity, signal } = request
  signal?.throwIfAborted()
  if (capacity !== undefined) refuse(tables.name, 'scheduling')
  const claimed = claimWaiting(tables, { limit, workerId, leaseMs })
  if (claimed.length > 0) return claimed
  if (workerId !== null && workerId !== '') {
    const isRunning = runningOf(tables, workerId).length > 0
    putWorker(tables, workerFoundNothing(tables.workers.get(workerId), workerId, isRunning, tables.clock.now()))
  }
  return waitMs === 0 || limit <= 0 ? [] : tables.claims.wait({ workerId, leaseMs, limit }, { waitMs, signal })
}

/** `latest` is no attempt of a span. */
function findOwnAttempt(tables: Tables, span: Pick<Span, 'rollout_id' | 'attempt_id'>): ReturnType<typeof findAttempt> {
  const { rollout_id: rolloutId, attempt_id: attemptId } = span
  findRow(tables, rolloutId)
  if (attemptId === 'latest') throw attemptNotFound(rolloutId, attemptId)
  return findAttempt(tables, rolloutId, attemptId)
}

/** All are checked before the first is stored. */
export function addSpans(tables: Tables, spans: readonly ParsedSpan[]): readonly Span[] {
  const parsed = spans.map(copySpan)
  for (const span of parsed) {
    const { row } = findOwnAttempt(tables, span)
    checkSequenceId(span.sequence_id ?? row.sequence + parsed.length)
  }
  return parsed.flatMap((span) => {
    const { row, ...subject } = findOwnAttempt(tables, span)
    row.sequence = Math.max(row.sequence, span.sequence_id ?? row.sequence)
    touchRow(tables, row)
    if (row.spans.some((other) => other.attempt_id === span.attempt_id && other.span_id === span.span_id)) return []
    const stored: Span = Object.freeze({ ...span, sequence_id: span.sequence_id ?? ++row.sequence })
    row.spans.push(stored)
    writeTransition(tables, row, spansArrived(subject, { hasReward: isRewardSpan(stored), now: tables.clock.now() }))
    return [stored]
  })
}

export function querySpans(tables: Tables, query: SpanQuery): Page<Span> {
  const row = tables.rows.get(query.rolloutId)
  const attemptId = query.attemptId === 'latest' ? row?.attempts.at(-1)?.attempt.attempt_id : query.attemptId
  const isWanted = (span: Span): boolean => query.attemptId === undefined || span.attempt_id === attemptId
  const { sortBy = 'sequence_id' } = query
  return pageOf((row?.spans ?? []).filter(isWanted), matchSpans(query), { ...query, sortBy }, sortFields.spans)
}

export function nextSequenceIds(tables: Tables, attempts: readonly { readonly rolloutId: string }[]): readonly number[] {
  const rows = attempts.map(({ rolloutId }) => findRow(tables, rolloutId))
  for (const row of rows) checkSequenceId(row.sequence + rows.length)
  for (const row of rows) touchRow(tables, row)
  return rows.map((row) => ++row.sequence)
}

export function updateRollout(tables: Tables, update: RolloutUpdate): Rollout {
  const { rolloutId } = update
  const row = tables.rows.get(rolloutId)
  if (row === undefined) throw rolloutItemNotFound(rolloutId)
  const change = rolloutChange(update, (id) => newestOf(tables, id)?.version ?? null)
  return writeTransition(tables, row, updated(row.entry, row.attempts, change, tables.clock.now())).rollout.rollout
}

export function cancelRollouts(tables: Tables, rolloutIds: readonly string[]): readonly Rollout[] {
  return [...new Set(rolloutIds)].flatMap((id) => {
    const row = tables.rows.get(id)
    if (row === undefined || isFinished(row.entry.rollout.status)) return []
    return [writeTransition(tables, row, cancelRollout(row.entry, row.attempts, tables.clock.now())).rollout.rollout]
  })
}

export function waitForRollouts(tables: Tables, request: WaitRequest): readonly Rollout[] | Promise<readonly Rollout[]> {
  const { signal, timeoutMs = null, atLeast } = request
  signal?.throwIfAborted()
  const known = request.rolloutIds.flatMap((id) => tables.rows.get(id) ?? [])
  const collect = (): readonly Rollout[] => known.map((row) => row.entry.rollout).filter(({ status }) => isFinished(status))
  if (timeoutMs !== null && timeoutMs <= 0) return collect()
  const isDone = (id: string): boolean => isFinished(findRow(tables, id).entry.rollout.status)
  const rolloutIds = known.map((row) => row.entry.rollout.rollout_id)
  return tables.waits.wait({ rolloutIds, isFinished: isDone, collect, timeoutMs, atLeast, signal })
}

/** All or none: what was added is taken back when a later change is refused. */
export function changeResources(tables: Tables, changes: readonly ResourcesChange[]): readonly ResourcesUpdate[] {
  const before = tables.versions.length
  const parsed = parseResourcesChanges(changes)
  try {
    for (const change of parsed) {
      const last = newestOf(tables, change.resourcesId)
      const history = last && { lastVersion: last.version, createTime: last.create_time, newestVersion: last.version }
      tables.versions.push(nextResourcesVersion(history, change, tables.clock.now()))
    }
  } catch (error) {
    tables.versions.length = before
    throw error
  }
  const added = tables.versions.slice(before)
  for (const item of added) touch(tables, `resources/${item.resources_id}/${item.version}`, () => item)
  return added
}

export function heartbeat(tables: Tables, request: HeartbeatRequest): HeartbeatReply {
  const { workerId, attempts = [], leaseMs = null, stats, capacity } = request
  if (capacity !== undefined) refuse(tables.name, 'scheduling')
  const stopped = attempts.flatMap(({ rolloutId, attemptId }) => {
    const row = tables.rows.get(rolloutId)
    const attempt = row?.attempts.find((entry) => entry.attempt.attempt_id === attemptId)
    if (row === undefined || attempt === undefined) return [{ rolloutId, attemptId, reason: 'not_found' as const }]
    const subject = { rollout: row.entry, attempt, isLatest: row.attempts.at(-1) === attempt }
    const { stop } = writeTransition(tables, row, heartbeatArrived(subject, { leaseMs, now: tables.clock.now() }))
    return stop === null ? [] : [{ rolloutId, attemptId, reason: stop }]
  })
  return { worker: putWorker(tables, workerBeat(tables.workers.get(workerId), workerId, stats, tables.clock.now())), stopped }
}
