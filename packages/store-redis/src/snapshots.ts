import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import {
  type AttemptNotes,
  decodeSnapshot,
  encodeSnapshotRecord,
  isFinished,
  isLive,
  isQueuing,
  readJson,
  snapshotEnd,
  snapshotHeader,
  type SnapshotRecord,
  writeInputText,
  writeJson,
} from '@agl/store-kit'
import { AglError, type Attempt } from '@agl/types'
import { readAliases } from './aliases.ts'
import { decodeAnswer, encodeAnswer, readAnswers } from './answers.ts'
import { attemptsOf, readAttempts } from './attempts.ts'
import type { Reply } from './connection/calls.ts'
import type { ScriptArgument } from './connection/connection.ts'
import { decodeRollout, encodeAttempt, encodeLimits, encodeRolloutBody, encodeWorker, nameText, parseRollout } from './records.ts'
import { packData, readHistories, readVersions } from './resources.ts'
import { readIds, readRollouts, statuses } from './rollouts.ts'
import { encodeBody, placeOf, readAllSpans, runOnBodies, textOf } from './spans.ts'
import type { RedisState } from './state.ts'
import { statistics } from './statistics.ts'
import { readWorkers } from './workers.ts'

/** Records restored between two turns of the event loop. */
const chunk = 300

/** The lines of a snapshot. Each record is as it was at one moment; what changes meanwhile may or may not be in it. */
export async function* exportSnapshot(
  state: RedisState,
  { signal }: { readonly signal?: AbortSignal },
): AsyncGenerator<string, void, void> {
  const check = (): void => {
    signal?.throwIfAborted()
    state.throwIfClosed()
  }
  check()
  let count = 0
  yield snapshotHeader({ name: state.name, time: Date.now() / 1000 })
  for await (const record of records(state)) {
    check()
    count++
    yield encodeSnapshotRecord(record)
  }
  check()
  yield snapshotEnd(count)
}

async function* records(state: RedisState): AsyncGenerator<SnapshotRecord, void, void> {
  for (const { resourcesId, lastVersion } of await readHistories(state)) {
    yield { kind: 'resources_history', resources_id: resourcesId, last_version: lastVersion }
    for (const resources of await readVersions(state, resourcesId)) yield { kind: 'resources', resources }
  }
  for (const { alias } of await readAliases(state)) yield { kind: 'alias', alias }
  for (const { id } of await readIds(state, statuses, Infinity)) yield* rolloutRecords(state, id)
  for (const { worker } of await readWorkers(state)) yield { kind: 'worker', worker }
  for await (const stored of readAnswers(state)) {
    const answer = await decodeAnswer(state, stored)
    if (answer !== undefined) yield { kind: 'idempotency_key', verb: stored.verb, key: stored.key, time: stored.time, answer }
  }
}

async function* rolloutRecords(state: RedisState, id: string): AsyncGenerator<SnapshotRecord, void, void> {
  const [stored] = await readRollouts(state, [id])
  // Deleted since its id was read.
  if (stored == null) return
  const rollout = decodeRollout(stored)
  const { ordinal, place, uncountedAttempts, lostClaims, spans, latest } = parseRollout(stored[1])
  const queue = isQueuing(rollout.status) ? place : null
  yield { kind: 'rollout', rollout, notes: { uncountedAttempts, lostClaims }, sequence: spans.highest, queue }
  for (const { attempt, leaseMs, letters } of await attemptsOf(state, id, latest)) {
    yield { kind: 'attempt', attempt, notes: { leaseMs, ...notesOf(letters) }, is_gone: letters.includes('G') }
  }
  const key = state.keys.spans(id, placeOf(ordinal, spans.generation))
  const shelf = { rolloutId: id, key, arrived: spans.arrived, isOrdered: false, attempt: null }
  for await (const span of readAllSpans(state, shelf)) yield { kind: 'span', span }
}

