import type { HeartbeatReply } from '@agl/types'
import { countAgain, moveRollout, reviveAttempt } from './moves.ts'
import { type AttemptSubject, type Effect, isFinished, isLive, type Transition } from './states.ts'

/** Why an attempt must stop. */
export type StopReason = HeartbeatReply['stopped'][number]['reason']

/**
 * A worker says that it is still running an attempt: renews the lease and revives an unresponsive attempt that nobody
 * has taken over. An attempt that must stop is told why; nothing about it changes then.
 * @param beat.leaseMs new length of the lease; null keeps the present one
 */
export function heartbeatArrived(
  arrival: AttemptSubject,
  beat: { readonly leaseMs: number | null; readonly now: number },
): Transition & { readonly stop: StopReason | null } {
  const stop = stopReason(arrival)
  if (stop !== null) return { rollout: arrival.rollout, attempts: [], effects: [], stop }
  const { now } = beat
  const effects: Effect[] = []
  const isRevived = arrival.attempt.attempt.status === 'unresponsive'
  const subject = isRevived ? countAgain(arrival) : arrival
  const leaseMs = beat.leaseMs ?? subject.attempt.notes.leaseMs
  const renewed = {
    attempt: Object.freeze({
      ...subject.attempt.attempt,
      last_heartbeat_time: now,
      lease_expires: leaseMs === null ? null : now + leaseMs / 1000,
    }),
    notes: { ...subject.attempt.notes, leaseMs, showedLife: true },
  }
  if (!isRevived) return { rollout: subject.rollout, attempts: [renewed], effects, stop }
  const entry = reviveAttempt(renewed, 'running', now, effects)
  return { rollout: moveRollout(subject.rollout, 'running', now, effects), attempts: [entry], effects, stop }
}

function stopReason({ rollout, attempt, isLatest }: AttemptSubject): StopReason | null {
  if (rollout.rollout.status === 'cancelled' || attempt.attempt.outcome === 'cancelled') return 'cancelled'
  if (!isLatest) return 'superseded'
  if (isFinished(rollout.rollout.status)) return 'settled'
  return isLive(attempt.attempt.status) || attempt.attempt.status === 'unresponsive' ? null : 'settled'
}
