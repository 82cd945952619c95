import {
  AglError,
  type Attempt,
  attemptSchema,
  describeIssue,
  describeValue,
  errorMessage,
  isPlainObject,
  jsonValueSchema,
  type ResourcesAlias,
  resourcesAliasSchema,
  type ResourcesUpdate,
  resourcesUpdateSchema,
  type Rollout,
  rolloutSchema,
  type Span,
  type Worker,
  workerSchema,
} from '@agl/types'
import { z } from 'zod'
import { isRouteSafe, routeSafeMessage } from './check-id.ts'
import { checkSequenceId, highestSequenceId } from './check-sequence-id.ts'
import { parseNewSpan } from './check-span.ts'
import { type AttemptNotes, isFinished, type RolloutNotes } from './state-machine/index.ts'

/*
 * A snapshot of a store as JSON Lines: a header, one record per line, and an end that says how many records there were, so
 * that a file that was cut off is noticed. A rollout comes before its attempts, these before their spans, resources
 * before their aliases; beyond that the order of lines is the order of insertion. Spans are stored as they are, numbers
 * that JSON cannot write included.
 */

/** One line between the header and the end. */
export type SnapshotRecord =
  | {
      readonly kind: 'resources_history'
      readonly resources_id: string
      /** The highest version ever given. */
      readonly last_version: number
    }
  | { readonly kind: 'resources'; readonly resources: ResourcesUpdate }
  | { readonly kind: 'alias'; readonly alias: ResourcesAlias }
  | {
      readonly kind: 'rollout'
      readonly rollout: Rollout
      readonly notes: RolloutNotes
      /** The highest span sequence id given or seen. */
      readonly sequence: number
      /** Its place among what waits: a lower one first within a priority; null when it does not wait. */
      readonly queue: number | null
    }
  | {
      readonly kind: 'attempt'
      readonly attempt: Attempt
      readonly notes: AttemptNotes
      /** Whether its spans were dropped by retention. */
      readonly is_gone: boolean
    }
  | { readonly kind: 'span'; readonly span: Span }
  | { readonly kind: 'worker'; readonly worker: Worker }
  | {
      readonly kind: 'idempotency_key'
      readonly verb: string
      readonly key: string
      readonly time: number
      readonly answer: unknown
    }

const version = 1

/** The first line. @param time epoch seconds */
export function snapshotHeader(store: { readonly name: string; readonly time: number }): string {
  return JSON.stringify({ agl: 'snapshot', version, store: store.name, time: store.time })
}

/** The last line. @param records how many lines lie between it and the header */
export function snapshotEnd(records: number): string {
  return JSON.stringify({ kind: 'end', records })
}

export function encodeSnapshotRecord(record: SnapshotRecord): string {
  return record.kind === 'span' ? encodeSpan(record.span) : JSON.stringify(record)
}

/** The keys that lead to a number that JSON cannot write, and the number as text. */
type OddNumber = readonly [path: readonly (string | number)[], text: string]

function encodeSpan(span: Span): string {
  const odd: OddNumber[] = []
  collectOdd(span, [], odd)
  return JSON.stringify(odd.length === 0 ? { kind: 'span', span } : { kind: 'span', span, odd })
}

function collectOdd(value: unknown, path: readonly (string | number)[], odd: OddNumber[]): void {
  if (typeof value === 'number') {
    const isNegativeZero = Object.is(value, -0)
    if (!Number.isFinite(value) || isNegativeZero) odd.push([path, isNegativeZero ? '-0' : String(value)])
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) collectOdd(item, [...path, index], odd)
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) collectOdd(item, [...path, key], odd)
  }
}

function restoreOdd(span: unknown, odd: readonly OddNumber[], line: number): void {
  for (const [path, text] of odd) {
    let place = span as Record<string | number, unknown>
    for (const key of path.slice(0, -1)) {
      if (typeof place !== 'object' || place === null || !Object.hasOwn(place, key)) break
      place = place[key] as Record<string | number, unknown>
    }
    const last = path.at(-1)
    if (last === undefined || typeof place !== 'object' || place === null || !Object.hasOwn(place, last)) {
      throw snapshotError(line, `nothing at ${path.join('.')} of the span`)
    }
    place[last] = Number(text)
  }
}

/** Says which line of a snapshot does not fit. */
export function snapshotError(line: number, problem: string, cause?: unknown): AglError {
  return new AglError({
    code: 'invalid_argument',
    message: `Invalid snapshot, line ${line}: ${problem}`,
    data: { line },
    ...(cause === undefined ? {} : { cause }),
  })
}

const headerSchema = z.object({ agl: z.literal('snapshot'), version: z.literal(version) })

