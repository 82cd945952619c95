/** The thread of a runner process that ends it when its parent is gone, whatever its main thread is busy with. Loads nothing but Node. */
import { rmSync } from 'node:fs'
import { workerData } from 'node:worker_threads'

export interface WatchParentData {
  readonly parent: number
  /** Removed then; null = there is none. */
  readonly folder: string | null
}

const { parent, folder } = workerData as WatchParentData
const everyMs = 1_000
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

let looks = 0
setInterval(() => {
  if (!isParentGone()) return
  looks += 1
  if (looks < mostLooks) return
  if (folder !== null) rmSync(folder, { recursive: true, force: true })
  process.kill(process.pid, 'SIGKILL')
}, everyMs)
