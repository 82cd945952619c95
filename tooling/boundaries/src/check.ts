import { checkCycles, checkDependencies } from './check-dependencies.ts'
import { checkImports } from './check-imports.ts'
import { checkManifest } from './check-manifest.ts'
import { readWorkspace } from './workspace.ts'

/** Something that breaks the layout: where, what was expected, what to do. */
export interface Problem {
  /** Relative to the root. */
  readonly file: string
  readonly line?: number
  readonly message: string
}

export interface CheckResult {
  readonly problems: readonly Problem[]
  readonly packages: number
  readonly files: number
}

/** Checks every package, app and example of the workspace at `root`. */
export function checkBoundaries(root: string): CheckResult {
  const workspace = readWorkspace(root)
  const problems = workspace.packages.flatMap((target) => {
    const { problems, used } = checkImports(workspace, target)
    return [...checkManifest(workspace, target), ...problems, ...checkDependencies(target, used)]
  })
  return {
    problems: [...problems, ...checkCycles(workspace)],
    packages: workspace.packages.length,
    files: workspace.packages.reduce((sum, { sources, developmentFiles }) => sum + sources.length + developmentFiles.length, 0),
  }
}

/** `file:line: message`, which editors make a link of. */
export function formatProblem({ file, line, message }: Problem): string {
  return `${file}${line === undefined ? '' : `:${line}`}: ${message}`
}
