import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import path from 'node:path'
import type { Problem } from './check.ts'
import { type Import, type ModuleFacts, readModule } from './read-module.ts'
import { arrows, mayReadEnvironment, mayWriteToConsole } from './rules.ts'
import { isTestFile, type Workspace, type WorkspacePackage } from './workspace.ts'

/** What a package's files import, for the check of its dependencies. */
export interface UsedPackages {
  /** By sources that are published or run. */
  readonly inSources: ReadonlySet<string>
  /** By tests, benchmarks, scripts and configuration. */
  readonly inDevelopment: ReadonlySet<string>
}

/** Checks every import of a package against the arrows and its package.json, and that the package keeps to itself. */
export function checkImports(workspace: Workspace, target: WorkspacePackage): { problems: Problem[]; used: UsedPackages } {
  const problems: Problem[] = []
  const inSources = new Set<string>()
  const inDevelopment = new Set<string>()
  const declared = declaredPackages(workspace, target)

  for (const file of target.sources) {
    const facts = readFacts(workspace, file)
    if (facts.syntaxError !== null) problems.push({ file, message: `cannot be parsed: ${facts.syntaxError}` })
    if (target.kind === 'packages') problems.push(...checkProcessUses(file, facts))
    for (const found of facts.imports) {
      const report = (message: string): void => void problems.push({ file, line: found.line, message })
      const name = packageOf(found, target, file, report)
      if (name === null) continue
      inSources.add(name)
      checkArrow(target, name, found, report)
      if (!declared.forSources.has(name)) {
        report(
          `imports "${name}", which is not in dependencies or peerDependencies of ${target.path}/package.json: add it there.`,
        )
      }
    }
  }
  for (const file of target.developmentFiles) {
    for (const found of readFacts(workspace, file).imports) {
      const report = (message: string): void => void problems.push({ file, line: found.line, message })
      const name = packageOf(found, target, file, report)
      if (name === null) continue
      inDevelopment.add(name)
      if (!declared.forDevelopment.has(name)) {
        report(`imports "${name}", which is in no dependencies of ${target.path}/package.json: add it to devDependencies.`)
      }
    }
  }
  return { problems, used: { inSources, inDevelopment } }
}

function readFacts(workspace: Workspace, file: string): ModuleFacts {
  return readModule(file, readFileSync(path.join(workspace.root, file), 'utf8'))
}

function declaredPackages({ manifest: root }: Workspace, { manifest }: WorkspacePackage) {
  const names = (...lists: readonly (Readonly<Record<string, string>> | undefined)[]): string[] =>
    lists.flatMap((list) => Object.keys(list ?? {}))
  const forSources = new Set(names(manifest.dependencies, manifest.peerDependencies, manifest.optionalDependencies))
  const forDevelopment = new Set([...forSources, ...names(manifest.devDependencies, root.devDependencies)])
  return { forSources, forDevelopment }
}

const builtins = new Set(builtinModules)

/** The package that an import names; null when it names a built-in module, the package itself or one of its files. */
function packageOf(
  { specifier }: Import,
  target: WorkspacePackage,
  file: string,
  report: (message: string) => void,
): string | null {
  if (specifier.startsWith('node:') || specifier.startsWith('#') || specifier.startsWith('virtual:')) return null
  if (specifier.startsWith('.')) {
    const imported = path.posix.join(path.posix.dirname(file), specifier)
    const isSource = target.sources.includes(file)
    if (isSource && !imported.startsWith(`${target.path}/`)) {
      report(`imports "${specifier}", a file of another package: import that package by its name.`)
    }
    if (isSource && isTestFile(imported)) report(`imports "${specifier}", a test file, from a source that is published.`)
    return null
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  if (builtins.has(name)) {
    report(`imports "${specifier}": write "node:${specifier}".`)
    return null
  }
  return name === target.manifest.name ? null : name
}

function checkArrow(
  target: WorkspacePackage,
  name: string,
  { kind, specifier }: Import,
  report: (message: string) => void,
): void {
  if (target.kind !== 'packages' || !name.startsWith('@agl/')) return
  const allowed = arrows[target.folder]
  if (allowed === undefined || allowed === 'any') return
  const folder = name.slice('@agl/'.length)
  if (allowed.always.includes(folder)) return
  if (allowed.onUse?.includes(folder) === true) {
    if (kind !== 'static') return
    report(`imports "${specifier}" at load: it is an optional peer, so use \`await import('${specifier}')\` where it is needed.`)
    return
  }
  const expected = allowed.always.map((each) => `@agl/${each}`).join(', ') || 'no other package'
  report(
    `imports "${specifier}": @agl/${target.folder} may import ${expected}. Move the code, or change the arrows in tooling/boundaries/src/rules.ts with the design.`,
  )
}

function checkProcessUses(file: string, { processUses }: ModuleFacts): Problem[] {
  const isListed = (list: readonly string[]): boolean =>
    list.some((allowed) => (allowed.endsWith('/') ? file.startsWith(`packages/${allowed}`) : file === `packages/${allowed}`))
  return processUses
    .filter(({ what }) => !isListed(what === 'console' ? mayWriteToConsole : mayReadEnvironment))
    .map(({ what, text, line }) => ({
      file,
      line,
      message:
        what === 'console'
          ? `uses ${text}: packages never write to the console; take a \`logger\`.`
          : `reads ${text}: packages read no environment; take the value as an option.`,
    }))
}
