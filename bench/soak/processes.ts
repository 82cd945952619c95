import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { nextTimer } from '../lib/loop-delay.ts'

/** A process that is begun again whenever it ends, until it is let go. */
export interface Kept {
  readonly name: string
  /** Ends it as a power cut would. False when it is not running at present. */
  kill(): boolean
  /** How often it was killed. */
  readonly kills: number
  /** Resolves when it has ended by itself with status 0. */
  readonly done: Promise<void>
  stop(): Promise<void>
}

/** @param command for each beginning, with its number from 0 */
export function keep(
  name: string,
  command: (beginning: number) => readonly [string, readonly string[]],
  pauseMs: () => number,
): Kept {
  const done = Promise.withResolvers<void>()
  let child: ChildProcess | null = null
  const stopping = new AbortController()
  let kills = 0
  const loop = (async () => {
    for (let beginning = 0; !stopping.signal.aborted; beginning++) {
      const [file, args] = command(beginning)
      child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'] })
      const [code] = (await once(child, 'exit')) as [number | null]
      child = null
      if (code === 0) {
        done.resolve()
        return
      }
      if (!stopping.signal.aborted) await nextTimer(pauseMs())
    }
  })()
  loop.catch(done.reject)
  return {
    name,
    get kills() {
      return kills
    },
    done: done.promise,
    kill() {
      if (child?.pid === undefined || !child.kill('SIGKILL')) return false
      kills++
      return true
    },
    async stop() {
      stopping.abort()
      child?.kill('SIGKILL')
      await loop.catch(() => {})
    },
  }
}
