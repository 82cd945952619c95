import { AglError, type Algorithm, type AlgorithmContext } from '@agl/types'
import { type FailureHooks, runGuarded } from './failure-hooks.ts'

type Run<Result, Task> = (context: AlgorithmContext<Task>) => Promise<Result> | Result

/**
 * Makes an algorithm of a function: `algo('best-of-three', async ({ store, trainDataset, signal }) => result)`. Without a name it
 * has that of the function.
 */
export function algo<Result, Task = unknown>(run: Run<Result, Task>, hooks?: FailureHooks<Result, Task>): Algorithm<Result, Task>
export function algo<Result, Task = unknown>(
  name: string,
  run: Run<Result, Task>,
  hooks?: FailureHooks<Result, Task>,
): Algorithm<Result, Task>
export function algo<Result, Task = unknown>(
  first: string | Run<Result, Task>,
  second?: Run<Result, Task> | FailureHooks<Result, Task>,
  third?: FailureHooks<Result, Task>,
): Algorithm<Result, Task> {
  const [name, run, hooks] =
    typeof first === 'function' ? [first.name || 'algorithm', first, second ?? {}] : [first, second, third ?? {}]
  if (typeof name !== 'string' || typeof run !== 'function' || typeof hooks !== 'object') {
    throw new AglError({
      code: 'invalid_argument',
      message:
        'algo takes a name, a function and hooks: algo("name", async (context) => result, { recover, cleanup, notify }); ' +
        'name and hooks may be left out.',
    })
  }
  return Object.freeze({ name, run: (context: AlgorithmContext<Task>) => runGuarded(context, name, run, hooks) })
}

/**
 * An algorithm as a class: `execute` does the work, and `recover`, `cleanup` and `notify`, where a class has them, are called when it
 * fails. {@link algo} is the same as a function.
 */
export abstract class BaseAlgorithm<Result = unknown, Task = unknown>
  implements Algorithm<Result, Task>, FailureHooks<Result, Task>
{
  abstract readonly name: string

  abstract execute(context: AlgorithmContext<Task>): Promise<Result> | Result

  recover?(error: unknown, context: AlgorithmContext<Task>): Promise<Result | undefined> | Result | undefined
  cleanup?(error: unknown, context: AlgorithmContext<Task>): Promise<void> | void
  notify?(error: unknown, context: AlgorithmContext<Task>): Promise<void> | void

  run(context: AlgorithmContext<Task>): Promise<Result> {
    return runGuarded(context, this.name, (given) => this.execute(given), this)
  }
}
