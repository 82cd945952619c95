import type { Worker } from '@agl/types'

/** A worker as retention sees it. */
export interface HeldWorker {
  readonly worker: Worker
  /** Whether it runs an attempt. */
  readonly isRunning: boolean
}

/**
 * Which workers are forgotten now: those that run nothing and have given no sign of life for longer than the limit.
 * @param maxAgeSeconds `maxWorkerAgeSeconds`
 * @returns the ids, and when to look again (epoch seconds): before that moment no other worker of these is due
 */
export function planWorkersRetention(
  maxAgeSeconds: number,
  workers: Iterable<HeldWorker>,
  now: number,
): { readonly forgotten: readonly string[]; readonly nextLook: number } {
  const forgotten: string[] = []
  let nextLook = now + maxAgeSeconds
  for (const { worker, isRunning } of workers) {
    const due = lastSign(worker) + maxAgeSeconds
    if (due >= now) nextLook = Math.min(nextLook, due)
    else if (!isRunning) forgotten.push(worker.worker_id)
  }
  return { forgotten, nextLook }
}

/** When the worker was last heard of. */
function lastSign({ last_heartbeat_time, last_dequeue_time, last_busy_time, last_idle_time }: Worker): number {
  return Math.max(last_heartbeat_time ?? 0, last_dequeue_time ?? 0, last_busy_time ?? 0, last_idle_time ?? 0)
}
