import type { Result } from './result.ts'

export interface BenchContext {
  readonly isShort: boolean
  /** How often both sides are measured; at least 3. */
  readonly rounds: number
  /** Called after the last scenario: what several of them share is closed then. */
  readonly onEnd: (close: () => Promise<void>) => void
}

/** One thing that is measured; it may give several results. */
export interface Scenario {
  readonly name: string
  /** One line for `--help`. */
  readonly title: string
  /** @throws NotAvailable when the part of the product that it measures does not exist (yet) */
  readonly run: (context: BenchContext) => Promise<readonly Result[]>
}

/** Thrown by a scenario that has nothing to measure; it is shown, and is no failure. */
export class NotAvailable extends Error {
  override readonly name = 'NotAvailable'
}
