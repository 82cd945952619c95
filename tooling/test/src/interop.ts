// The step with the Python package: set up, then its tests. Without PyPI there is nothing to test with, and nothing fails.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { interopReport } from './steps.ts'

/** What `set-up.mjs` ends with when PyPI does not answer. */
const noPyPi = 75

const run = (program: string, ...args: readonly string[]): number => spawnSync(program, args, { stdio: 'inherit' }).status ?? 1

const setUp = run('node', 'interop/python/set-up.mjs')
if (setUp === noPyPi) {
  console.log('PyPI does not answer: the tests with the Python package are skipped.')
  writeFileSync(interopReport, JSON.stringify({ isSkipped: true }))
} else if (setUp !== 0) {
  process.exitCode = setUp
} else {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${interopReport}`]
  process.exitCode = run('vitest', 'run', '--config', 'interop/vitest.config.ts', ...reporters)
}
