import { AglError, type AlgorithmContext, errorMessage } from '@agl/types'

/**
 * What is done when an algorithm fails, in this order. Each is waited for; one that fails itself is reported to the logger and
 * hinders neither the others nor the error. Where the run was stopped on request, only `cleanup` is called; a run whose runners are gone has
 * failed, though nothing that `recover` returns can save it.
 */
export interface FailureHooks<Result = unknown, Task = unknown> {
  /** Goes back to what is safe. A result that it returns is that of the run, which then has not failed. */
  recover?(error: unknown, context: AlgorithmContext<Task>): Promise<Result | undefined> | Result | undefined
  /** Takes away what is half done: files, resources, rollouts that nobody waits for. */
  cleanup?(error: unknown, context: AlgorithmContext<Task>): Promise<void> | void
  /** Tells whoever has to know. */
  notify?(error: unknown, context: AlgorithmContext<Task>): Promise<void> | void
}

export async function runGuarded<Result, Task>(
  context: AlgorithmContext<Task>,
  name: string,
  run: (context: AlgorithmContext<Task>) => Promise<Result> | Result,
  hooks: FailureHooks<Result, Task>,
): Promise<Result> {
  try {
    return await run(context)
  } catch (error) {
    const wasStopped = context.signal.aborted && !AglError.isInstance(context.signal.reason, 'no_runners')
    const attempt = async <Value>(hook: keyof FailureHooks, work: () => Promise<Value> | Value): Promise<Value | undefined> => {
      try {
        return await work()
      } catch (cause) {
        context.logger.error('What an algorithm does when it fails has failed', {
          algorithm: name,
          hook,
          error: errorMessage(cause),
        })
        return undefined
      }
    }
    const recovered = wasStopped ? undefined : await attempt('recover', () => hooks.recover?.(error, context))
    await attempt('cleanup', () => hooks.cleanup?.(error, context))
    if (!wasStopped) await attempt('notify', () => hooks.notify?.(error, context))
    if (recovered === undefined) throw error
    return recovered
  }
}
