import { isFinished, isLive } from '@agl/store-kit'
import type { Attempt, AttemptOutcome } from '@agl/types'
import { entriesOf, type Entry } from './journal.ts'
import { type Plan, type Task, type TaskKind, tasksOf } from './plan.ts'
import type { RunRecord } from './record.ts'

/** Something that must not be. */
export interface Violation {
  readonly kind:
    | 'lost'
    | 'doubled'
    | 'untruthful'
    | 'held'
    | 'busy'
    | 'span'
    | 'left-behind'
    | 'hung'
    | 'not-hit'
    | 'gap'
    | 'unfinished'
  readonly detail: string
}

/** What was done to whom. Times are epoch seconds. */
export interface Fault {
  /** The processes that were hit, where runners or the program were. */
  readonly pids: readonly number[]
  readonly start: number
  readonly end: number
}

export interface Verdict {
  readonly violations: readonly Violation[]
  readonly outcomes: Readonly<Partial<Record<AttemptOutcome, number>>>
  /** Attempts that lost their lease though nobody had touched them: the machine was too busy to renew it. */
  readonly starved: number
}

export interface Evidence {
  readonly plan: Plan
  readonly entries: readonly Entry[]
  /** Null = nobody was hit. */
  readonly fault: Fault | null
  readonly record: RunRecord
  /** Whether all tasks must be finished; not where the data is gone with its program. */
  readonly mustFinish: boolean
}

/** How the last attempt of each kind of task must have ended. */
const finalOutcomes: Readonly<Record<TaskKind, AttemptOutcome>> = {
  score: 'scored',
  straggle: 'scored',
  throw: 'agent_error',
  slow: 'timeout',
  cancel: 'cancelled',
}

/** How long after a fault its consequences may show: back-offs, and leases that were just renewed. */
const aftermathLeases = 3

/** Holds what the store says against what the agents, and those that were given its answers, wrote down themselves. */
export function judge(evidence: Evidence): Verdict {
  const { plan, entries, record, mustFinish } = evidence
  const violations: Violation[] = []
  const report = (kind: Violation['kind'], detail: string): void => void violations.push({ kind, detail })
  let starved = 0
  const tasks = new Map(tasksOf(plan).map((task) => [task.rolloutId, task]))

  for (const attempt of record.attempts) {
    const problem = untruth(attempt, tasks.get(attempt.rollout_id)!, evidence)
    if (problem === 'starved') starved++
    else if (problem !== null) report('untruthful', problem)
  }
  for (const problem of lostSettlements(record, entries)) report('untruthful', problem)
  if (mustFinish) {
    for (const task of tasks.values()) judgeEnd(task, record, report)
    for (const { worker_id: id, status, current_rollout_id: rolloutId } of record.workers) {
      if (status === 'busy' && id !== 'fresh') report('busy', `worker ${id} is busy with ${rolloutId} though nothing runs`)
    }
    if (record.freshClaim !== null) report('held', `a new runner got ${record.freshClaim} though everything is finished`)
    for (const attempt of record.attempts.filter(({ status }) => isLive(status))) {
      report('held', `attempt ${attempt.attempt_id} of ${attempt.rollout_id} is still ${attempt.status}`)
    }
  }
  if (record.hasGap) report('gap', 'the feed could not be followed without a gap')
  for (const { attemptIds, fit } of entriesOf(entries, 'held')) {
    if (mayHold(plan) || attemptIds === null || attemptIds.length === 0) continue
    report('held', `${attemptIds.length} claims were held after fit had ${fit}`)
  }
  for (const detail of spanProblems(record, entries)) report('span', detail)
  const outcomes: Partial<Record<AttemptOutcome, number>> = {}
  for (const { outcome } of record.attempts) if (outcome !== null) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  return { violations, outcomes, starved }
}

/** Runners elsewhere go on when `fit` has settled, and nothing can be handed back to a store that is away. */
function mayHold({ strategy, victim }: Plan): boolean {
  return strategy === 'cs' || victim === 'redis' || victim === 'connection'
}