const rolloutNotes = z.strictObject({ uncountedAttempts: z.int(), lostClaims: z.int() })
const attemptNotes = z.strictObject({
  leaseMs: z.number().nullable(),
  showedLife: z.boolean(),
  hasReward: z.boolean(),
  isUncounted: z.boolean(),
  isLostClaim: z.boolean(),
})

const endSchema = z.strictObject({ kind: z.literal('end'), records: z.int() })
const oddNumbers = z.array(z.tuple([z.array(z.union([z.string(), z.int()])), z.enum(['NaN', 'Infinity', '-Infinity', '-0'])]))
const spanLineSchema = z.strictObject({ kind: z.literal('span'), span: z.unknown(), odd: oddNumbers.optional() })

const chosenId = z.string().refine(isRouteSafe, { error: routeSafeMessage })

/** A record whose id is as stores ask for it. */
function withIds<Value>(schema: z.ZodType<Value>, field: keyof Value & string): z.ZodType<Value> {
  return schema.refine((value) => isRouteSafe(String(value[field])), { error: routeSafeMessage, path: [field] })
}

const recordSchemas: Readonly<Record<Exclude<SnapshotRecord['kind'], 'span'>, z.ZodType>> = {
  resources_history: z.strictObject({ kind: z.string(), resources_id: chosenId, last_version: z.int().min(1) }),
  resources: z.strictObject({
    kind: z.string(),
    resources: withIds(resourcesUpdateSchema, 'resources_id').refine(({ version: number }) => number >= 1, {
      error: 'expected a version of at least 1',
    }),
  }),
  alias: z.strictObject({ kind: z.string(), alias: withIds(resourcesAliasSchema, 'alias') }),
  rollout: z.strictObject({
    kind: z.string(),
    rollout: withIds(rolloutSchema, 'rollout_id').refine(
      ({ status, end_time: endTime }) => isFinished(status) === (endTime !== null),
      { error: 'expected an end_time of a finished rollout, and of no other' },
    ),
    notes: rolloutNotes,
    sequence: z.int().min(0).max(highestSequenceId),
    queue: z.number().nullable(),
  }),
  attempt: z.strictObject({
    kind: z.string(),
    attempt: withIds(attemptSchema, 'attempt_id').refine(({ sequence_id: number }) => number >= 1, {
      error: 'expected a sequence_id of at least 1',
    }),
    notes: attemptNotes,
    is_gone: z.boolean(),
  }),
  worker: z.strictObject({
    kind: z.string(),
    worker: workerSchema.refine(({ worker_id: id }) => id === '' || isRouteSafe(id), {
      error: routeSafeMessage,
      path: ['worker_id'],
    }),
  }),
  idempotency_key: z.strictObject({
    kind: z.string(),
    verb: z.string(),
    key: z.string().refine((key) => key.isWellFormed(), { error: 'expected well-formed text' }),
    time: z.number(),
    answer: jsonValueSchema,
  }),
}

/**
 * The records of a snapshot, each checked and with the number of its line. Reads one line at a time; whoever imports must
 * store nothing before the end was seen.
 * @throws AglError `invalid_argument` that names the line: no header, no JSON, a record that does not fit, one that
 * refers to what did not come before it or comes twice, a missing end, or something after it
 */
export async function* decodeSnapshot(
  lines: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<{ readonly line: number; readonly record: SnapshotRecord }, void, void> {
  const seen: Seen = { known: new Set(), lastNumbers: new Map() }
  let line = 0
  let records = 0
  let isEnded = false
  for await (const text of lines) {
    line++
    if (typeof text !== 'string') throw snapshotError(line, `expected text; got ${describeValue(text)}`)
    if (text.trim() === '' && line > 1) continue
    const value = parseLine(text, line)
    if (line === 1) {
      checkLine(headerSchema, value, line, `no header of a snapshot of version ${version}`)
      continue
    }
    if (isEnded) throw snapshotError(line, 'something follows the end')
    if (kindOf(value) === 'end') {
      const end = checkLine(endSchema, value, line, 'no end of a snapshot') as { readonly records: number }
      if (end.records !== records) throw snapshotError(line, `expected ${end.records} records; ${records} came`)
      isEnded = true
      continue
    }
    const record = toRecord(value, line)
    checkPlace(record, seen, line)
    records++
    yield { line, record }
  }
  if (!isEnded) throw snapshotError(line, 'the snapshot ends here without its last line; it was cut off')
}

function parseLine(text: string, line: number): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw snapshotError(line, `no JSON (${errorMessage(error)})`, error)
  }
}

function kindOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined
}

function checkLine(schema: z.ZodType, value: unknown, line: number, problem: string): unknown {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issues = result.error.issues.map((issue) => describeIssue(issue, value))
  throw snapshotError(line, `${problem}:\n${issues.join('\n')}`)
}

