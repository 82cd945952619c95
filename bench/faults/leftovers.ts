import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { nextTimer } from '../lib/loop-delay.ts'

/** How long what ends may take for it on a busy machine, in milliseconds. */
const patienceMs = 10_000

/** What is left of processes that must be gone: themselves, the folders of their sockets, and a port that still answers. */
export async function findLeftovers(pids: readonly number[], port: number | null): Promise<readonly string[]> {
  const left = async (): Promise<readonly string[]> => [
    ...pids.filter(isAlive).map((pid) => `process ${pid} is alive`),
    ...foldersOf(pids).map((name) => `the folder ${name} is there`),
    ...(port !== null && (await answers(port)) ? [`port ${port} is open`] : []),
  ]
  const end = performance.now() + patienceMs
  let found = await left()
  while (found.length > 0 && performance.now() < end) {
    await nextTimer(50)
    found = await left()
  }
  return found
}

/** Whether a process is there and not only waiting to be buried by one that is gone itself. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (error) {
    // Where there is no /proc, a signal that went through is all that is known.
    return process.platform !== 'linux' && (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

function foldersOf(pids: readonly number[]): readonly string[] {
  return readdirSync(tmpdir()).filter((name) => pids.some((pid) => name.startsWith(`agl-${pid}-`)))
}

async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
