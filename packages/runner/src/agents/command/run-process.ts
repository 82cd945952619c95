import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Captured, createCapture } from './capture.ts'
import { signalGroup, watchGroup } from './process-group.ts'
import { toSpawnError } from './spawn-error.ts'

export interface ProcessRequest {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Undefined = that of this process. */
  readonly cwd: string | undefined
  /** Null closes it at once. */
  readonly stdin: string | null
  readonly maxOutputBytes: number
  readonly killGraceMs: number
  readonly signal: AbortSignal
}

export interface ProcessEnd {
  /** Null when a signal ended it. */
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: Captured
  readonly stderr: Captured
}

/**
 * Runs a program in a process group of its own and settles once nothing of the group is left: what it leaves running when it
 * exits is killed as well; while that holds the pipes it has `killGraceMs` to end by itself. On abort the whole group
 * gets SIGTERM and, `killGraceMs` later, SIGKILL. Resolves with how the program ended, also after an abort.
 *
 * started ──exit──▶ draining ──pipes closed, or grace over──▶ group killed ──pipes closed, or grace over──▶ ended
 *    └───abort: SIGTERM, grace, SIGKILL ──exit──▶ draining …
 * @throws AglError an infrastructure error when it cannot be started
 */
export async function runProcess(request: ProcessRequest): Promise<ProcessEnd> {
  const { signal, killGraceMs } = request
  const { child, pid } = await start(request)
  const stdout = createCapture(request.maxOutputBytes)
  const stderr = createCapture(request.maxOutputBytes)
  child.stdout!.on('data', stdout.write)
  child.stderr!.on('data', stderr.write)
  // A program may end, or close its input, before it has read its task.
  for (const stream of [child.stdin!, child.stdout!, child.stderr!]) stream.on('error', () => {})
  child.stdin!.end(request.stdin ?? '')
  const exited = new Promise<Pick<ProcessEnd, 'exitCode' | 'signal'>>((resolve) => {
    child.once('exit', (exitCode, endSignal) => resolve({ exitCode, signal: endSignal }))
  })
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))

  const unwatch = watchGroup(pid)
  let killTimer: NodeJS.Timeout | undefined
  const onAbort = (): void => {
    signalGroup(pid, 'SIGTERM')
    killTimer = setTimeout(() => signalGroup(pid, 'SIGKILL'), killGraceMs)
  }
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  try {
    const end = await exited
    await within(killGraceMs, closed)
    signalGroup(pid, 'SIGKILL')
    // Whoever left the group, and still holds the pipes, is beyond reach; nobody waits for it.
    await within(killGraceMs, closed)
    return { ...end, stdout: stdout.read(), stderr: stderr.read() }
  } finally {
    clearTimeout(killTimer)
    signal.removeEventListener('abort', onAbort)
    unwatch()
    child.stdout!.destroy()
    child.stderr!.destroy()
    child.stdin!.destroy()
  }
}

async function start(request: ProcessRequest): Promise<{ readonly child: ChildProcess; readonly pid: number }> {
  const { command, args, env, cwd } = request
  try {
    const child = spawn(command, args, {
      env,
      cwd,
      stdio: 'pipe',
      // A group of its own; on Windows it would be a window of its own.
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', () => resolve())
      child.once('error', reject)
    })
    return { child, pid: child.pid! }
  } catch (error) {
    throw await toSpawnError(error, request)
  }
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  const done = new AbortController()
  try {
    await Promise.race([work, sleep(ms, undefined, { signal: done.signal }).catch(() => {})])
  } finally {
    done.abort()
  }
}
