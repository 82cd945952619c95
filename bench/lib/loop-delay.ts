import { monitorEventLoopDelay } from 'node:perf_hooks'

export interface LoopDelay {
  readonly p99Ms: number
  readonly longestMs: number
}

/** How long the event loop was kept from its timers while the work ran. */
export async function measureLoopDelay(work: () => Promise<void>): Promise<LoopDelay> {
  const resolution = 1
  const histogram = monitorEventLoopDelay({ resolution })
  histogram.enable()
  await work()
  histogram.disable()
  // The histogram holds the whole time between two ticks, of which the resolution is not delay.
  const delay = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolution)
  return { p99Ms: delay(histogram.percentile(99)), longestMs: delay(histogram.max) }
}

/** Lets a timer's phase of the event loop pass. */
export function nextTimer(milliseconds = 0): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
