/** Where a store gets the time from and where it sets its timers; injected, so that tests move time by hand. */
export interface Clock {
  /**
   * Epoch seconds with sub-millisecond digits, strictly increasing from call to call. It stays within the present
   * millisecond of the system clock, so that `start_time <= time.time()` holds for another process on this machine.
   */
  now(): number
  /** Calls back once at the time given (epoch seconds), or at once if it has passed. The answer cancels it. */
  schedule(atSeconds: number, callback: () => void): () => void
  /**
   * Calls back once after a while (milliseconds; Infinity = never). The answer cancels it. For whoever is waited for: it keeps
   * the process alive meanwhile, and a system clock that is set does not stretch it.
   */
  wait(milliseconds: number, callback: () => void): () => void
}

/** The smallest step that two epoch seconds of this century can differ by is 0.24 µs; this is the next safe one. */
const smallestStep = 5e-7

/** setTimeout fires at once for anything longer (2^31 - 1 ms, 24.8 days). */
const longestTimeoutMs = 2_147_483_647

/**
 * The system's clock. What is scheduled does not keep the process alive, waits do. When more calls come within one millisecond than it
 * has distinct readings (about 2,000), strict growth wins over staying within the millisecond.
 */
export function systemClock(): Clock {
  let last = 0
  let millisecond = 0
  let anchor = 0
  const now = (): number => {
    const present = Date.now()
    const precise = performance.now()
    if (present !== millisecond) {
      millisecond = present
      anchor = precise
    }
    const reading = (present + Math.min(precise - anchor, 0.999)) / 1000
    last = reading > last ? reading : last + smallestStep
    return last
  }
  const schedule = (atSeconds: number, callback: () => void): (() => void) => {
    let timer: NodeJS.Timeout
    const arm = (): void => {
      const milliseconds = Math.max(0, Math.ceil(atSeconds * 1000 - Date.now()))
      timer = setTimeout(fire, Math.min(milliseconds, longestTimeoutMs))
      timer.unref()
    }
    // A timer may fire a little early, and a long one in several legs.
    const fire = (): void => (Date.now() / 1000 >= atSeconds ? callback() : arm())
    arm()
    return () => clearTimeout(timer)
  }
  const wait = (milliseconds: number, callback: () => void): (() => void) => {
    const end = performance.now() + milliseconds
    let timer: NodeJS.Timeout
    const arm = (): void => {
      timer = setTimeout(fire, Math.min(Math.max(0, Math.ceil(end - performance.now())), longestTimeoutMs))
    }
    const fire = (): void => (performance.now() >= end ? callback() : arm())
    arm()
    return () => clearTimeout(timer)
  }
  return Object.freeze({ now, schedule, wait })
}
