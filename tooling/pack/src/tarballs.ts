import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { runProgram } from './run-program.ts'

/** One package of the workspace, packed as it would be published. */
export interface Tarball {
  readonly name: string
  /** Its folder in the workspace. */
  readonly source: string
  /** The packed file. */
  readonly file: string
  /** What is in it, by path. */
  readonly files: readonly string[]
  readonly bytes: number
}

export interface PackResult {
  readonly tarballs: readonly Tarball[]
  /** Why packages could not be packed. */
  readonly problems: readonly string[]
}

/** Builds every package (what is up to date comes out of turbo's cache) and packs those that are published into `folder`. */
export async function packAll(root: string, folder: string): Promise<PackResult> {
  const built = await runProgram('turbo', ['run', 'build', '--continue', '--output-logs=errors-only'], {
    cwd: root,
    timeoutMs: 300_000,
  })
  // A package that could not be built shows up below as one without `dist/`, or with an old one.
  const problems = built.isOk ? [] : ['FAILED build: `pnpm run build` shows why']
  const tarballs: Tarball[] = []
  for (const name of (await readdir(path.join(root, 'packages'))).sort()) {
    const source = path.join(root, 'packages', name)
    if (!existsSync(path.join(source, 'package.json'))) continue
    const manifest = JSON.parse(await readFile(path.join(source, 'package.json'), 'utf8')) as { name: string; private?: boolean }
    if (manifest.private === true) continue
    const packed = await runProgram('pnpm', ['pack', '--json', '--pack-destination', folder], { cwd: source })
    if (!packed.isOk) {
      problems.push(`${manifest.name} could not be packed:\n${packed.output}`)
      continue
    }
    const { filename, files, size } = JSON.parse(packed.output.slice(packed.output.indexOf('{'))) as {
      filename: string
      size: number
      files: { path: string }[]
    }
    tarballs.push({ name: manifest.name, source, file: filename, files: files.map((each) => each.path), bytes: size })
  }
  return { tarballs, problems }
}
