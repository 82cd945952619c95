import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AglError, Logger } from '@agl/types'
import type { RunnerGroup } from '../run-beside.ts'
import { type RunnerChild, startChild, type StopGraces } from './child.ts'
import type { ChildJob } from './protocol.ts'

export interface Supervision extends StopGraces {
  readonly count: number
  /** How often each runner is started again before the run fails. */
  readonly maxRestarts: number
  /** A runner that ran for so long has earned all its restarts back, in milliseconds. */
  readonly steadyAfterMs: number
  readonly job: Omit<ChildJob, 'workerId'>
  readonly logger: Logger
  /** Is told of each worker whose process is gone, before another one takes its place. */
  onGone(workerId: string, hasCrashed: boolean): Promise<void>
}

/**
 * Keeps `count` runners going, each in a process of its own. One that died, or failed by what may pass, is started again after a
 * growing pause; one too many, or a failure for good, ends the group with the error of the process.
 */
export function superviseRunners(supervision: Supervision): RunnerGroup {
  const { count, logger } = supervision
  const children = new Set<RunnerChild>()
  const stopping = new AbortController()

  async function runOnce(): Promise<Awaited<RunnerChild['end']>> {
    const workerId = `runner-${randomUUID()}`
    const child = startChild({ ...supervision.job, workerId }, supervision, logger)
    children.add(child)
    const end = await child.end
    children.delete(child)
    await supervision.onGone(workerId, end.kind !== 'ended')
    return end
  }

  async function keepGoing(): Promise<AglError | null> {
    for (let restarts = 0; ; restarts += 1) {
      const started = performance.now()
      const end = await runOnce()
      if (end.kind === 'ended') {
        // What is over for one is over for all, also for one that still looks for the server.
        if (end.endedBy !== null) void stopAll()
        return end.endedBy
      }
      if (stopping.signal.aborted) return null
      const { error } = end
      if (performance.now() - started >= supervision.steadyAfterMs) restarts = 0
      if (!error.isRetryable || restarts >= supervision.maxRestarts) throw error
      logger.warn('A runner process ended; it is started again', {
        error: error.message,
        restarts: restarts + 1,
        maxRestarts: supervision.maxRestarts,
      })
      await sleep(Math.min(100 * 2 ** restarts, 5_000), undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return null
    }
  }

  async function stopAll(): Promise<void> {
    stopping.abort()
    await Promise.all([...children].map((child) => child.stop()))
  }

  const runs = Array.from({ length: count }, keepGoing)
  return {
    ended: Promise.all(runs).then((reasons) => reasons.find((reason) => reason !== null) ?? null),
    async stop() {
      await stopAll()
      await Promise.allSettled(runs)
    },
  }
}
