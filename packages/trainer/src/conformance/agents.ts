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

const hoard: Buffer[] = []

/** Keeps as many MiB more as its task says, and takes a moment. */
export const hoarding: Agent<number> = rollout<number>(async (megabytes) => {
  hoard.push(Buffer.alloc(megabytes * 2 ** 20, 1))
  await sleep(300)
  return 1
})

/** Keeps as many MiB as its task says until it is told to stop. */
export const clinging: Agent<number> = rollout<number>(async (megabytes, { signal }) => {
  hoard.push(Buffer.alloc(megabytes * 2 ** 20, 1))
  await sleep(600_000, undefined, { signal })
})

/** Takes as many MiB as its task says, again and again, and never turns the loop; 0 is none. */
export const greedy: Agent<number> = rollout<number>((megabytes) => {
  if (megabytes === 0) return 1
  for (;;) hoard.push(Buffer.alloc(megabytes * 2 ** 20, 1))
})

/** Keeps its thread busy for so many milliseconds. */
export const spinning: Agent<number> = rollout<number>((milliseconds) => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
  return 1
})

/** Is no agent. */
export const motto = 'be kind'
