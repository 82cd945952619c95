/** How many tests passed, failed and were skipped. */
export interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** What is read of the report that vitest writes with `--reporter=json`. */
interface VitestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly { readonly status: string }[] }[]
}

/** What a step that counts as one contributes. */
export function countStep(isOk: boolean): Counts {
  return isOk ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 }
}

/**
 * What a vitest run contributes. A file that failed without a failed test (it could not be loaded, or a hook threw) counts
 * as one failure, and so does a run that failed, or ran nothing, although every file is fine.
 * @param report the text of the report; null when vitest wrote none
 */
export function countVitest(report: string | null, isOk: boolean): Counts {
  if (report === null) return countStep(false)
  // A step whose surroundings are missing says so in a report of its own.
  if ((JSON.parse(report) as { readonly isSkipped?: boolean }).isSkipped === true) return { passed: 0, failed: 0, skipped: 1 }
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(report) as VitestReport
  const brokenFiles = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  )
  const failed = numFailedTests + brokenFiles.length
  const isUnexplained = failed === 0 && (!isOk || numPassedTests === 0)
  return { passed: numPassedTests, failed: isUnexplained ? 1 : failed, skipped: numPendingTests + numTodoTests }
}

export function addCounts(all: readonly Counts[]): Counts {
  const sum = (key: keyof Counts): number => all.reduce((total, counts) => total + counts[key], 0)
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') }
}

/** The line that `npm test` ends with. */
export function formatCounts({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
