import { errorMessage, type HeartbeatReply, type LightningStore, type Logger } from '@agl/types'
import { leaseOf } from '../leases.ts'
import type { Measures } from '../measures.ts'
import { type HeldAttempt, statsOf } from './protocol.ts'
import { createSnapshots } from './snapshot.ts'
import { joinThreadHeartbeat } from './thread-heartbeat.ts'

/** Renews the leases of a runner's attempts, reports the runner, and hears which attempts must stop. */
export interface Heartbeat {
  began(attempt: HeldAttempt): void
  ended(attemptId: string): void
  /** What is said of the runner from now on. */
  setCapacity(capacity: number): void
  close(): Promise<void>
}

export interface HeartbeatOptions {
  readonly store: LightningStore
  readonly workerId: string
  readonly capacity: number
  readonly leaseMs: number
  readonly maxStallMs: number
  readonly logger: Logger
  onStopped(stopped: HeartbeatReply['stopped']): void
  readonly measures: Pick<Measures, 'heartbeatAge' | 'heartbeatFailures'>
}

export interface HeartbeatParts extends HeartbeatOptions {
  /** The store has answered. */
  onBeat(): void
  onFailure(error: string): void
}

/**
 * From a thread where the store can be opened a second time (`store.spec`) and has leases; otherwise, and while the thread is not ready or is
 * gone, from the loop, which an agent that computes for long keeps from beating.
 */
export function startHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { store, logger, workerId, measures } = options
  const parts: HeartbeatParts = {
    ...options,
    onBeat: () => measures.heartbeatAge.mark({ worker_id: workerId }),
    onFailure(error) {
      measures.heartbeatFailures.add(1)
      logger.warn('A heartbeat failed', { workerId, error })
    },
  }
  let hasThread = false
  const loop = startLoopHeartbeat(parts, () => !hasThread)
  const hasLeases = leaseOf(parts).leaseMs !== undefined
  if (store.spec === undefined || store.spec === null || !hasLeases) return loop

  const thread = joinThreadHeartbeat(parts, store.spec)
  let isClosed = false
  const settled = thread.ready.then(
    () => {
      hasThread = true
      void thread.gone.then(() => (hasThread = false))
    },
    async (error: unknown) => {
      if (!isClosed) {
        logger.warn('Leases are renewed on the loop: the thread for it could not open the store', {
          workerId,
          error: errorMessage(error),
        })
      }
      await thread.close()
    },
  )
  return {
    began(attempt) {
      loop.began(attempt)
      thread.began(attempt)
    },
    ended(attemptId) {
      loop.ended(attemptId)
      thread.ended(attemptId)
    },
    setCapacity(capacity) {
      loop.setCapacity(capacity)
      thread.setCapacity(capacity)
    },
    async close() {
      isClosed = true
      await Promise.all([thread.close(), loop.close()])
      await settled
    },
  }
}

function startLoopHeartbeat(parts: HeartbeatParts, isNeeded: () => boolean): Heartbeat {
  const { store, workerId, leaseMs } = parts
  let { capacity } = parts
  const snapshot = createSnapshots()
  const held = new Map<string, HeldAttempt>()

  async function beat(): Promise<void> {
    if (!isNeeded()) return
    try {
      const attempts = [...held.values()]
      const stats = statsOf('loop', { capacity, running: attempts.length, snapshot: snapshot() })
      const { stopped } = await store.heartbeat({ workerId, attempts, ...leaseOf(parts), stats })
      if (!isClosed) parts.onBeat()
      parts.onStopped(stopped)
    } catch (error) {
      parts.onFailure(errorMessage(error))
    }
  }

  // From the start: one that never gets an answer is silent, too.
  parts.onBeat()
  let isClosed = false
  const timer = setInterval(() => void beat(), leaseMs / 3)
  void beat()
  return {
    began: (attempt) => void held.set(attempt.attemptId, attempt),
    ended: (attemptId) => void held.delete(attemptId),
    setCapacity: (next) => void (capacity = next),
    async close() {
      isClosed = true
      clearInterval(timer)
      parts.measures.heartbeatAge.remove({ worker_id: workerId })
    },
  }
}
