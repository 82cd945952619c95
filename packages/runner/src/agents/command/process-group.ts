import { spawn } from 'node:child_process'

/** The groups of all agents that are running, by the id of their first process. */
const alive = new Set<number>()

/** Nothing outlives an ordered exit of this process. A runner that is killed cannot do this. */
function killAll(): void {
  for (const pid of alive) signalGroup(pid, 'SIGKILL')
}

/** Takes a group under the care of {@link killAll} until the function it answers is called. */
export function watchGroup(pid: number): () => void {
  if (alive.size === 0) process.on('exit', killAll)
  alive.add(pid)
  return () => {
    alive.delete(pid)
    if (alive.size === 0) process.off('exit', killAll)
  }
}

/** Sends a signal to every process of a group; one that is gone is left alone. Windows knows no groups: there the tree ends at once. */
export function signalGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (process.platform === 'win32') {
    spawn('taskkill', ['/pid', String(pid), '/t', '/f'], { stdio: 'ignore', windowsHide: true }).on('error', () => {})
    return
  }
  try {
    process.kill(-pid, signal)
  } catch {
    // ESRCH: no process of it is left. EPERM: what is left has become another user's, and is out of reach.
  }
}
