/** What one operation cost. CPU time counts every thread of the process, so the collector's helpers too. */
export interface Cost {
  readonly cpuUs: number
  readonly wallUs: number
}

/** Runs the work and divides what it took by the number of operations in it. */
export async function measureCost(operations: number, work: () => void | Promise<void>): Promise<Cost> {
  const cpuBefore = process.cpuUsage()
  const wallBefore = performance.now()
  await work()
  const wallMs = performance.now() - wallBefore
  const { user, system } = process.cpuUsage(cpuBefore)
  return { cpuUs: (user + system) / operations, wallUs: (wallMs * 1000) / operations }
}

/** The spread of a figure over the rounds. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: percentile(values, 0.5), min: Math.min(...values), max: Math.max(...values) }
}

/** Nearest rank; NaN without values. @param rank 0 to 1 */
export function percentile(values: readonly number[], rank: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * rank))] ?? Number.NaN
}

/** Twice, because what the first pass only marks for finalization is freed by the second. */
export function collectGarbage(): void {
  if (globalThis.gc === undefined)
    throw new Error('Run with --expose-gc: rounds must not pay for the garbage of the round before.')
  globalThis.gc()
  globalThis.gc()
}
