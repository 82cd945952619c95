/** The behaviour of an `ExecutionStrategy` as tests (vitest). */
import { parseOrThrow } from '@agl/types'
import { describe } from 'vitest'
import { z } from 'zod'
import { describeFits } from './fit-cases.ts'
import { type StrategyContractOptions, watchForLeaks } from './harness.ts'
import { describeProcesses } from './process-cases.ts'
import { describePrograms } from './program-cases.ts'

export type { StrategyContractOptions } from './harness.ts'

const optionsSchema = z.strictObject({ name: z.string().min(1), strategy: z.unknown(), hasProcesses: z.boolean() })

/**
 * Registers the suite for one strategy: what its `fit` resolves to and rejects with, and that nothing of it is left in any ending. Tests
 * of dying processes are skipped where runners have none of their own.
 */
export function describeStrategyContract(options: StrategyContractOptions): void {
  parseOrThrow(optionsSchema, options, 'options of describeStrategyContract')
  describe(`${options.name}: strategy contract`, () => {
    watchForLeaks()
    describe('a fit', () => {
      describeFits(options)
    })
    describe.runIf(options.hasProcesses)('runner processes', () => {
      describeProcesses(options)
    })
    describe('a program', () => {
      describePrograms(options)
    })
  })
}
