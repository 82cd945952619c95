import type { Clock } from '@agl/store-kit'
import { errorMessage, type Logger } from '@agl/types'
import type { Calls } from './connection/calls.ts'
import { decodeAttempt, separator } from './records.ts'

/** Attempts looked at in one script; the rest follow in the next, so that no other call waits long for them. */
const mostAttempts = 100

/** Limits are exceeded strictly after their moment. */
const marginMs = 1

/**
 * The one timer of a handle: for the next limit that it knows of, and a slow look for those that others have set. Which handle
 * comes first does not matter: a limit that has passed is carried out once.
 */
export interface Sweeper {
  /** Begins to look now and then; the first call of the store does it. */
  start(): void
  /** There is a limit so far from now. */
  noteLimit(milliseconds: number): void
  /** Looks now. Resolves when what had passed has been carried out. */
  sweep(): Promise<void>
  close(): void
}

export function createSweeper(parts: {
  readonly calls: Calls
  readonly clock: Clock
  readonly logger: Logger
  readonly pollMs: number
  /** Letters of who waits; see `sweep.lua`. */
  readonly waiting: () => string
  /** So many rollouts are in the queue. */
  readonly onWork: (count: number) => void
  /** Whatever else is to be done now and then. */
  readonly onLook: (trash: number) => Promise<void>
}): Sweeper {
  const { calls, clock, logger, pollMs } = parts
  let timer: { readonly at: number; readonly cancel: () => void } | null = null
  let isStarted = false
  let isClosed = false
  let running: Promise<void> = Promise.resolve()

  const arm = (milliseconds: number): void => {
    if (!isStarted || isClosed) return
    const at = clock.now() + milliseconds / 1000
    if (timer !== null && timer.at <= at) return
    timer?.cancel()
    timer = { at, cancel: clock.schedule(at, onTimer) }
  }

  const onTimer = (): void => {
    timer = null
    void sweep()
  }

  /** Who asks while a look is under way wants one that begins after it. */
  const sweep = (): Promise<void> => {
    running = running.then(look)
    return running
  }

  const look = async (): Promise<void> => {
    let untilNext = pollMs
    let trashed = 0
    try {
      for (;;) {
        const [, next, queued, present, trash, ...ended] = (await calls.call('sweep', [
          mostAttempts,
          parts.waiting(),
        ])) as unknown as readonly [string, string, number, string, number, ...string[]]
        trashed = trash
        for (const text of ended) tell(text)
        if (queued > 0) parts.onWork(queued)
        const left = next === '' ? Infinity : Number(next) / 1000 - Number(present) * 1000 + marginMs
        untilNext = Math.min(pollMs, left)
        if (ended.length < mostAttempts && left > 0) break
      }
      await parts.onLook(trashed)
    } catch (error) {
      if (!isClosed) logger.warn('the store could not do its own work; it will try again', { error: errorMessage(error) })
    }
    arm(Math.max(marginMs, untilNext))
  }

  const tell = (text: string): void => {
    const [rolloutId = '', ...packed] = text.split(separator)
    const { attempt } = decodeAttempt(rolloutId, packed.join(separator))
    const { attempt_id: attemptId, outcome, worker_id: workerId } = attempt
    logger.warn('attempt ended by the store', { rolloutId, attemptId, outcome, workerId })
  }

  return {
    start() {
      if (isStarted || isClosed) return
      isStarted = true
      arm(pollMs)
    },
    noteLimit: (milliseconds) => arm(milliseconds + marginMs),
    sweep,
    close() {
      isClosed = true
      timer?.cancel()
    },
  }
}