function toRecord(value: unknown, line: number): SnapshotRecord {
  const kind = kindOf(value)
  if (kind === 'span') {
    const { span, odd } = checkLine(spanLineSchema, value, line, 'the record does not fit') as z.infer<typeof spanLineSchema>
    restoreOdd(span, odd ?? [], line)
    return { kind, span: toSpan(span, line) }
  }
  if (typeof kind !== 'string' || !Object.hasOwn(recordSchemas, kind)) {
    throw snapshotError(line, `unknown kind of record ${JSON.stringify(kind) ?? 'undefined'}`)
  }
  const record = checkLine(recordSchemas[kind as keyof typeof recordSchemas], value, line, 'the record does not fit')
  checkNothingLost(value as Parts, record as Parts, line)
  return record as SnapshotRecord
}

type Parts = Readonly<Record<string, unknown>>

/** The schemas of records leave out what they do not know; of a snapshot, which may be of a later version, nothing is. */
function checkNothingLost(value: Parts, record: Parts, line: number): void {
  for (const [name, part] of Object.entries(record)) {
    const came = value[name]
    if (!isPlainObject(part) || !isPlainObject(came) || name === 'answer') continue
    const unknown = Object.keys(came).find((key) => !Object.hasOwn(part, key))
    if (unknown !== undefined) throw snapshotError(line, `unknown key "${unknown}" of its ${name}`)
    if (name === 'rollout') checkNothingLost({ config: came.config }, { config: part.config }, line)
  }
}

function toSpan(value: unknown, line: number): Span {
  try {
    const span = parseNewSpan(value)
    if (span.sequence_id !== undefined) checkSequenceId(span.sequence_id)
    else throw new Error('a span without sequence_id')
    return Object.freeze(span) as Span
  } catch (error) {
    throw snapshotError(line, errorMessage(error), error)
  }
}

interface Seen {
  readonly known: Set<string>
  /** By rollout: the number of its last attempt; by id of resources: that of the last version. */
  readonly lastNumbers: Map<string, number>
}

/** What a record refers to must have come before, nothing may come twice, and a rollout's attempts come in their order. */
function checkPlace(record: SnapshotRecord, { known, lastNumbers }: Seen, line: number): void {
  const { own, needs } = placeOf(record)
  if (record.kind === 'attempt') {
    const { rollout_id: rolloutId, sequence_id: number } = record.attempt
    const last = lastNumbers.get(rolloutId) ?? 0
    if (number <= last) throw snapshotError(line, `attempt number ${number} of ${rolloutId} comes after number ${last}`)
    lastNumbers.set(rolloutId, number)
    const attemptId = `attempt id ${record.attempt.attempt_id}`
    if (known.has(attemptId)) throw snapshotError(line, `the ${attemptId} is used by two rollouts`)
    known.add(attemptId)
  }
  if (record.kind === 'resources_history') lastNumbers.set(`resources ${record.resources_id}`, record.last_version)
  if (record.kind === 'resources') {
    const { resources_id: id, version: number } = record.resources
    const last = lastNumbers.get(`resources ${id}`) ?? Infinity
    if (number > last) throw snapshotError(line, `version ${number} of resources ${id}, of which ${last} is said to be the last`)
  }
  for (const need of needs) {
    if (!known.has(need)) throw snapshotError(line, `the ${record.kind} refers to ${need}, which did not come before it`)
  }
  if (known.has(own)) throw snapshotError(line, `${own} came before`)
  known.add(own)
}

function placeOf(record: SnapshotRecord): { readonly own: string; readonly needs: readonly string[] } {
  switch (record.kind) {
    case 'resources_history':
      return { own: `history of resources ${record.resources_id}`, needs: [] }
    case 'resources': {
      const { resources_id: id, version } = record.resources
      return { own: `version ${version} of resources ${id}`, needs: [`history of resources ${id}`] }
    }
    case 'alias': {
      const { alias, resources_id: id, version } = record.alias
      return { own: `alias ${alias}`, needs: [`version ${version} of resources ${id}`] }
    }
    case 'rollout':
      return { own: `rollout ${record.rollout.rollout_id}`, needs: [] }
    case 'attempt': {
      const { rollout_id: rolloutId, attempt_id: attemptId } = record.attempt
      return { own: `attempt ${attemptId} of ${rolloutId}`, needs: [`rollout ${rolloutId}`] }
    }
    case 'span': {
      const { rollout_id: rolloutId, attempt_id: attemptId, span_id: spanId } = record.span
      return { own: `span ${spanId} of ${attemptId}`, needs: [`attempt ${attemptId} of ${rolloutId}`] }
    }
    case 'worker':
      return { own: `worker ${record.worker.worker_id}`, needs: [] }
    case 'idempotency_key':
      return { own: `idempotency key ${record.key}`, needs: [] }
    default:
      return record satisfies never
  }
}
