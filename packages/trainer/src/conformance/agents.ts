/** The agents of the strategy suite, in a module of their own, as runners in other processes need them. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Agent, rollout } from '@agl/runner'

export const double: Agent<number> = rollout<number>((task) => task * 2)

export const throwing: Agent<number> = rollout<number>((task) => {
  throw new Error(`no idea about ${task}`)
})

/** Ends its process on odd tasks. */
export const exiting: Agent<number> = rollout<number>((task) => (task % 2 === 1 ? process.exit(3) : task))

/** Dies of an error that nobody catches. */
export const dying: Agent = rollout(async () => {
  setImmediate(() => {
    throw new Error('these are my last words')
  })
  await sleep(600_000)
})

/** A task is a folder: an agent that has begun leaves its process id there. */
function sayStarted(folder: string): void {
  writeFileSync(path.join(folder, String(process.pid)), '')
}

/** Runs until it is told to stop. */
export const endless: Agent<string> = rollout<string>(async (folder, { signal }) => {
  sayStarted(folder)
  await sleep(600_000, undefined, { signal })
})

/** Takes a second. */
export const lingering: Agent<string> = rollout<string>(async (folder) => {
  sayStarted(folder)
  await sleep(1_000)
  return 1
})

/** Runs on whatever it is told. */
export const stubborn: Agent<string> = rollout<string>(async (folder) => {
  sayStarted(folder)
  await sleep(600_000)
})

/** Keeps its thread busy for ever, and hears no signal of its process but the last. */
export const blocking: Agent<string> = rollout<string>((folder) => {
  process.on('SIGTERM', () => {})
  sayStarted(folder)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})

/** Is no agent. */
export const motto = 'be kind'
