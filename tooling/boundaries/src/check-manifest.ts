import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Problem } from './check.ts'
import { arrows, longestConfig } from './rules.ts'
import type { Manifest, Workspace, WorkspacePackage } from './workspace.ts'

/** The condition under which the workspace runs from sources; never published, since Node runs no TypeScript in node_modules. */
export const sourceCondition = '@agl/source'

/** Checks that a package has the same few files and fields as every other; apps and examples only that they stay private. */
export function checkManifest({ root }: Workspace, target: WorkspacePackage): Problem[] {
  const { manifest, folder, path: packagePath, kind } = target
  const file = `${packagePath}/package.json`
  const problems: Problem[] = []
  const expect = (holds: boolean, message: string, where = file): void => {
    if (!holds) problems.push({ file: where, message })
  }
  const isThere = (name: string): boolean => existsSync(path.join(root, packagePath, name))

  if (kind !== 'packages') {
    expect(manifest.private === true, 'needs "private": true, because apps and examples are not published.')
    return problems
  }
  expect(arrows[folder] !== undefined, 'is not in the table of arrows: add it to tooling/boundaries/src/rules.ts.')
  expect(manifest.name === `@agl/${folder}`, `needs "name": "@agl/${folder}", after its folder; it is "${manifest.name}".`)
  expect(manifest.type === 'module', 'needs "type": "module".')
  expect(
    manifest.private === true || isThere('README.md'),
    'is missing: every package says what it is for.',
    `${packagePath}/README.md`,
  )
  for (const config of ['tsconfig.json', 'tsdown.config.ts']) {
    const where = `${packagePath}/${config}`
    expect(isThere(config), 'is missing: copy it from packages/types.', where)
    const lines = isThere(config) ? readFileSync(path.join(root, where), 'utf8').trimEnd().split('\n').length : 0
    expect(
      lines <= longestConfig,
      `has ${lines} lines, at most ${longestConfig} are expected: extend the root's configuration.`,
      where,
    )
  }
  if (manifest.private === true) return problems

  expect(manifest.license === 'MIT', 'needs "license": "MIT", as the LICENSE at the root.')
  expect(manifest.description !== undefined, 'needs a "description": one line for the registry.')
  expect(manifest.files?.includes('dist') === true, 'needs "files" with "dist", which is what gets published.')
  expect(manifest.publishConfig?.access === 'public', 'needs "publishConfig": { "access": "public" }.')
  for (const message of exportProblems(manifest, isThere)) expect(false, message)
  return problems
}

/** Each subpath leads to its source inside the workspace, and to types and JavaScript under `dist` when published. */
function exportProblems({ exports, publishConfig }: Manifest, isThere: (name: string) => boolean): string[] {
  if (exports === undefined || publishConfig?.exports === undefined) return ['needs "exports" and "publishConfig.exports".']
  const problems: string[] = []
  for (const [subpath, target] of Object.entries(exports)) {
    if (typeof target === 'string') continue
    const [firstCondition] = Object.keys(target)
    const source = target[sourceCondition]
    if (source === undefined || firstCondition !== sourceCondition) {
      problems.push(`needs "${sourceCondition}" as the first condition of exports["${subpath}"].`)
    } else if (!isThere(source)) {
      problems.push(`exports["${subpath}"] leads to ${source}, which does not exist.`)
    }
    for (const condition of ['types', 'default']) {
      if (target[condition]?.startsWith('./dist/') !== true) {
        problems.push(`needs "${condition}" under ./dist/ in exports["${subpath}"].`)
      }
    }
  }
  const published = Object.entries(exports).map(([subpath, target]) => [subpath, withoutSource(target)])
  if (JSON.stringify(published) !== JSON.stringify(Object.entries(publishConfig.exports))) {
    problems.push(`needs "publishConfig.exports" equal to "exports" without "${sourceCondition}", in the same order.`)
  }
  return problems
}

function withoutSource(target: string | Readonly<Record<string, string>>): unknown {
  if (typeof target === 'string') return target
  const { [sourceCondition]: _, ...published } = target
  return published
}
