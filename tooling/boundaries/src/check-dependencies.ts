import type { Problem } from './check.ts'
import type { UsedPackages } from './check-imports.ts'
import type { Workspace, WorkspacePackage } from './workspace.ts'

/** Reports dependencies that nothing imports, and those that only development needs. */
export function checkDependencies({ path, manifest }: WorkspacePackage, { inSources, inDevelopment }: UsedPackages): Problem[] {
  const file = `${path}/package.json`
  const peers = Object.keys(manifest.peerDependencies ?? {})
  const runtime = [...Object.keys(manifest.dependencies ?? {}), ...Object.keys(manifest.optionalDependencies ?? {}), ...peers]
  const problems: Problem[] = []
  for (const name of runtime) {
    if (isUsed(name, inSources)) continue
    problems.push({
      file,
      message: isUsed(name, inDevelopment)
        ? `has "${name}" in its dependencies, but only tests or scripts import it: move it to devDependencies.`
        : `has "${name}" in its dependencies, but nothing imports it: remove it.`,
    })
  }
  const scripts = Object.values(manifest.scripts ?? {}).join('\n')
  for (const name of Object.keys(manifest.devDependencies ?? {})) {
    // A peer is listed again for development, so that it is there.
    if (peers.includes(name) || isUsed(name, inDevelopment) || isUsed(name, inSources) || scripts.includes(name)) continue
    problems.push({
      file,
      message: `has "${name}" in its devDependencies, but nothing imports it and no script names it: remove it.`,
    })
  }
  return problems
}

/** `@types/x` is used where `x` is imported, and `@types/node` always. */
function isUsed(name: string, used: ReadonlySet<string>): boolean {
  if (name === '@types/node') return true
  return used.has(name.startsWith('@types/') ? name.slice('@types/'.length).replace('__', '/') : name)
}

/** Reports cycles of workspace packages over all kinds of dependencies: nothing in a cycle can be built first. */
export function checkCycles({ packages }: Workspace): Problem[] {
  const byName = new Map(packages.map((each) => [each.manifest.name ?? '', each]))
  const problems: Problem[] = []
  const finished = new Set<string>()
  const visit = (name: string, trail: readonly string[]): void => {
    const target = byName.get(name)
    if (target === undefined || finished.has(name)) return
    if (trail.includes(name)) {
      const cycle = [...trail.slice(trail.indexOf(name)), name].join(' -> ')
      problems.push({
        file: `${target.path}/package.json`,
        message: `is part of a cycle: ${cycle}. Remove one of these dependencies.`,
      })
      return
    }
    const { dependencies, peerDependencies, optionalDependencies, devDependencies } = target.manifest
    for (const next of Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies, ...devDependencies })) {
      visit(next, [...trail, name])
    }
    finished.add(name)
  }
  for (const name of byName.keys()) visit(name, [])
  return problems
}
