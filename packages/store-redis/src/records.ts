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

/** id, status, end time, header, input, cold fields, last attempt: what `include/record.lua` answers. */
export type StoredRollout = readonly [
  id: string,
  status: string,
  ended: string,
  header: string,
  input: string | null,
  cold: string,
  latest: string,
]

/** What only clients read of a rollout; what is as usual is left out. */
interface ColdFields {
  readonly mode?: Rollout['mode']
  readonly config?: RolloutConfig
  readonly metadata?: JsonObject | null
  readonly metadata_source?: string
  readonly labels?: Rollout['labels']
  readonly idempotency_key?: string
}

export interface Header {
  readonly ordinal: number
  readonly priority: number
  readonly startTime: number
  readonly bytes: number
  readonly resourcesVersion: number | null
  readonly resourcesId: string | null
}

export function decodeHeader(header: string): Header {
  const [ordinal, priority, start, bytes, version, ...resources] = header.split(separator) as [
    string,
    string,
    string,
    string,
    string,
  ]
  return {
    ordinal: Number(ordinal),
    priority: Number(priority),
    startTime: Number(start),
    bytes: Number(bytes),
    resourcesVersion: numberOrNull(version),
    resourcesId: named((resources as string[]).join(separator)),
  }
}

/** @param stored without its latest attempt. An input of null reads as null */
export function decodeRollout([id, status, ended, header, input, cold]: StoredRollout): Rollout {
  const { priority, startTime, resourcesId, resourcesVersion } = decodeHeader(header)
  const { mode, config, metadata, metadata_source: source, labels, idempotency_key: key } = decodeCold(cold)
  if (source !== undefined) keepJsonSource(metadata as object, source)
  return Object.freeze<Rollout>({
    rollout_id: id,
    input: input === null ? null : readInputText(input),
    start_time: startTime,
    end_time: numberOrNull(ended),
    mode: mode ?? null,
    resources_id: resourcesId,
    resources_version: resourcesVersion,
    status: status as RolloutStatus,
    config: config === undefined ? defaultRolloutConfig : Object.freeze(config),
    metadata: metadata === undefined ? {} : metadata,
    priority,
    idempotency_key: key ?? null,
    labels: labels ?? {},
  })
}

/** With its latest attempt, if it has one. */
export function decodeAttempted(stored: StoredRollout): Rollout | AttemptedRollout {
  const latest = stored[6]
  return latest === '' ? decodeRollout(stored) : withAttempt(decodeRollout(stored), decodeAttempt(stored[0], latest).attempt)
}

export function withAttempt(rollout: Rollout, attempt: Attempt): AttemptedRollout {
  return Object.freeze({ ...rollout, attempt })
}

function decodeCold(cold: string): ColdFields {
  return cold === '' ? {} : (JSON.parse(cold) as ColdFields)
}

export function encodeCold(rollout: Pick<Rollout, 'mode' | 'config' | 'metadata' | 'labels' | 'idempotency_key'>): string {
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

/** '' where nothing limits the rollout: scripts need look no further. */
export function encodeLimits(config: RolloutConfig): string {
  if (config === defaultRolloutConfig) return ''
  const { timeout_seconds: timeout, unresponsive_seconds: silence, max_attempts: most } = config
  const conditions = config.retry_condition.map((status) => statusLetters[status]).join('')
  const outcomes = config.retry_outcomes.map((outcome) => outcomeLetters[outcome]).join('')
  return [timeout ?? '', silence ?? '', most, conditions, outcomes].join(separator)
}

/** What a script needs of a new rollout; see `include/insert.lua`. */
export function encodeNew(request: EnqueueRolloutRequest, id: string, isChosen: boolean): readonly ScriptArgument[] {
  const config = request.config == null ? defaultRolloutConfig : { ...defaultRolloutConfig, ...request.config }
  const cold = encodeCold({
    mode: request.mode ?? null,
    config,
    metadata: request.metadata ?? {},
    labels: request.labels ?? {},
    idempotency_key: request.idempotency_key ?? null,
  })
  return [
    id,
    isChosen ? '1' : '',
    request.idempotency_key ?? '',
    request.priority ?? 0,
    nameText(request.resources_id),
    request.resources_version ?? '',
    encodeLimits(config),
    cold,
    writeInputText(request.input),
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

export interface DecodedWorker {
  readonly worker: Worker
  readonly ordinal: number
  readonly running: number
}

export function decodeWorker(workerId: string, packed: string): DecodedWorker {
  const [ordinal, status, beat, dequeue, busy, idle, rollout, attempt, capacity, running, , stats] = packed.split(separator)
  const worker = Object.freeze<Worker>({
    worker_id: workerId,
    status: status as WorkerStatus,
    heartbeat_stats: stats === '' ? null : (JSON.parse(stats!) as JsonObject),
    last_heartbeat_time: numberOrNull(beat!),
    last_dequeue_time: numberOrNull(dequeue!),
    last_busy_time: numberOrNull(busy!),
    last_idle_time: numberOrNull(idle!),
    current_rollout_id: textOrNull(rollout!),
    current_attempt_id: textOrNull(attempt!),
    capacity: numberOrNull(capacity!),
  })
  return { worker, ordinal: Number(ordinal), running: Number(running) }
}

/** A worker as it is first stored by an import, before it runs anything. */
export function encodeWorker(worker: Worker): string {
  return [
    worker.status,
    worker.last_heartbeat_time ?? '',
    worker.last_dequeue_time ?? '',
    worker.last_busy_time ?? '',
    worker.last_idle_time ?? '',
    worker.current_rollout_id ?? '',
    worker.current_attempt_id ?? '',
    worker.capacity ?? '',
    0,
    0,
    worker.heartbeat_stats === null ? '' : JSON.stringify(worker.heartbeat_stats),
  ].join(separator)
}
