import { isFinished, isLive, isQueuing, nextDeadline } from '@agl/store-kit'
import { encodeLimits } from '../records.ts'
import { scoreOf } from '../rollouts.ts'
import type { Invariant } from './inspection.ts'
import type { InspectedRollout, StoredRecord } from './rollout-record.ts'

/** What the store has of a rollout beside its record. */
export interface Surroundings {
  readonly score: number | null
  /** Priorities of the lists that have an entry with its place in the queue. */
  readonly queued: readonly number[]
  /** Moments at which its attempts are looked at, by number. */
  readonly deadlines: ReadonlyMap<number, number>
  readonly endedEntries: number
  readonly endedWithSpansEntries: number
}

/** Scores and limits are sums of the same numbers; this covers how they are written. */
const toleranceSeconds = 0.001

export type Finding = readonly [Invariant, string]

/** What is wrong with a rollout, of what was read of it. */
export function judgeRollout(id: string, record: StoredRecord, surroundings: Surroundings): readonly Finding[] {
  const { row } = record
  const { score, queued, deadlines, endedEntries, endedWithSpansEntries } = surroundings
  if (row === 'broken') return [['records', `Rollout ${id} cannot be read, or an attempt of it.`]]
  const findings: Finding[] = [...judgeRecord(id, record)]
  if (row === null) {
    if (score !== null) findings.push(['status_index', `The index of statuses has rollout ${id}, of which there is no record.`])
    for (const number of deadlines.keys()) {
      findings.push(['deadlines', `Attempt ${number} of rollout ${id} is to be looked at, and there is no such rollout.`])
    }
    return findings
  }
  const { rollout, text } = row
  const expected = scoreOf(rollout.status, text.ordinal)
  if (score !== expected) {
    const says = score === null ? 'does not have it' : `has it at ${score}`
    findings.push(['status_index', `Rollout ${id} is ${rollout.status}, at ${expected} in the index of statuses, which ${says}.`])
  }
  if (isQueuing(rollout.status) && (queued.length !== 1 || queued[0] !== text.priority)) {
    const where = queued.length === 0 ? 'in no list' : `in the lists of priority ${queued.join(', ')}`
    findings.push([
      'queue',
      `Rollout ${id} waits with priority ${text.priority} and should be in that list once; it is ${where}.`,
    ])
  }
  findings.push(...judgeDeadlines(row, deadlines))
  const isEnded = isFinished(rollout.status)
  if (isEnded && endedEntries !== 1) {
    findings.push([
      'ended_lists',
      `Rollout ${id} is ${rollout.status} and ${endedEntries} times in the list of ends, instead of once.`,
    ])
  }
  if (isEnded && text.spans.bytes > 0 && endedWithSpansEntries !== 1) {
    const times = `${endedWithSpansEntries} times`
    findings.push([
      'ended_lists',
      `Rollout ${id} is ${rollout.status} and ${times} in the list of ends with spans, instead of once.`,
    ])
  }
  return findings
}

/** What lies beside the text of a rollout. */
function judgeRecord(id: string, { row, hasBody, earlier }: StoredRecord): readonly Finding[] {
  const findings: Finding[] = []
  const tell = (message: string): void => void findings.push(['records', message])
  if (row === null) {
    if (hasBody) tell(`There is a body of rollout ${id} and no such rollout.`)
    if (earlier.length > 0) tell(`There are attempts of rollout ${id} and no such rollout.`)
  }
  if (row === null || row === 'broken') return findings
  const limits = encodeLimits(row.rollout.config)
  if (!hasBody) tell(`Rollout ${id} has no body.`)
  else if (limits !== row.text.limits) {
    tell(`Rollout ${id} has the limits "${row.text.limits}", and by the config of its body they are "${limits}".`)
  }
  const late = earlier.filter((number) => number >= row.lastAttempt)
  if (late.length > 0) {
    tell(`Rollout ${id} has attempt ${late.join(', ')} among those before its last one, which is ${row.lastAttempt}.`)
  }
  return findings
}

function judgeDeadlines({ id, rollout, attempts }: InspectedRollout, deadlines: ReadonlyMap<number, number>): readonly Finding[] {
  const findings: Finding[] = []
  const left = new Map(deadlines)
  for (const attempt of attempts) {
    const { attempt_id: attemptId, sequence_id: number } = attempt
    const limit = isLive(attempt.status) ? nextDeadline(attempt, rollout) : null
    if (limit === null) continue
    const looked = left.get(number)
    left.delete(number)
    if (looked === undefined) {
      findings.push(['deadlines', `Attempt ${attemptId} of rollout ${id} is live until ${limit} and nobody will look at it.`])
    } else if (looked > limit + toleranceSeconds) {
      findings.push([
        'deadlines',
        `Attempt ${attemptId} of rollout ${id} is live until ${limit} and is looked at only at ${looked}.`,
      ])
    }
  }
  for (const number of left.keys()) {
    findings.push(['deadlines', `Attempt ${number} of rollout ${id} is to be looked at, though it is not live or has no limit.`])
  }
  return findings
}
