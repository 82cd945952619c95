import { describe, expect, it } from 'vitest'
import { addCounts, countStep, countVitest, formatCounts } from './counts.ts'

const file = (status: string, ...tests: string[]) => ({ status, assertionResults: tests.map((status) => ({ status })) })
const report = (passed: number, failed: number, ...testResults: ReturnType<typeof file>[]): string =>
  JSON.stringify({ numPassedTests: passed, numFailedTests: failed, numPendingTests: 1, numTodoTests: 0, testResults })

describe('countVitest', () => {
  it('takes the numbers of the report', () => {
    expect(countVitest(report(2, 1, file('failed', 'passed', 'failed')), false)).toEqual({ passed: 2, failed: 1, skipped: 1 })
  })

  it('counts a file that could not be loaded', () => {
    expect(countVitest(report(2, 0, file('passed', 'passed', 'passed'), file('failed')), false).failed).toBe(1)
  })

  it('counts a run that failed without a failed test, ran nothing or wrote no report', () => {
    expect(countVitest(report(1, 0, file('passed', 'passed')), false).failed).toBe(1)
    expect(countVitest(report(0, 0), true).failed).toBe(1)
    expect(countVitest(null, true).failed).toBe(1)
  })

  it('counts a step that had nothing to test with as skipped', () => {
    expect(countVitest('{"isSkipped":true}', true)).toEqual({ passed: 0, failed: 0, skipped: 1 })
  })
})

it('prints the sum on one line', () => {
  const counts = [countStep(true), countStep(false), { passed: 3, failed: 0, skipped: 0 }]
  expect(formatCounts(addCounts(counts))).toBe('4 passed, 1 failed')
  expect(formatCounts({ passed: 1, failed: 0, skipped: 2 })).toBe('1 passed, 0 failed, 2 skipped')
})
