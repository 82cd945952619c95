import type { HeartbeatReply } from '@agl/types'
import type { ActiveAttempt, StopReason } from './attempt.ts'

type Stopped = HeartbeatReply['stopped']

/** `settled`: the store has ended the attempt by itself (its own timeout); going on would be for nothing. */
const stopReasons: Readonly<Record<Stopped[number]['reason'], StopReason>> = {
  cancelled: 'cancelled',
  superseded: 'superseded',
  settled: 'superseded',
  not_found: 'superseded',
  shutdown: 'shutdown',
}

/** Tells the attempts that a heartbeat named to stop, and why. */
export function stopByReason(stopped: Stopped, find: (attemptId: string) => ActiveAttempt | undefined): void {
  for (const { attemptId, reason } of stopped) find(attemptId)?.stop(stopReasons[reason])
}
