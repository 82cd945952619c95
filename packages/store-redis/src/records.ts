import { readInputText, sourceBeside, writeInputText } from '@agl/store-kit'
import {
  type Attempt,
  type AttemptedRollout,
  type AttemptOutcome,
  type AttemptStatus,
  defaultRolloutConfig,
  type EnqueueRolloutRequest,
  type JsonObject,
  keepJsonSource,
  type Rollout,
  type RolloutConfig,
  type RolloutStatus,
  type Worker,
  type WorkerStatus,
} from '@agl/types'
import type { ScriptArgument } from './connection/connection.ts'

/*
 * Records as scripts keep them; see `include/rollouts.lua`, `include/attempts.lua` and `include/workers.lua`.
 */

export const separator = '\u001f'

const numberOrNull = (text: string): number | null => (text === '' ? null : Number(text))
const textOrNull = (text: string): string | null => (text === '' ? null : text)
/** Of texts that may be empty. */
const named = (text: string): string | null => (text === '' ? null : text.slice(1))

export const nameText = (name: string | null | undefined): string => (name == null ? '' : `=${name}`)

/** What `include/record.lua` answers. A body of null was not read: the rollout has no input then. */
export type StoredRollout = readonly [id: string, text: string, body: string | null]

/** What only clients read of a rollout; what is as usual is left out. */
interface ColdFields {
  readonly mode?: Rollout['mode']
  readonly config?: RolloutConfig
  readonly metadata?: JsonObject | null
  readonly metadata_source?: string
  readonly labels?: Rollout['labels']
  readonly idempotency_key?: string
}

/** What a rollout's text says. */
export interface RolloutText {
  readonly status: RolloutStatus
  readonly ordinal: number
  readonly endTime: number | null
  readonly bytes: number
  readonly uncountedAttempts: number
  readonly lostClaims: number
  /** As `encodeLimits` writes them. */
  readonly limits: string
  /** In the queue. */
  readonly place: number
  readonly startTime: number
  readonly priority: number
  readonly resourcesVersion: number | null
  readonly resourcesId: string | null
  readonly spans: SpansText
  /** '' for none. */
  readonly latest: string
}

/** How the spans of a rollout stand. */
export interface SpansText {
  readonly bytes: number
  /** How many arrived. */
  readonly arrived: number
  /** The highest sequence id that was given or seen. */
  readonly highest: number
  /** Whether the order of arrival is that of the sequence ids. */
  readonly isOrdered: boolean
  /** How often they were dropped. */
  readonly generation: string
}

const fixedSeparator = '\u001e'

export function parseRollout(text: string): RolloutText {
  const [status, ordinal, ended, bytes, rare, limits, spans, fixed, ...latest] = text.split(separator) as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    ...string[],
  ]
  const [uncounted, lost, place] = rare === '' ? ['0', '0', ''] : (rare.split(',') as [string, string, string])
  const [start, priority, version, resources] = fixed.split(fixedSeparator) as [string, string, string, string]
  return {
    status: status as RolloutStatus,
    ordinal: Number(ordinal),
    endTime: numberOrNull(ended),
    bytes: Number(bytes),
    uncountedAttempts: Number(uncounted),
    lostClaims: Number(lost),
    limits,
    place: Number(place === '' ? ordinal : place),
    startTime: Number(start),
    priority: Number(priority),
    resourcesVersion: numberOrNull(version),
    resourcesId: named(resources),
    spans: parseSpans(spans),
    latest: latest.join(separator),
  }
}

function parseSpans(text: string): SpansText {
  if (text === '') return { bytes: 0, arrived: 0, highest: 0, isOrdered: true, generation: '' }
  const [bytes, arrived, highest, , isUnordered, generation] = text.split(',') as [string, string, string, string, string, string]
  return { bytes: Number(bytes), arrived: Number(arrived), highest: Number(highest), isOrdered: isUnordered === '', generation }
}

/** Without its latest attempt. */
export function decodeRollout([id, text, body]: StoredRollout): Rollout {
  return rolloutOf(id, parseRollout(text), body)
}

/** With its latest attempt, if it has one. */
export function decodeAttempted([id, text, body]: StoredRollout): Rollout | AttemptedRollout {
  const parsed = parseRollout(text)
  const rollout = rolloutOf(id, parsed, body)
  return parsed.latest === '' ? rollout : withAttempt(rollout, decodeAttempt(id, parsed.latest).attempt)
}

