/** One step of `npm test`: a program whose exit status says whether it passed. */
export interface Step {
  /** For `--only`. */
  readonly name: string
  readonly title: string
  readonly command: readonly [program: string, ...args: string[]]
  /** Where the step counts its own tests, vitest's JSON report; without it the step counts as one. */
  readonly report?: string
}

/** Where vitest writes its report; ignored by git. */
export const unitReport = 'node_modules/.cache/vitest-report.json'
export const interopReport = 'node_modules/.cache/interop-report.json'

/** Longest time of one step, in milliseconds: several times what it takes, because machines are shared. */
export const stepTimeoutMs: number = 15 * 60_000

/** In this order: the quick ones first, and the packages are built before they are packed. */
export const steps: readonly Step[] = [
  { name: 'types', title: 'Types', command: ['tsc', '--noEmit', '-p', 'tsconfig.json'] },
  { name: 'lint', title: 'Lint', command: ['oxlint', '--deny-warnings'] },
  { name: 'format', title: 'Format', command: ['oxfmt', '--check'] },
  { name: 'boundaries', title: 'Boundaries between packages', command: ['node', 'tooling/boundaries/src/main.ts'] },
  {
    name: 'unit',
    title: 'Unit tests',
    command: ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${unitReport}`],
    report: unitReport,
  },
  {
    name: 'interop',
    title: 'With the Python package',
    command: ['node', 'tooling/test/src/interop.ts'],
    report: interopReport,
  },
  { name: 'build', title: 'Build', command: ['turbo', 'run', 'build', '--continue', '--output-logs=errors-only'] },
  { name: 'pack', title: 'Each package alone in an empty project', command: ['node', 'tooling/pack/src/main.ts', 'packages'] },
  { name: 'plugin', title: 'A plugin from outside', command: ['node', 'tooling/pack/src/main.ts', 'plugin'] },
]