/** What is wrong with the outcome of an attempt; null = it is the truth. */
function untruth(attempt: Attempt, task: Task, evidence: Evidence): string | 'starved' | null {
  const { attempt_id: attemptId, outcome } = attempt
  const began = entriesOf(evidence.entries, 'began').find((entry) => entry.attemptId === attemptId)
  const ended = entriesOf(evidence.entries, 'ended').find((entry) => entry.attemptId === attemptId)
  const told = ended === undefined ? (began === undefined ? 'never began' : 'has no end') : ended.how
  const wrong = `attempt ${attempt.sequence_id} of ${task.rolloutId} (${task.kind}) is ${outcome}, and its agent says: ${told}`
  switch (outcome) {
    case 'scored': {
      const reward = evidence.record.rewards[attemptId]
      if (ended?.how !== 'returned') return wrong
      return reward === ended.reward ? null : `${wrong} ${ended.reward}, where ${reward} is stored`
    }
    case 'agent_error':
      return ended?.how === 'threw' ? null : wrong
    case 'timeout':
      return task.kind === 'slow' && told !== 'returned' ? null : wrong
    case 'cancelled':
      return task.kind === 'cancel' ? null : wrong
    case 'infra_error':
      return entriesOf(evidence.entries, 'released').some((entry) => entry.attemptId === attemptId) ||
        isExplained(attempt, began?.pid, evidence)
        ? null
        : wrong
    case 'unresponsive':
      return isExplained(attempt, began?.pid, evidence) ? null : 'starved'
    case 'completed':
    case 'invalid':
      return wrong
    case null:
      // Told by who holds it, where nothing may be held.
      return null
    default:
      return outcome satisfies never
  }
}

/** Whether the fault may have ended it: it was there before the aftermath was over, and its own process or what all share was hit. */
function isExplained(attempt: Attempt, pid: number | undefined, { plan, fault }: Evidence): boolean {
  if (fault === null || attempt.start_time > fault.end + (aftermathLeases * plan.leaseMs) / 1000) return false
  return plan.victim !== 'runner' || pid === undefined || fault.pids.includes(pid)
}

/** Ends that the store has acknowledged and does not have. */
function lostSettlements({ attempts }: RunRecord, entries: readonly Entry[]): readonly string[] {
  const acknowledged = new Map(
    entriesOf(entries, 'settled')
      .filter(({ status }) => status !== 'unresponsive')
      .map((entry) => [entry.attemptId, entry]),
  )
  return [...acknowledged.values()].flatMap(({ rolloutId, attemptId, status }) => {
    const stored = attempts.find((attempt) => attempt.attempt_id === attemptId)
    if (stored?.status === status) return []
    return [`the store acknowledged that attempt ${attemptId} of ${rolloutId} has ${status}, and has it as ${stored?.status}`]
  })
}

function judgeEnd(task: Task, record: RunRecord, report: (kind: Violation['kind'], detail: string) => void): void {
  const { rolloutId, kind } = task
  const rollout = record.rollouts.find(({ rollout_id: id }) => id === rolloutId)
  if (rollout === undefined || !isFinished(rollout.status)) {
    report('lost', `${rolloutId} (${kind}) is ${rollout?.status ?? 'not there'}`)
    return
  }
  const endings = record.endings[rolloutId] ?? 0
  if (endings !== 1) report('doubled', `${rolloutId} was finished ${endings} times`)
  const own = record.attempts.filter(({ rollout_id: id }) => id === rolloutId)
  const last = own.toSorted((one, other) => one.sequence_id - other.sequence_id).at(-1)
  const expected = finalOutcomes[kind]
  const status = kind === 'cancel' ? 'cancelled' : expected === 'scored' ? 'succeeded' : 'failed'
  // What is cancelled before anybody has claimed it, or while it was lost, has no attempt that says so.
  const isSo = kind === 'cancel' || last?.outcome === expected
  if (rollout.status === status && isSo) return
  report('untruthful', `${rolloutId} (${kind}) ended as ${rollout.status}, its last attempt as ${last?.outcome ?? 'none'}`)
}

function spanProblems({ spans }: RunRecord, entries: readonly Entry[]): readonly string[] {
  const counts = new Map<string, number>()
  const sequences = new Set<string>()
  const problems: string[] = []
  for (const { attemptId, spanId, sequenceId } of spans) {
    const key = `${attemptId} ${spanId}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
    if (counts.get(key) === 2) problems.push(`span ${key} is there twice`)
    const sequence = `${attemptId} ${sequenceId}`
    if (sequences.has(sequence)) problems.push(`sequence id ${sequence} is there twice`)
    sequences.add(sequence)
  }
  for (const { attemptId, spanIds } of entriesOf(entries, 'spans')) {
    for (const spanId of spanIds) {
      if (!counts.has(`${attemptId} ${spanId}`)) problems.push(`span ${attemptId} ${spanId} was acknowledged and is not there`)
    }
  }
  return problems
}
