import type { LightningStore } from '@agl/types'
import type { ResolvedOptions } from './options.ts'

/*
 * Leases where the store has them. One without, as a Python server, watches attempts by the limits of their rollouts alone
 * and takes nothing back: there work is put into the queue again by hand.
 */

function hasLeases({ capabilities }: LightningStore): boolean {
  return capabilities.features.includes('leases')
}

/** What a claim or a heartbeat asks for. */
export function leaseOf({ store, leaseMs }: Pick<ResolvedOptions, 'store' | 'leaseMs'>): { readonly leaseMs?: number } {
  return hasLeases(store) ? { leaseMs } : {}
}

export function noteMissingLeases({ store, workerId, logger }: ResolvedOptions): void {
  if (hasLeases(store)) return
  logger.info(
    `${store.name} has no leases: what this runner is working on when it dies is only queued again by the limits of its rollouts (unresponsive_seconds, timeout_seconds)`,
    { workerId },
  )
}

/**
 * Gives claimed work back to the queue. Without leases the next try counts as one, and the attempt that is left stays as it is:
 * a report of its end could end its rollout.
 */
export async function handBack(
  store: LightningStore,
  attempt: { readonly rolloutId: string; readonly attemptId: string },
): Promise<void> {
  if (hasLeases(store)) {
    await store.releaseAttempt(attempt)
    return
  }
  const { rolloutId, attemptId } = attempt
  const present = await store.getRolloutById({ rolloutId })
  // Somebody else's by now, or ended: that is no longer ours to give.
  if (present === null || !('attempt' in present) || present.attempt.attempt_id !== attemptId) return
  if (present.status === 'preparing' || present.status === 'running') {
    await store.updateRollout({ rolloutId, status: 'requeuing' })
  }
}
