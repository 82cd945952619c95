import { AglError, errorMessage } from '@agl/types'
import type { ExecutionParts } from './strategy.ts'

/** The runners of one `fit`, wherever they run. */
export interface RunnerGroup {
  /** Resolves when all have ended by themselves, with what the store said if it ended them; rejects with the first that cannot go on. */
  readonly ended: Promise<AglError | null>
  /** Ends all; resolves when they are gone. Never rejects. */
  stop(): Promise<void>
}

/**
 * Runs the algorithm beside its runners and settles as it does. Its end stops the runners. When a runner fails, or none is left, the
 * algorithm is aborted, and the reason is what counts.
 * @param begin starts the runners; null = they are elsewhere, come and go, and nobody waits for them
 */
export async function runBeside<Result>(parts: ExecutionParts<Result>, begin: () => RunnerGroup | null): Promise<Result> {
  const { algorithm, store, logger } = parts
  const stopAlgorithm = new AbortController()
  const signal = AbortSignal.any([stopAlgorithm.signal, parts.signal])
  signal.throwIfAborted()
  let isOver = false
  let group: RunnerGroup | null = null
  const stop = (reason: AglError): void => {
    if (!isOver) stopAlgorithm.abort(reason)
  }
  try {
    await algorithm.start()
    group = begin()
    const ranOut = Promise.withResolvers<undefined>()
    group?.ended.then(
      (reason) => {
        if (algorithm.isElsewhere) ranOut.resolve(undefined)
        else stop(reason === null ? noRunners('Every runner ended') : runnerFailed(reason))
      },
      (error: unknown) => stop(runnerFailed(error)),
    )
    const run = algorithm.run({ store, signal })
    return await untilAborted(
      algorithm.isElsewhere ? Promise.race([run, ranOut.promise as Promise<never>]) : run,
      signal,
      parts.abortGraceMs,
    )
  } catch (error) {
    logger.error('The run failed', { algorithm: algorithm.name, error: errorMessage(error) })
    throw error
  } finally {
    isOver = true
    await group?.stop()
  }
}

function runnerFailed(error: unknown): AglError {
  return noRunners(`A runner failed: ${errorMessage(error)}`, error)
}

function noRunners(what: string, cause?: unknown): AglError {
  return new AglError({
    code: 'no_runners',
    message: `${what} while the algorithm was still at work, so its rollouts cannot finish.`,
    cause,
  })
}

/**
 * Settles as the algorithm does. Once the signal is aborted the algorithm has `graceMs` to end; whatever it ends with then, the
 * reason of the abort is what counts.
 */
async function untilAborted<Result>(run: Promise<Result>, signal: AbortSignal, graceMs: number): Promise<Result> {
  const done = new AbortController()
  const graceOver = new Promise<never>((_resolve, reject) => {
    const startTimer = (): void => {
      const timer = setTimeout(() => reject(signal.reason as Error), graceMs)
      done.signal.addEventListener('abort', () => clearTimeout(timer))
    }
    if (signal.aborted) startTimer()
    else signal.addEventListener('abort', startTimer, { once: true, signal: done.signal })
  })
  try {
    const result = await Promise.race([run, graceOver])
    signal.throwIfAborted()
    return result
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    done.abort()
  }
}