function rolloutOf(id: string, text: RolloutText, body: string | null): Rollout {
  const [cold, input] = splitBody(body ?? '')
  const { mode, config, metadata, metadata_source: source, labels, idempotency_key: key } = decodeCold(cold)
  if (source !== undefined) keepJsonSource(metadata as object, source)
  return Object.freeze<Rollout>({
    rollout_id: id,
    input: input === '' ? null : readInputText(input),
    start_time: text.startTime,
    end_time: text.endTime,
    mode: mode ?? null,
    resources_id: text.resourcesId,
    resources_version: text.resourcesVersion,
    status: text.status,
    config: config === undefined ? defaultRolloutConfig : Object.freeze(config),
    metadata: metadata === undefined ? {} : metadata,
    priority: text.priority,
    idempotency_key: key ?? null,
    labels: labels ?? {},
  })
}

/** What only clients read, then the input; of the beginning of a body the input may be missing. */
function splitBody(body: string): readonly [cold: string, input: string] {
  const end = body.indexOf(separator)
  return end === -1 ? [body, ''] : [body.slice(0, end), body.slice(end + 1)]
}

/** What of a body only clients read; null when the text is a beginning that does not hold all of it. */
export function coldPart(beginning: string): string | null {
  const end = beginning.indexOf(separator)
  return end === -1 ? null : beginning.slice(0, end)
}

/** The input of a body, as text. */
export function inputPart(body: string): string {
  return splitBody(body)[1]
}

export function encodeRolloutBody(rollout: Parameters<typeof encodeCold>[0], input: string): string {
  return encodeCold(rollout) + separator + input
}

export function withAttempt(rollout: Rollout, attempt: Attempt): AttemptedRollout {
  return Object.freeze({ ...rollout, attempt })
}

function decodeCold(cold: string): ColdFields {
  return cold === '' ? {} : (JSON.parse(cold) as ColdFields)
}

function encodeCold(rollout: Pick<Rollout, 'mode' | 'config' | 'metadata' | 'labels' | 'idempotency_key'>): string {
  const { mode, config, metadata, labels, idempotency_key: key } = rollout
  const cold: ColdFields = {
    ...(mode === null ? {} : { mode }),
    ...(config === defaultRolloutConfig ? {} : { config }),
    ...(metadata !== null && isEmpty(metadata) && sourceBeside('metadata', metadata) === null
      ? {}
      : { metadata, ...sourceBeside('metadata', metadata) }),
    ...(isEmpty(labels) ? {} : { labels }),
    ...(key === null ? {} : { idempotency_key: key }),
  }
  return isEmpty(cold) ? '' : JSON.stringify(cold)
}

function isEmpty(value: object): boolean {
  for (const _ in value) return false
  return true
}

const statusLetters: Readonly<Record<AttemptStatus, string>> = {
  failed: 'f',
  timeout: 't',
  unresponsive: 'u',
  succeeded: 's',
  preparing: 'p',
  running: 'r',
}
const outcomeLetters: Readonly<Record<AttemptOutcome, string>> = {
  scored: 's',
  completed: 'c',
  agent_error: 'a',
  infra_error: 'i',
  invalid: 'v',
  cancelled: 'x',
  timeout: 't',
  unresponsive: 'u',
}

/** As scripts read them; '' where nothing limits the rollout: then they need look no further. */
export function encodeLimits(config: RolloutConfig): string {
  if (config === defaultRolloutConfig) return ''
  const { timeout_seconds: timeout, unresponsive_seconds: silence, max_attempts: most } = config
  const conditions = config.retry_condition.map((status) => statusLetters[status]).join('')
  const outcomes = config.retry_outcomes.map((outcome) => outcomeLetters[outcome]).join('')
  return [timeout ?? '', silence ?? '', most, conditions, outcomes].join(',')
}

