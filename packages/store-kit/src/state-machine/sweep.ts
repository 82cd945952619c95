import type { Attempt, Rollout } from '@agl/types'
import { endAttempt, followAttempt, moveRollout } from './moves.ts'
import {
  type AttemptEntry,
  type AttemptSubject,
  type Effect,
  isFinished,
  isLive,
  isQueuing,
  maxLostClaims,
  type Transition,
} from './states.ts'

/** What ends an attempt that nobody ends. Each limit is exceeded strictly after its moment (epoch seconds). */
interface Limits {
  readonly timeout: number
  readonly silence: number
  readonly lease: number
}

function limitsOf(attempt: Attempt, { config }: Rollout): Limits {
  const lastSign = attempt.last_heartbeat_time ?? attempt.start_time
  return {
    timeout: config.timeout_seconds === null ? Infinity : attempt.start_time + config.timeout_seconds,
    silence: config.unresponsive_seconds === null ? Infinity : lastSign + config.unresponsive_seconds,
    lease: attempt.lease_expires ?? Infinity,
  }
}

/** The moment after which {@link sweepAttempt} would end this attempt, in epoch seconds; null when nothing would. */
export function nextDeadline(attempt: Attempt, rollout: Rollout): number | null {
  if (!isLive(attempt.status)) return null
  const { timeout, silence, lease } = limitsOf(attempt, rollout)
  const earliest = Math.min(timeout, silence, lease)
  return earliest === Infinity ? null : earliest
}

/**
 * Ends a live attempt that is past a limit: timeout before silence before lease. Null when it is past none. A superseded
 * attempt, or one whose rollout is finished or has been put back into the queue by hand, ends for itself alone.
 */
export function sweepAttempt(subject: AttemptSubject, now: number): Transition | null {
  const { rollout, attempt } = subject
  if (!isLive(attempt.attempt.status)) return null
  const { timeout, silence, lease } = limitsOf(attempt.attempt, rollout.rollout)
  const isTimeout = now > timeout
  if (!isTimeout && now <= silence && now <= lease) return null
  const present = rollout.rollout.status
  const mayMove = subject.isLatest && !isFinished(present) && !isQueuing(present)
  const isLostClaim = !isTimeout && mayMove && attempt.attempt.lease_expires !== null && !attempt.notes.showedLife
  if (isLostClaim) return loseClaim(subject, now)
  const effects: Effect[] = []
  const status = isTimeout ? 'timeout' : 'unresponsive'
  const ended = endAttempt(attempt, status, status, now, effects)
  return { rollout: mayMove ? followAttempt(rollout, ended, now, effects) : rollout, attempts: [ended], effects }
}

/** Nobody ever heard of the attempt: the reply to the claim, or the process that got it, was lost. */
function loseClaim({ rollout, attempt }: AttemptSubject, now: number): Transition {
  const effects: Effect[] = []
  if (rollout.notes.lostClaims >= maxLostClaims) {
    const failed = endAttempt(attempt, 'failed', 'infra_error', now, effects)
    return { rollout: moveRollout(rollout, 'failed', now, effects), attempts: [failed], effects }
  }
  const lost: AttemptEntry = {
    attempt: attempt.attempt,
    notes: { ...attempt.notes, isUncounted: true, isLostClaim: true },
  }
  const ended = endAttempt(lost, 'unresponsive', 'unresponsive', now, effects)
  const counted = {
    rollout: rollout.rollout,
    notes: {
      uncountedAttempts: rollout.notes.uncountedAttempts + 1,
      lostClaims: rollout.notes.lostClaims + 1,
    },
  }
  return { rollout: moveRollout(counted, 'requeuing', now, effects), attempts: [ended], effects }
}
