import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { AglError, type Logger } from '@agl/types'
import { unpackError } from './errors.ts'
import { keepTail } from './output-tail.ts'
import type { ChildJob, FromChild, ToChild } from './protocol.ts'

/** How a child ended. */
export type ChildEnd =
  /** By itself or as it was told; `endedBy` is what the store said if that ended it. */
  | { readonly kind: 'ended'; readonly endedBy: AglError | null }
  /** It could not go on. */
  | { readonly kind: 'failed'; readonly error: AglError }
  /** It was gone without a word. */
  | { readonly kind: 'died'; readonly error: AglError }

/** A process that runs one runner. */
export interface RunnerChild {
  readonly workerId: string
  readonly pid: number | undefined
  /** Never rejects. */
  readonly end: Promise<ChildEnd>
  /** Asks it to end, then insists; resolves when it is gone. */
  stop(): Promise<void>
}

/** How children are ended, in milliseconds. */
export interface StopGraces {
  /** From being asked to SIGTERM. */
  readonly graceMs: number
  /** From SIGTERM to SIGKILL. */
  readonly terminateMs: number
}

/** From the sources the entry is TypeScript, from the build JavaScript, in the root of the build. */
const isSource = import.meta.url.endsWith('.ts')
const entry = fileURLToPath(new URL(isSource ? './runner-child.ts' : './runner-child.js', import.meta.url))

/**
 * The flags of this process that decide how modules are found and read. Others are its own: a debugger's port or a test runner's
 * settings would be in the way.
 */
const moduleFlags =
  /^(?:-C|-r|--conditions|--require|--import|--loader|--experimental-loader|--experimental-transform-types|--enable-source-maps|--preserve-symlinks)(?:=|$)/
const takesValue = /^(?:-C|-r|--conditions|--require|--import|--loader|--experimental-loader)$/

export function inheritedFlags(execArgv: readonly string[]): readonly string[] {
  return execArgv.flatMap((flag, index) => {
    if (!moduleFlags.test(flag)) return []
    return takesValue.test(flag) ? [flag, ...execArgv.slice(index + 1, index + 2)] : [flag]
  })
}

/** How long what a dead process wrote is waited for, in milliseconds. */
const lastWordsMs = 200

const sourceFlags = isSource ? ['--conditions=@agl/source', '--disable-warning=ExperimentalWarning'] : []

export function startChild({ folder, ...job }: ChildJob, { graceMs, terminateMs }: StopGraces, logger: Logger): RunnerChild {
  const { workerId } = job
  const child = fork(entry, folder === null ? [] : [folder], {
    execArgv: [...inheritedFlags(process.execArgv), ...sourceFlags],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
  const { pid } = child
  const lastWords = keepTail(child.stderr!)
  let said: ChildEnd | null = null
  child.on('message', (message: FromChild) => {
    switch (message.kind) {
      case 'log':
        logger[message.level](message.message, { workerId, ...message.fields })
        return
      case 'ended':
        said = { kind: 'ended', endedBy: message.endedBy === null ? null : unpackError(message.endedBy) }
        return
      case 'failed':
        said = { kind: 'failed', error: unpackError(message.error) }
        return
      default:
        message satisfies never
    }
  })
  // What cannot be sent or started is told by how it ends.
  child.on('error', () => {})
  let isStopping = false

  async function untilEnd(): Promise<ChildEnd> {
    const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
    const isRead = new Promise<void>((resolve) => void child.once('close', () => resolve()))
    let how: string
    try {
      const [code, signal] = await exited
      how = signal === null ? `with exit code ${code}` : `by ${signal}`
    } catch (cause) {
      return { kind: 'died', error: died(workerId, pid, 'before it was there', '', cause) }
    }
    // What it wrote last may still be under way, and a grandchild may keep the pipe open for ever.
    const done = new AbortController()
    await Promise.race([isRead, sleep(lastWordsMs, undefined, { signal: done.signal }).catch(() => {})])
    done.abort()
    child.stderr?.destroy()
    if (said !== null) return said
    if (isStopping) return { kind: 'ended', endedBy: null }
    return { kind: 'died', error: died(workerId, pid, how, lastWords()) }
  }

  const end = untilEnd()
  tell(child, { kind: 'run', job })
  logger.debug('A runner process starts', { workerId, pid: pid ?? null })

  async function stopNow(): Promise<void> {
    isStopping = true
    tell(child, { kind: 'stop' })
    if (await endsWithin(graceMs)) return
    logger.warn('A runner process did not end when it was asked to; it is terminated', { workerId, pid: pid ?? null })
    child.kill('SIGTERM')
    if (await endsWithin(terminateMs)) return
    logger.warn('A runner process did not end when it was terminated; it is killed', { workerId, pid: pid ?? null })
    child.kill('SIGKILL')
    await end
  }

  async function endsWithin(milliseconds: number): Promise<boolean> {
    const done = new AbortController()
    const isLate = sleep(milliseconds, false, { signal: done.signal }).catch(() => false)
    const hasEnded = await Promise.race([end.then(() => true), isLate])
    done.abort()
    return hasEnded
  }

  let stopping: Promise<void> | null = null
  return { workerId, pid, end, stop: () => (stopping ??= stopNow()) }
}

/** One that is going or gone hears nothing, and its end says so. */
function tell(child: ChildProcess, message: ToChild): void {
  if (child.connected) child.send(message, () => {})
}

function died(workerId: string, pid: number | undefined, how: string, lastWords: string, cause?: unknown): AglError {
  return new AglError({
    code: 'runner_died',
    message: `The process ${pid ?? '(not started)'} of ${workerId} ended ${how}${lastWords === '' ? ', without a word' : `; its last words were:\n${lastWords}`}`,
    data: { workerId, pid: pid ?? null, how, lastWords },
    isRetryable: true,
    ...(cause === undefined ? {} : { cause }),
  })
}
