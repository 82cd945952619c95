import { AglError, childLogger, errorMessage, type Rollout, silentLogger } from '@agl/types'
import type { RunnerOptions } from './options.ts'
import { createRunner, type Runner, type RunRequest, type RunSummary } from './runner.ts'
import type { StepRequest } from './step.ts'

/** A runner for a block of code, as in tests and scripts: what was begun through it has ended when the block is left. */
export interface RunContext<Task = unknown> extends Runner<Task>, AsyncDisposable {
  /** Aborted when the context is closed. */
  readonly signal: AbortSignal
  /**
   * Ends what goes on: runs end or hand back what they run, as when their signal is aborted, and steps are cancelled. Resolves when they have ended. Never
   * rejects: what fails now is told to the logger, so that it does not hide what the block has thrown.
   */
  close(): Promise<void>
}

/**
 * Opens a context: `await using context = runContext({ agent, store })`. It begins nothing by itself; store and tracer are the
 * caller's and stay open.
 */
export function runContext<Task>(options: RunnerOptions<Task>): RunContext<Task> {
  const runner = createRunner(options)
  const logger = childLogger(options.logger ?? silentLogger, 'runner')
  const closing = new AbortController()
  const running = new Set<Promise<unknown>>()

  function signalOf(given: AbortSignal | undefined): AbortSignal {
    return given === undefined ? closing.signal : AbortSignal.any([given, closing.signal])
  }

  async function begin<Result>(work: (signal: AbortSignal) => Promise<Result>, given: AbortSignal | undefined): Promise<Result> {
    if (closing.signal.aborted)
      throw new AglError({ code: 'closed', message: 'This run context has been closed; open another one.' })
    const result = work(signalOf(given))
    running.add(result)
    try {
      return await result
    } finally {
      running.delete(result)
    }
  }

  async function close(): Promise<void> {
    closing.abort(new AglError({ code: 'closed', message: 'The run context has been closed.' }))
    for (const ending of await Promise.allSettled(running)) {
      if (ending.status === 'fulfilled' || ending.reason === closing.signal.reason) continue
      logger.warn('What was going on in a run context failed while it was closed', { error: errorMessage(ending.reason) })
    }
  }

  return Object.freeze<RunContext<Task>>({
    workerId: runner.workerId,
    signal: closing.signal,
    setConcurrency: (concurrency: number) => runner.setConcurrency(concurrency),
    run: (request: RunRequest = {}): Promise<RunSummary> => begin((signal) => runner.run({ ...request, signal }), request.signal),
    step: (request: StepRequest<Task>): Promise<Rollout> =>
      begin((signal) => runner.step({ ...request, signal }), request.signal),
    close,
    [Symbol.asyncDispose]: close,
  })
}
