import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type ProgramResult, runProgram } from './run-program.ts'
import type { Tarball } from './tarballs.ts'

/**
 * Writes an empty project that depends on `dependencies` and installs it with npm, as a user would. Packages of ours come from
 * `tarballs`, wherever in the tree they are asked for; all others from the registry, or from npm's cache when it has them.
 */
export async function installProject(
  folder: string,
  dependencies: Readonly<Record<string, string>>,
  tarballs: readonly Tarball[],
): Promise<ProgramResult> {
  const overrides = Object.fromEntries(tarballs.map(({ name, file }) => [name, `file:${file}`]))
  await mkdir(folder, { recursive: true })
  await writeJson(path.join(folder, 'package.json'), { name: 'project', private: true, type: 'module', dependencies, overrides })
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']
  return runProgram('npm', ['install', '--prefer-offline', '--no-package-lock', '--ignore-scripts', ...quiet], {
    cwd: folder,
    timeoutMs: 180_000,
  })
}

/** Checks the types of `files` in a project against what is installed there, declarations of packages included. */
export async function checkTypes(root: string, folder: string, files: readonly string[]): Promise<ProgramResult> {
  const compilerOptions = {
    target: 'es2024',
    lib: ['es2024'],
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    ...nodeTypes(root),
  }
  await writeJson(path.join(folder, 'tsconfig.json'), { compilerOptions, files })
  return runProgram('tsc', ['-p', folder], { cwd: folder })
}

/** Compiles the project in a subfolder by its own tsconfig.json. */
export async function compile(root: string, folder: string, project: string): Promise<ProgramResult> {
  const { typeRoots, types } = nodeTypes(root)
  return runProgram('tsc', ['-p', project, '--typeRoots', typeRoots.join(','), '--types', types.join(',')], { cwd: folder })
}

/** The types of Node come from the workspace, so that they are not installed for every package. */
function nodeTypes(root: string): { readonly typeRoots: string[]; readonly types: string[] } {
  return { typeRoots: [path.join(root, 'node_modules/@types')], types: ['node'] }
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`)
}
