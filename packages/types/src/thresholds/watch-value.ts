import type { MetricLabels } from '../metrics.ts'
import type { ResolvedRule, ThresholdEvent } from './rules.ts'

/** The time and the timers of thresholds, in milliseconds. */
export interface ThresholdClock {
  now(): number
  /** Returns what cancels it. */
  schedule(delayMs: number, callback: () => void): () => void
}

/** One value that a rule looks at. */
export interface WatchedValue {
  /** To be called whenever it may have changed. */
  look(): void
  /** It is gone. */
  end(): void
}

export interface ValueParts {
  readonly rule: ResolvedRule
  readonly labels: MetricLabels
  readonly clock: ThresholdClock
  /** Null: there is none at present, which is not beyond any limit. */
  readonly read: () => number | null
  /** When the value will change by itself next, by the clock; null = never. */
  readonly nextChange: () => number | null
  readonly tell: (event: ThresholdEvent) => void
}

/**
 * Within → (beyond the limit) pending → (for `forMs`) breached, which is told → (within) recovered, which is told. Back within while
 * it is pending, nothing is told. Nobody polls: the value is looked at when it was changed, when it changes with time, and when `forMs` is over.
 */
export function watchValue({ rule, labels, clock, read, nextChange, tell }: ValueParts): WatchedValue {
  let since: { readonly time: number; readonly epoch: number } | null = null
  let isBreached = false
  let isOver = false
  let cancel: (() => void) | null = null

  function say(type: ThresholdEvent['type'], value: number | null, epoch: number): void {
    tell({ type, rule: rule.name, metric: rule.metric, labels, value, limit: rule.limit, since: epoch })
  }

  function look(): void {
    if (isOver) return
    cancel?.()
    cancel = null
    const value = read()
    const now = clock.now()
    if (value !== null && rule.isBeyond(value)) {
      since ??= { time: now, epoch: Date.now() / 1000 }
      if (!isBreached && now - since.time >= rule.forMs) {
        isBreached = true
        say('breach', value, since.epoch)
      }
    } else recover(value)
    const times = [nextChange(), since !== null && !isBreached ? since.time + rule.forMs : null].filter((time) => time !== null)
    // Never at once: what is due by a fraction would be looked at in circles.
    if (times.length > 0) cancel = clock.schedule(Math.max(1, Math.min(...times) - now), look)
  }

  function recover(value: number | null): void {
    const began = since
    since = null
    if (!isBreached) return
    isBreached = false
    say('recovery', value, began?.epoch ?? Date.now() / 1000)
  }

  return {
    look,
    end() {
      isOver = true
      cancel?.()
      cancel = null
      recover(null)
    },
  }
}
