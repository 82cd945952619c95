import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { checkTypes, installProject } from './project.ts'
import { runProgram } from './run-program.ts'
import type { Tarball } from './tarballs.ts'

/** What is read of the manifest that was published. */
interface PublishedManifest {
  readonly exports: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

/** Where a package exports from inside the workspace: subpath → source file. */
type Sources = Readonly<Record<string, string>>

/**
 * Checks one packed package as its users get it: what is in the file, publint, an installation alone in an empty project,
 * an import of every subpath, and its types. Returns what is wrong.
 */
export async function checkPackage(root: string, target: Tarball, all: readonly Tarball[], folder: string): Promise<string[]> {
  const fileProblems = checkFiles(target)
  if (!target.files.some((file) => file.startsWith('dist/')))
    return [...fileProblems, 'the packed file has no dist/: was it built?']
  const installed = await installProject(folder, { [target.name]: `file:${target.file}` }, all)
  if (!installed.isOk) return [`npm could not install it:\n${installed.output}`]

  const packageFolder = path.join(folder, 'node_modules', target.name)
  const manifest = JSON.parse(await readFile(path.join(packageFolder, 'package.json'), 'utf8')) as PublishedManifest
  const problems = [...fileProblems, ...(await findLeaks(packageFolder, manifest)), ...(await runPublint(packageFolder))]

  // The main entry must do without the optional peers; other subpaths may exist for the sake of one (a test runner, say).
  const { '.': main, ...rest } = await readSources(target.source)
  if (main !== undefined) problems.push(...(await checkEntries(root, target, folder, { '.': main })))
  if (Object.keys(rest).length > 0) {
    await linkOptionalPeers(manifest, target.source, folder)
    problems.push(...(await checkEntries(root, target, folder, rest)))
  }
  return problems
}

/** Every package carries its documentation and licence, and no sources: Node runs no TypeScript in node_modules. */
function checkFiles({ files }: Tarball): string[] {
  const missing = ['README.md', 'LICENSE', 'package.json'].filter((name) => !files.includes(name))
  const strange = files.filter(
    (file) => /(?<!\.d)\.[cm]?tsx?$/.test(file) || /\.test\./.test(file) || file.endsWith('.tsbuildinfo'),
  )
  return [
    ...missing.map((name) => `the packed file has no ${name}`),
    ...strange.map((file) => `the packed file contains ${file}: only what is built is published`),
  ]
}

/** Looks for what must not leave the workspace in the manifest, the JavaScript and the declarations. */
async function findLeaks(packageFolder: string, manifest: PublishedManifest): Promise<string[]> {
  const problems: string[] = []
  if (JSON.stringify(manifest.exports).includes('@agl/source')) {
    problems.push('its exports have the condition @agl/source, which only works inside the workspace')
  }
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.peerDependencies })) {
    if (/^(workspace|catalog|file|link):/.test(version))
      problems.push(`it depends on ${name} "${version}", which no registry understands`)
  }
  for (const file of await readdir(packageFolder, { recursive: true })) {
    if (file.startsWith('node_modules') || !/(\.[cm]?js|\.d\.[cm]?ts)$/.test(file)) continue
    const text = await readFile(path.join(packageFolder, file), 'utf8')
    const importOfSource = /(?:from|import\()\s*["']\.[^"']*(?<!\.d)\.tsx?["']/.exec(text)
    if (importOfSource !== null) problems.push(`${file} imports a TypeScript file: ${importOfSource[0]}`)
  }
  return problems
}

/** On the installed folder, which holds exactly what was published. */
async function runPublint(packageFolder: string): Promise<string[]> {
  const { messages, pkg } = await publint({ pkgDir: packageFolder, pack: false, strict: true })
  return messages.map((message) => `publint: ${formatMessage(message, pkg, { color: false }) ?? message.code}`)
}

