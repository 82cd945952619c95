import type { Attempt } from '@agl/types'
import { countAgain, moveRollout, reviveAttempt } from './moves.ts'
import { type AttemptSubject, type Effect, isFinished, isLive, type Transition } from './states.ts'

/**
 * New spans of one attempt were stored (not duplicates): a sign of life. A preparing or unresponsive attempt is running
 * from now on and takes an unfinished rollout with it, out of the queue if need be; a failed, timed-out or succeeded one
 * keeps its status, so that a late batch never strands a retry. A reward makes `completed` into `scored`.
 */
export function spansArrived(arrival: AttemptSubject, spans: { readonly hasReward: boolean; readonly now: number }): Transition {
  const { now } = spans
  const effects: Effect[] = []
  const before = arrival.attempt.attempt
  const isRevived = before.status === 'unresponsive'
  const subject = isRevived ? countAgain(arrival) : arrival
  const hasReward = subject.attempt.notes.hasReward || spans.hasReward
  const attempt: Attempt = Object.freeze({
    ...before,
    status: before.status === 'preparing' ? 'running' : before.status,
    last_heartbeat_time: now,
    outcome: before.outcome === 'completed' && hasReward ? 'scored' : before.outcome,
  })
  const old = subject.attempt.notes
  const notes = old.showedLife && old.hasReward === hasReward ? old : { ...old, showedLife: true, hasReward }
  const entry = isRevived ? reviveAttempt({ attempt, notes }, 'running', now, effects) : { attempt, notes }
  const mayMove = subject.isLatest && isLive(entry.attempt.status) && !isFinished(subject.rollout.rollout.status)
  const rollout = mayMove ? moveRollout(subject.rollout, 'running', now, effects) : subject.rollout
  return { rollout, attempts: [entry], effects }
}