function notesOf(letters: string): Omit<AttemptNotes, 'leaseMs'> {
  return {
    showedLife: letters.includes('L'),
    hasReward: letters.includes('R'),
    isUncounted: letters.includes('U'),
    isLostClaim: letters.includes('C'),
  }
}

function lettersOf(notes: AttemptNotes, isGone: boolean): string {
  const { showedLife, hasReward, isUncounted, isLostClaim } = notes
  return `${showedLife ? 'L' : ''}${hasReward ? 'R' : ''}${isUncounted ? 'U' : ''}${isLostClaim ? 'C' : ''}${isGone ? 'G' : ''}`
}

/**
 * Fills an empty store. The lines are first read and checked as a whole, into a temporary file.
 * @throws AglError `conflict` when the store is not empty, `invalid_argument` that names the line
 */
export async function importSnapshot(state: RedisState, source: AsyncIterable<string> | Iterable<string>): Promise<void> {
  await checkEmpty(state)
  const folder = await mkdtemp(join(tmpdir(), 'agl-snapshot-'))
  try {
    const file = join(folder, 'records')
    await stage(source, file)
    await checkEmpty(state)
    await restoreAll(state, file)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function stage(source: AsyncIterable<string> | Iterable<string>, file: string): Promise<void> {
  const stream = createWriteStream(file)
  try {
    for await (const { line, record } of decodeSnapshot(source)) {
      // Two characters that end a line for readers of lines, though not for JSON.
      const text = writeJson(record, `line ${line}`).replace(/[\u2028\u2029]/g, (end) => `\\u${end.charCodeAt(0).toString(16)}`)
      if (!stream.write(`${text}\n`)) await once(stream, 'drain')
    }
  } finally {
    stream.end()
    await finished(stream)
  }
}

async function restoreAll(state: RedisState, file: string): Promise<void> {
  const rest: Rest = { queued: [], ended: [], running: new Map() }
  const staged = await open(file)
  let batch: SnapshotRecord[] = []
  for await (const line of staged.readLines()) {
    batch.push(readJson<SnapshotRecord>(line))
    if (batch.length < chunk) continue
    await restoreBatch(state, batch, rest)
    batch = []
  }
  await restoreBatch(state, batch, rest)
  // What waits, in the order of its places; what is finished, in the order of its ends.
  const queued = rest.queued.toSorted((a, b) => a.place - b.place).map(({ id }) => ['queue', id])
  const ended = rest.ended.toSorted((a, b) => a.time - b.time).map(({ id }) => ['ended', id])
  await callAll(state, [...queued, ...ended])
}

/** What is restored when all records are there. */
interface Rest {
  readonly queued: { readonly id: string; readonly place: number }[]
  readonly ended: { readonly id: string; readonly time: number }[]
  /** Live attempts by worker. */
  readonly running: Map<string, Attempt[]>
}

async function callAll(state: RedisState, calls: readonly (readonly ScriptArgument[])[]): Promise<readonly Reply[]> {
  return Promise.all(calls.map((args) => state.calls.call('restore', args)))
}

async function restoreBatch(state: RedisState, batch: readonly SnapshotRecord[], rest: Rest): Promise<void> {
  // Numbers of attempts that spans of this batch belong to; those of batches before are asked for.
  const spans = batch.flatMap((record) => (record.kind === 'span' ? [record.span] : []))
  const others = batch.filter((record) => record.kind !== 'span')
  await callAll(
    state,
    others.map((record) => callOf(record, rest)),
  )
  const numbers = await readNumbers(state, new Set(spans.map((span) => span.rollout_id)))
  const bodies = spans.map((span) => encodeBody(span))
  const replies = await callAll(
    state,
    spans.map((span, index) => {
      const { rollout_id: id, attempt_id: attemptId, span_id: spanId, sequence_id: sequence } = span
      return ['span', id, numbers.get(`${id}/${attemptId}`)!, spanId, sequence, bodies[index]!.length]
    }),
  )
  await runOnBodies(state, new Set(spans.map((span) => span.rollout_id)), (client) =>
    Promise.all(
      replies.map(([, ordinal, field], index) => {
        const { rollout_id: id, sequence_id: sequence } = spans[index]!
        const place = { sequence: String(sequence), field: String(field), body: bodies[index]! }
        return client.hset(state.keys.spans(id, String(ordinal)), place.field, textOf(place))
      }),
    ),
  )
}

/** Of each attempt of these rollouts. */
async function readNumbers(state: RedisState, ids: ReadonlySet<string>): Promise<ReadonlyMap<string, number>> {
  const numbers = new Map<string, number>()
  for (const id of ids) {
    for (const { attempt } of await readAttempts(state, id)) numbers.set(`${id}/${attempt.attempt_id}`, attempt.sequence_id)
  }
  return numbers
}

function callOf(record: Exclude<SnapshotRecord, { readonly kind: 'span' }>, rest: Rest): readonly ScriptArgument[] {
  switch (record.kind) {
    case 'resources_history':
      return ['history', record.resources_id, record.last_version]
    case 'resources': {
      const { resources_id: id, version, create_time: created, update_time: updated, resources } = record.resources
      const { encoding, data } = packData(resources)
      return ['version', id, version, created, updated, encoding, data]
    }
    case 'alias': {
      const { alias, resources_id: id, version, update_time: updated } = record.alias
      return ['alias', alias, id, version, updated]
    }
    case 'rollout': {
      const { rollout, notes, sequence, queue } = record
      const { rollout_id: id, status, end_time: ended } = rollout
      // What does not wait must not be claimed.
      if (isQueuing(status)) rest.queued.push({ id, place: queue ?? Infinity })
      if (isFinished(status)) rest.ended.push({ id, time: ended! })
      const resources = [nameText(rollout.resources_id), rollout.resources_version ?? '']
      const texts = [encodeRolloutBody(rollout, writeInputText(rollout.input)), encodeLimits(rollout.config)]
      const counts = [notes.uncountedAttempts, notes.lostClaims, sequence]
      return ['rollout', id, status, ended ?? '', rollout.priority, rollout.start_time, ...resources, ...texts, ...counts]
    }
    case 'attempt': {
      const { attempt, notes, is_gone: isGone } = record
      const { worker_id: workerId } = attempt
      if (isLive(attempt.status) && workerId !== null && workerId !== '') {
        const running = rest.running.get(workerId)
        if (running === undefined) rest.running.set(workerId, [attempt])
        else running.push(attempt)
      }
      const packed = encodeAttempt({ attempt, leaseMs: notes.leaseMs, letters: lettersOf(notes, isGone) })
      return ['attempt', attempt.rollout_id, attempt.sequence_id, packed]
    }
    case 'worker': {
      const { worker } = record
      const running = (rest.running.get(worker.worker_id) ?? []).toSorted((a, b) => a.start_time - b.start_time)
      const entries = running.flatMap((attempt) => [attempt.rollout_id, attempt.attempt_id])
      const fields = encodeWorker(worker)
      return ['worker', worker.worker_id, fields.length / 2, ...fields, ...entries]
    }
    case 'idempotency_key': {
      const { key, verb, time, answer } = record
      return ['key', key, verb, time, encodeAnswer(verb, answer)]
    }
    default:
      return record satisfies never
  }
}

async function checkEmpty(state: RedisState): Promise<void> {
  const { total_rollouts: rollouts, total_workers: workers } = await statistics(state)
  const resources = (await readHistories(state)).length
  if (rollouts + resources + workers === 0) return
  throw new AglError({
    code: 'conflict',
    message: `A snapshot can only fill an empty store; this one holds ${rollouts} rollouts, ${resources} resources and ${workers} workers.`,
    data: { rollouts, resources, workers },
  })
}