async function readSources(source: string): Promise<Sources> {
  const { exports } = JSON.parse(await readFile(path.join(source, 'package.json'), 'utf8')) as {
    exports: Record<string, string | Record<string, string>>
  }
  return Object.fromEntries(
    Object.entries(exports).flatMap(([subpath, target]) => {
      const entry = typeof target === 'string' ? undefined : target['@agl/source']
      return entry === undefined ? [] : [[subpath, path.join(source, entry)]]
    }),
  )
}

/** Puts the optional peers of a package into the project, from where the workspace has them. */
async function linkOptionalPeers({ peerDependencies, peerDependenciesMeta }: PublishedManifest, source: string, folder: string) {
  for (const name of Object.keys(peerDependencies ?? {})) {
    if (peerDependenciesMeta?.[name]?.optional !== true) continue
    const link = path.join(folder, 'node_modules', name)
    await mkdir(path.dirname(link), { recursive: true })
    await symlink(path.join(source, 'node_modules', name), link, 'junction')
  }
}

/** Imports entries of the installed package, compares what they export with their sources, and checks their types. */
async function checkEntries(root: string, { name }: Tarball, folder: string, sources: Sources): Promise<string[]> {
  const subpaths = Object.keys(sources)
  const specifiers = subpaths.map((subpath) => name + subpath.slice(1))
  const [published, original] = await Promise.all([
    listExports(folder, folder, specifiers, []),
    listExports(folder, root, Object.values(sources), ['--conditions=@agl/source']),
  ])
  const problems: string[] = []
  if (typeof published === 'string') problems.push(`importing ${specifiers.join(', ')} with plain Node failed:\n${published}`)
  else if (typeof original === 'string') problems.push(`its sources cannot be imported:\n${original}`)
  else {
    specifiers.forEach((specifier, index) => {
      const [there, expected] = [published[index] ?? [], original[index] ?? []]
      const missing = expected.filter((each) => !there.includes(each))
      const surplus = there.filter((each) => !expected.includes(each))
      if (missing.length > 0) problems.push(`${specifier} does not export ${missing.join(', ')}, which its source does`)
      if (surplus.length > 0) problems.push(`${specifier} exports ${surplus.join(', ')}, which its source does not`)
    })
  }
  const imports = specifiers.map((specifier, index) => `import * as entry${index} from '${specifier}'`)
  const uses = `export const entries: readonly object[] = [${specifiers.map((_, index) => `entry${index}`).join(', ')}]`
  await writeFile(path.join(folder, 'consumer.ts'), `${[...imports, uses].join('\n')}\n`)
  const types = await checkTypes(root, folder, ['consumer.ts'])
  if (!types.isOk) problems.push(`its declarations do not type-check for a user:\n${types.output}`)
  return problems
}

/**
 * The names that each module exports, or what went wrong. Nothing may be written and nothing may keep the process alive:
 * an import does no work.
 */
async function listExports(
  folder: string,
  from: string,
  modules: readonly string[],
  flags: readonly string[],
): Promise<readonly (readonly string[])[] | string> {
  const isInstalled = from === folder
  const [program, answer] = isInstalled ? ['published.mjs', 'published.json'] : ['original.mjs', 'original.json']
  const loads = modules.map((each) => `await import(${JSON.stringify(isInstalled ? each : `file://${each}`)})`)
  await writeFile(
    path.join(folder, program),
    `import { writeFileSync } from 'node:fs'
const modules = [${loads.join(', ')}]
writeFileSync(${JSON.stringify(path.join(folder, answer))}, JSON.stringify(modules.map((each) => Object.keys(each))))\n`,
  )
  const { isOk, output } = await runProgram(process.execPath, [...flags, path.join(folder, program)], {
    cwd: from,
    timeoutMs: 20_000,
  })
  if (!isOk || output !== '') return withoutStack(output)
  return JSON.parse(await readFile(path.join(folder, answer), 'utf8')) as string[][]
}

/** An error that Node printed, without the places in Node's own code that it passed through. */
function withoutStack(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '' && !/^\s+(at |\^)|^node:internal|^Node\.js v/.test(line))
  return lines.join('\n')
}
