// An agent that computes for long, in a module of its own, as runners in other processes need it.
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Agent, rollout } from '@agl/runner'
import type { BlockedTask } from './blocked.ts'

export const agent: Agent<BlockedTask> = rollout<BlockedTask>(async ({ marker, blockMs }, { signal }) => {
  while (!existsSync(marker)) await sleep(20, undefined, { signal })
  const begun = performance.now()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs)
  return performance.now() - begun
})
