import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { nextTimer } from './loop-delay.ts'

/** A process that is begun again whenever it ends, until it is let go. */
export interface Kept {
  readonly name: string
  /** Undefined while it is not running. */
  readonly pid: number | undefined
  /** Ends it as a power cut would. False when it is not running at present. */
  kill(): boolean
  /** How often it was killed. */
  readonly kills: number
  /** Resolves when it has ended by itself with status 0, unless it is begun again then too. */
  readonly done: Promise<void>
  /** Ends it for good. @param signal default SIGKILL; resolves when it is gone */
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface KeepOptions {
  /** Before each further beginning. */
  readonly pauseMs: () => number
  /** Whether one that ends with status 0 is begun again as well. Default false. */
  readonly alsoAfterSuccess?: boolean
  /** Of the process; default that of this one. */
  readonly environment?: NodeJS.ProcessEnv
  /** A file descriptor for what it writes to its standard error. Default: that of this process. */
  readonly errorsTo?: number
}

/** @param command for each beginning, with its number from 0 */
export function keep(
  name: string,
  command: (beginning: number) => readonly [string, readonly string[]],
  { pauseMs, alsoAfterSuccess = false, environment, errorsTo }: KeepOptions,
): Kept {
  const done = Promise.withResolvers<void>()
  let child: ChildProcess | null = null
  const stopping = new AbortController()
  let kills = 0
  const loop = (async () => {
    for (let beginning = 0; !stopping.signal.aborted; beginning++) {
      const [file, args] = command(beginning)
      child = spawn(file, args, {
        stdio: ['ignore', 'ignore', errorsTo ?? 'inherit'],
        ...(environment === undefined ? {} : { env: environment }),
      })
      const [code] = (await once(child, 'exit')) as [number | null]
      child = null
      if (code === 0 && !alsoAfterSuccess) {
        done.resolve()
        return
      }
      if (!stopping.signal.aborted) await nextTimer(pauseMs())
    }
  })()
  loop.catch(done.reject)
  return {
    name,
    get pid() {
      return child?.pid
    },
    get kills() {
      return kills
    },
    done: done.promise,
    kill() {
      if (child?.pid === undefined || !child.kill('SIGKILL')) return false
      kills++
      return true
    },
    async stop(signal = 'SIGKILL') {
      stopping.abort()
      child?.kill(signal)
      await loop.catch(() => {})
    },
  }
}
