/** What was recorded lately: sums over parts of the window, so that its memory does not depend on how much is recorded. */
export interface RecentValues {
  record(value: number): void
  /** Forgets what is too old. */
  read(): { readonly sum: number; readonly count: number; readonly max: number }
  /** When something will be too old next; null = there is nothing. */
  nextChange(): number | null
}

const parts = 60

/** @param now in milliseconds */
export function createRecentValues(windowMs: number, now: () => number): RecentValues {
  const partMs = windowMs / parts
  const kept: { readonly start: number; sum: number; count: number; max: number }[] = []

  const forget = (): void => {
    const oldest = now() - windowMs
    let old = 0
    while (old < kept.length && kept[old]!.start <= oldest) old += 1
    kept.splice(0, old)
  }
  return {
    record(value) {
      const time = now()
      const last = kept.at(-1)
      if (last !== undefined && time < last.start + partMs) {
        last.sum += value
        last.count += 1
        last.max = Math.max(last.max, value)
      } else {
        forget()
        kept.push({ start: time, sum: value, count: 1, max: value })
      }
    },
    read() {
      forget()
      const total = { sum: 0, count: 0, max: -Infinity }
      for (const { sum, count, max } of kept) {
        total.sum += sum
        total.count += count
        total.max = Math.max(total.max, max)
      }
      return total
    },
    nextChange: () => (kept[0] === undefined ? null : kept[0].start + windowMs),
  }
}
