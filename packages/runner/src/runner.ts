import { AglError, type AttemptedRollout, errorMessage, parseOrThrow, type Rollout } from '@agl/types'
import { type ActiveAttempt, createActiveAttempt } from './attempt.ts'
import { startHeartbeat } from './heartbeat/heartbeat.ts'
import { leaseOf, noteMissingLeases } from './leases.ts'
import { concurrencySchema, type ResolvedOptions, resolveOptions, type RunnerOptions } from './options.ts'
import { backOff, isRetryable } from './retry.ts'
import { runClaimed } from './run-claimed.ts'
import { settleAttempt } from './settle.ts'
import { runStep, type StepRequest } from './step.ts'
import { stopByReason } from './stop-reasons.ts'
import { snapshotsOf } from './snapshots.ts'

/** What a runner did. */
export interface RunSummary {
  /** Attempts run, however they ended. */
  readonly attempts: number
  /** What the store said when it ended the run (`closed`); absent when the signal or `maxRollouts` did. */
  readonly endedBy?: AglError
}

/** What ends a run from outside. */
export interface RunRequest {
  /**
   * Ends the claiming, and after `shutdownGraceMs` what runs, which is handed back. When its reason is an `AglError` of the code
   * `memory_limit`, that work ends as `infra_error` with it instead: the same work must not bring down one runner after the other.
   */
  readonly signal?: AbortSignal
  /** Ends the claiming; what runs may take as long as it takes. */
  readonly drain?: AbortSignal
}

/** Claims rollouts and runs the agent on them. */
export interface Runner<Task = unknown> {
  readonly workerId: string
  /**
   * Runs until `signal` is aborted, `maxRollouts` is reached, or the store answers a claim with `closed`, for good and not to
   * be retried; then until what is running has ended or, after `shutdownGraceMs`, was handed back. Rejects when the store
   * fails for good.
   */
  run(request?: RunRequest): Promise<RunSummary>
  /**
   * How many rollouts it runs at a time from now on, at least 1, also in runs to come. More are claimed at once; of fewer, those that run
   * are finished, and what waits for work waits no longer.
   */
  setConcurrency(concurrency: number): void
  /** Runs the agent once on a rollout of its own, past the queue; see {@link StepRequest}. */
  step(request: StepRequest<Task>): Promise<Rollout>
}

/** Makes a runner; nothing starts before `run`. */
export function createRunner<Task>(options: RunnerOptions<Task>): Runner<Task> {
  const resolved = resolveOptions(options)
  const size: Size = { concurrency: resolved.concurrency, changed: null }
  let isRunning = false
  return Object.freeze({
    workerId: resolved.workerId,
    async run(request: RunRequest = {}) {
      if (isRunning) throw new AglError({ code: 'conflict', message: `Runner ${resolved.workerId} is running already.` })
      isRunning = true
      try {
        return await runLoop(resolved, request, size)
      } finally {
        isRunning = false
      }
    },
    setConcurrency(concurrency: number) {
      size.concurrency = parseOrThrow(concurrencySchema, concurrency, 'the concurrency of a runner')
      size.changed?.()
    },
    step: (request: StepRequest<Task>) => runStep(resolved, request),
  })
}

interface Size {
  concurrency: number
  /** Null while nothing runs. */
  changed: (() => void) | null
}

/**
 * One run: `concurrency` slots that claim, run and settle, and one heartbeat for all of them. `stop` ends the claiming:
 * the caller's signal, the failure of any slot, or the store that has no more work for anybody.
 */
