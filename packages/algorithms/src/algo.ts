import { AglError, type Algorithm, type AlgorithmContext } from '@agl/types'

/** Makes an algorithm of a function: `algo('best-of-three', async ({ store, trainDataset, signal }) => result)`. */
export function algo<Result, Task = unknown>(
  name: string,
  run: (context: AlgorithmContext<Task>) => Promise<Result> | Result,
): Algorithm<Result, Task> {
  if (typeof name !== 'string' || typeof run !== 'function') {
    throw new AglError({
      code: 'invalid_argument',
      message: 'algo takes a name and a function: algo("name", async (context) => result).',
    })
  }
  return Object.freeze({
    name,
    async run(context: AlgorithmContext<Task>) {
      return await run(context)
    },
  })
}
