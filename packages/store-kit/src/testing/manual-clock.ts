import { parseOrThrow } from '@agl/types'
import { z } from 'zod'
import type { Clock } from '../clock.ts'

/** A clock that stands still until it is moved. Each reading is still a microsecond after the one before. */
export interface ManualClock extends Clock {
  /** Moves the time and fires what falls due on the way, in order, each at its own time. */
  advance(milliseconds: number): void
  /** How many timers are waiting; 0 after everything that used the clock was closed. */
  pendingTimers(): number
}

interface ManualTimer {
  readonly at: number
  readonly callback: () => void
}

/** @param start epoch seconds */
export function createManualClock(start: number = 1_800_000_000): ManualClock {
  parseOrThrow(z.number(), start, 'start of createManualClock (epoch seconds)')
  let present = start
  let last = start
  const timers = new Set<ManualTimer>()
  const now = (): number => (last = Math.max(present, last + 1e-6))
  const schedule = (at: number, callback: () => void): (() => void) => {
    const timer: ManualTimer = { at, callback }
    timers.add(timer)
    return () => void timers.delete(timer)
  }
  const advance = (milliseconds: number): void => {
    parseOrThrow(z.number().min(0), milliseconds, 'milliseconds of advance')
    const target = Math.max(present, last) + milliseconds / 1000
    for (;;) {
      let due: ManualTimer | undefined
      for (const timer of timers) if (timer.at <= target && (due === undefined || timer.at < due.at)) due = timer
      if (due === undefined) break
      timers.delete(due)
      present = Math.max(present, due.at)
      due.callback()
    }
    present = target
  }
  const wait = (milliseconds: number, callback: () => void): (() => void) =>
    schedule(Math.max(present, last) + milliseconds / 1000, callback)
  return Object.freeze({ now, schedule, wait, advance, pendingTimers: () => timers.size })
}
