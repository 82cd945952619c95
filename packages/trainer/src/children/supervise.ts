import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AglError, Logger, Metrics } from '@agl/types'
import type { LiveConcurrency } from '../live-concurrency.ts'
import type { RunnerGroup } from '../run-beside.ts'
import { type RunnerChild, startChild, type StopGraces } from './child.ts'
import type { ChildJob } from './protocol.ts'

export interface Supervision extends StopGraces {
  readonly count: number
  /** How often each runner is started again before the run fails. */
  readonly maxRestarts: number
  /** A runner that ran for so long has earned all its restarts back, in milliseconds. */
  readonly steadyAfterMs: number
  readonly concurrency: LiveConcurrency
  readonly job: Omit<ChildJob, 'workerId' | 'isCounted'>
  readonly logger: Logger
  /** Null: nothing is counted. */
  readonly metrics: Metrics | null
  /** Is told of each worker whose process is gone, before another one takes its place, and why it crashed if it did. */
  onGone(workerId: string, crash: AglError | null): Promise<void>
}

/**
 * Keeps `count` runners going, each in a process of its own. One that died, or failed by what may pass, is started again after a
 * growing pause; one too many, or a failure for good, ends the group with the error of the process. One that made room because it
 * used too much memory is replaced at once and does not count, as long as it has run anything: otherwise its limit is too low, and no
 * other would do better.
 */
export function superviseRunners(supervision: Supervision): RunnerGroup {
  const { count, logger, metrics } = supervision
  const processes = metrics?.gauge({ name: 'agl_trainer_runner_processes', help: 'Runner processes that are there' })
  const restarted = metrics?.counter({
    name: 'agl_trainer_runner_restarts_total',
    help: 'Runner processes that took the place of another one, by why that had to go: the code of its error',
    labels: ['reason'],
  })
  const children = new Set<RunnerChild>()
  const stopping = new AbortController()

  async function runOnce(): Promise<Awaited<RunnerChild['end']>> {
    const workerId = `runner-${randomUUID()}`
    const child = startChild({ ...supervision.job, workerId, isCounted: metrics !== null }, supervision, { logger, metrics })
    children.add(child)
    if (supervision.concurrency.value !== null) child.setConcurrency(supervision.concurrency.value)
    processes?.add(1)
    const end = await child.end
    processes?.add(-1)
    children.delete(child)
    await supervision.onGone(workerId, end.kind === 'died' || end.kind === 'failed' ? end.error : null)
    return end
  }

  async function keepGoing(): Promise<AglError | null> {
    for (let restarts = 0; ;) {
      const started = performance.now()
      const end = await runOnce()
      if (end.kind === 'ended') {
        // What is over for one is over for all, also for one that still looks for the server.
        if (end.endedBy !== null) void stopAll()
        return end.endedBy
      }
      if (stopping.signal.aborted) return null
      const { error } = end
      restarted?.add(1, { reason: isCounted(error) ? error.code : 'failed' })
      if (end.kind === 'replaced' && end.attempts > 0) {
        logger.info('A runner process takes the place of another one', { reason: error.message })
        continue
      }
      if (performance.now() - started >= supervision.steadyAfterMs) restarts = 0
      if (!error.isRetryable || restarts >= supervision.maxRestarts) throw error
      logger.warn('A runner process ended; it is started again', {
        error: error.message,
        restarts: restarts + 1,
        maxRestarts: supervision.maxRestarts,
      })
      await sleep(Math.min(100 * 2 ** restarts, 5_000), undefined, { signal: stopping.signal }).catch(() => {})
      restarts += 1
      if (stopping.signal.aborted) return null
    }
  }

  async function stopAll(): Promise<void> {
    stopping.abort()
    await Promise.all([...children].map((child) => child.stop()))
  }

  const forget = supervision.concurrency.onChange((concurrency) => {
    for (const child of children) child.setConcurrency(concurrency)
  })
  const runs = Array.from({ length: count }, keepGoing)
  return {
    ended: Promise.all(runs).then((reasons) => reasons.find((reason) => reason !== null) ?? null),
    async stop() {
      forget()
      await stopAll()
      await Promise.allSettled(runs)
    },
  }
}

/** What may become a label: errors of agents and stores have codes of their own, which are as many as there are authors. */
function isCounted({ code }: AglError): boolean {
  return code === 'runner_died' || code === 'memory_limit' || code === 'runner_stalled'
}