async function runLoop<Task>(options: ResolvedOptions<Task>, { signal, drain }: RunRequest, size: Size): Promise<RunSummary> {
  const failed = new AbortController()
  const closed = new AbortController()
  const shutdown = AbortSignal.any([failed.signal, closed.signal, ...(signal === undefined ? [] : [signal])])
  const stop = drain === undefined ? shutdown : AbortSignal.any([shutdown, drain])
  const active = new Map<string, ActiveAttempt>()
  void snapshotsOf(options.store).warm()
  let slots = 0
  /** Of slots that wait for work, the longest first. */
  const waiting = new Set<AbortController>()
  const done = Promise.withResolvers<void>()
  let claims = 0
  let attempts = 0
  let endedBy: AglError | null = null

  /** @param ends aborted by `stop`, and when there is a slot too many */
  async function claim(ends: AbortSignal): Promise<AttemptedRollout | null> {
    const { store, workerId, waitMs, logger, measures } = options
    const lease = leaseOf(options)
    let failures = 0
    while (!ends.aborted) {
      const asked = performance.now()
      try {
        const claimed = await store.dequeueRollout({ workerId, waitMs, ...lease, signal: ends })
        answered(claimed === null ? 'empty' : 'claimed', asked)
        if (claimed !== null) return claimed
        failures = 0
        // A store that cannot park a claim answers at once; do not spin on it.
        if (performance.now() - asked < Math.min(waitMs, 50) || waitMs === 0) await backOff(0, ends).catch(() => {})
      } catch (error) {
        if (ends.aborted) return null
        if (AglError.isInstance(error, 'closed') && !error.isRetryable) {
          logger.info('The store has no more work: the run is over', { workerId, reason: error.message })
          endedBy = error
          closed.abort(error)
          return null
        }
        answered('failed', asked)
        if (!isRetryable(error)) throw error
        measures.storeRetries.add(1, { call: 'dequeue_rollout' })
        logger.warn('Claiming failed; trying again', { workerId, error: errorMessage(error) })
        await backOff(failures, ends).catch(() => {})
        failures += 1
      }
    }
    return null
  }

  function answered(result: 'claimed' | 'empty' | 'failed', asked: number): void {
    const { claims: counted, claimSeconds } = options.measures
    counted.add(1, { result })
    claimSeconds.record((performance.now() - asked) / 1000, { result })
  }

  const mayClaim = (): boolean => !stop.aborted && (options.maxRollouts === null || claims < options.maxRollouts)

  async function runSlot(): Promise<void> {
    const tooMany = new AbortController()
    const ends = AbortSignal.any([stop, tooMany.signal])
    while (mayClaim() && !tooMany.signal.aborted && slots <= size.concurrency) {
      claims += 1
      waiting.add(tooMany)
      const claimed = await claim(ends)
      waiting.delete(tooMany)
      if (claimed === null) {
        claims -= 1
        return
      }
      const running = createActiveAttempt(claimed)
      const { attempt_id: attemptId } = claimed.attempt
      active.set(attemptId, running)
      try {
        // The reply came after the stop: nothing has been done yet, so the work goes back as it is.
        if (stop.aborted) {
          await settleAttempt(running, { kind: 'stopped', reason: 'shutdown' }, options)
          return
        }
        attempts += 1
        heartbeat.began({ rolloutId: claimed.rollout_id, attemptId })
        await runClaimed(running, options)
      } finally {
        active.delete(attemptId)
        heartbeat.ended(attemptId)
      }
    }
  }

  /** Opens what is missing; of those too many the ones that wait end now, and the others when they have run what they run. */
  function fill(): void {
    for (const tooMany of [...waiting].slice(0, Math.max(0, slots - size.concurrency))) tooMany.abort()
    while (slots < size.concurrency && mayClaim()) {
      slots += 1
      runSlot()
        .catch((error: unknown) => failed.abort(error))
        .finally(() => {
          slots -= 1
          fill()
          if (slots === 0) done.resolve()
        })
    }
  }

  noteMissingLeases(options)
  const { store, workerId, leaseMs, maxStallMs, logger, measures } = options
  const heartbeat = startHeartbeat({
    store,
    workerId,
    capacity: size.concurrency,
    leaseMs,
    maxStallMs,
    logger,
    onStopped: (stopped) => stopByReason(stopped, (attemptId) => active.get(attemptId)),
    measures,
  })
  const { shutdownGraceMs, abortGraceMs } = options
  let shutdownTimer: NodeJS.Timeout | undefined
  const abandonAll = (): void => {
    for (const running of active.values()) running.abandon()
  }
  const onStop = (): void => {
    shutdownTimer = setTimeout(() => {
      const failure = AglError.isInstance(shutdown.reason, 'memory_limit') ? shutdown.reason : undefined
      for (const running of active.values()) running.stop('shutdown', failure)
      // Agents end within twice `abortGraceMs`; what the store does not take for as long again is left to it.
      shutdownTimer = setTimeout(abandonAll, 2 * abortGraceMs + shutdownGraceMs)
    }, shutdownGraceMs)
  }
  if (shutdown.aborted) onStop()
  else shutdown.addEventListener('abort', onStop, { once: true })

  try {
    size.changed = () => {
      heartbeat.setCapacity(size.concurrency)
      fill()
    }
    fill()
    if (slots === 0) done.resolve()
    await done.promise
    failed.signal.throwIfAborted()
    return { attempts, ...(endedBy === null ? {} : { endedBy }) }
  } finally {
    size.changed = null
    clearTimeout(shutdownTimer)
    shutdown.removeEventListener('abort', onStop)
    await heartbeat.close()
  }
}
