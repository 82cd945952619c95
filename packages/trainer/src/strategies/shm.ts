import type { RunSummary } from '@agl/runner'
import type { AglError } from '@agl/types'
import { type RunnerGroup, runBeside } from '../run-beside.ts'
import type { ExecutionParts, ExecutionStrategy } from '../strategy.ts'

/** Algorithm and runners in this process, over the trainer's own store. */
export function createShmStrategy(): ExecutionStrategy {
  return Object.freeze({
    name: 'shm',
    async execute<Result>(parts: ExecutionParts<Result>) {
      const runners = await Promise.all(Array.from({ length: parts.nRunners }, () => parts.makeRunner()))
      return await runBeside(parts, () => {
        const stop = new AbortController()
        return groupOf(
          runners.map((runner) => runner.run({ signal: stop.signal })),
          stop,
        )
      })
    },
  })
}

/** Runs in this process as one group. @param stop ends them */
export function groupOf(runs: readonly Promise<RunSummary>[], stop: AbortController): RunnerGroup {
  return {
    ended: Promise.all(runs).then((summaries): AglError | null => summaries.find(({ endedBy }) => endedBy)?.endedBy ?? null),
    async stop() {
      stop.abort()
      await Promise.allSettled(runs)
    },
  }
}
