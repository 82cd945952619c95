/**
 * The thread of a runner process that looks after it, whatever its main thread is busy with: it ends the process when the parent is
 * gone, when it takes far too much memory, and when its loop stands still for too long. What the parent should know of that goes by a pipe of its own.
 * Loads nothing but Node.
 */
import { rmSync, writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import type { ProcessLimits, WatchdogReport } from './protocol.ts'

export interface WatchdogData {
  readonly parent: number
  /** Removed when the parent is gone; null = there is none. */
  readonly folder: string | null
  readonly limits: ProcessLimits
  readonly runawayFactor: number
  readonly reportsFd: number
  /** When the loop of the main thread last turned, as `process.hrtime` says, which does not count the sleep of a machine. */
  readonly alive: BigInt64Array<SharedArrayBuffer>
}

const { parent, folder, limits, runawayFactor, reportsFd, alive } = workerData as WatchdogData
const everyMs = 1_000
/** Memory grows by gigabytes in a second. */
const memoryEveryMs = 100
/** Looks without a parent after which the process is killed: the main thread ends it sooner where it can. */
const mostLooks = 3

function isParentGone(): boolean {
  if (process.ppid !== parent) return true
  try {
    process.kill(parent, 0)
    return false
  } catch {
    return true
  }
}

function report(line: WatchdogReport): void {
  try {
    writeSync(reportsFd, `${JSON.stringify(line)}\n`)
  } catch {
    // The parent is gone, or will see by its end that the process is.
  }
}

let looks = 0
setInterval(() => {
  const milliseconds = Number((process.hrtime.bigint() - Atomics.load(alive, 0)) / 1_000_000n)
  if (milliseconds > limits.maxStallMs) {
    report({ kind: 'stalled', milliseconds })
    process.kill(process.pid, 'SIGKILL')
  }
  if (!isParentGone()) return
  looks += 1
  if (looks < mostLooks) return
  if (folder !== null) rmSync(folder, { recursive: true, force: true })
  process.kill(process.pid, 'SIGKILL')
}, everyMs)

const { maxMemoryBytes } = limits
if (maxMemoryBytes !== null) {
  let isTold = false
  setInterval(() => {
    const bytes = process.memoryUsage.rss()
    if (bytes > runawayFactor * maxMemoryBytes) {
      report({ kind: 'runaway', bytes })
      process.kill(process.pid, 'SIGKILL')
    }
    if (isTold || bytes <= maxMemoryBytes) return
    isTold = true
    report({ kind: 'above', bytes })
  }, memoryEveryMs)
}