/** What a script needs of a new rollout; see `include/insert.lua`. */
export function encodeNew(request: EnqueueRolloutRequest, id: string, isChosen: boolean): readonly ScriptArgument[] {
  const config = request.config == null ? defaultRolloutConfig : { ...defaultRolloutConfig, ...request.config }
  const rollout = {
    mode: request.mode ?? null,
    config,
    metadata: request.metadata ?? {},
    labels: request.labels ?? {},
    idempotency_key: request.idempotency_key ?? null,
  }
  return [
    id,
    isChosen ? '1' : '',
    request.idempotency_key ?? '',
    request.priority ?? 0,
    nameText(request.resources_id),
    request.resources_version ?? '',
    encodeLimits(config),
    encodeRolloutBody(rollout, writeInputText(request.input)),
  ]
}

/** What is known of an attempt beside its record. */
export interface DecodedAttempt {
  readonly attempt: Attempt
  readonly leaseMs: number | null
  /** See `include/attempts.lua`. */
  readonly letters: string
}

export function decodeAttempt(rolloutId: string, packed: string): DecodedAttempt {
  const [id, number, status, start, ended, worker, beat, outcome, lease, leaseMs, letters, metadata] = packed.split(
    separator,
  ) as [...(Record<0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11, string> & string[])]
  const attempt = Object.freeze<Attempt>({
    rollout_id: rolloutId,
    attempt_id: id!,
    sequence_id: Number(number),
    start_time: Number(start),
    end_time: numberOrNull(ended!),
    status: status as AttemptStatus,
    worker_id: named(worker!),
    last_heartbeat_time: numberOrNull(beat!),
    metadata: decodeMetadata(metadata!),
    outcome: textOrNull(outcome!) as AttemptOutcome | null,
    lease_expires: numberOrNull(lease!),
  })
  return { attempt, leaseMs: numberOrNull(leaseMs!), letters: letters! }
}

export function encodeAttempt({ attempt, leaseMs, letters }: DecodedAttempt): string {
  return [
    attempt.attempt_id,
    attempt.sequence_id,
    attempt.status,
    attempt.start_time,
    attempt.end_time ?? '',
    nameText(attempt.worker_id),
    attempt.last_heartbeat_time ?? '',
    attempt.outcome ?? '',
    attempt.lease_expires ?? '',
    leaseMs ?? '',
    letters,
    attempt.metadata === null ? '' : encodeMetadata(attempt.metadata),
  ].join(separator)
}

/** As an input: see `writeInputText`. */
export function encodeMetadata(metadata: JsonObject): string {
  return writeInputText(metadata)
}

function decodeMetadata(text: string): JsonObject | null {
  return text === '' ? null : (readInputText(text) as JsonObject)
}

/** As `include/workers.lua` has it; what is null is absent or ''. */
export type WorkerFields = Readonly<Record<string, string>>

export function decodeWorker(workerId: string, fields: WorkerFields): Worker {
  const { s: status, x: stats = '', h = '', d = '', b = '', i = '', r = '', a = '', c = '' } = fields
  return Object.freeze<Worker>({
    worker_id: workerId,
    status: status as WorkerStatus,
    heartbeat_stats: stats === '' ? null : (JSON.parse(stats) as JsonObject),
    last_heartbeat_time: numberOrNull(h),
    last_dequeue_time: numberOrNull(d),
    last_busy_time: numberOrNull(b),
    last_idle_time: numberOrNull(i),
    current_rollout_id: textOrNull(r),
    current_attempt_id: textOrNull(a),
    capacity: numberOrNull(c),
  })
}

/** Of a reply: fields and values in turns. */
export function fieldsOf(list: readonly string[]): WorkerFields {
  const fields: Record<string, string> = {}
  for (let index = 0; index < list.length; index += 2) fields[list[index]!] = list[index + 1]!
  return fields
}

/** How many attempts it runs. */
export function runningCount({ n = '0' }: WorkerFields): number {
  return Number(n)
}

/** A worker as it is first stored by an import, before it runs anything: fields and values in turns. */
export function encodeWorker(worker: Worker): readonly ScriptArgument[] {
  const fields = {
    s: worker.status,
    h: worker.last_heartbeat_time,
    d: worker.last_dequeue_time,
    b: worker.last_busy_time,
    i: worker.last_idle_time,
    r: worker.current_rollout_id,
    a: worker.current_attempt_id,
    c: worker.capacity,
    x: worker.heartbeat_stats === null ? null : JSON.stringify(worker.heartbeat_stats),
  }
  return Object.entries(fields).flatMap(([field, value]) => (value === null ? [] : [field, value]))
}
