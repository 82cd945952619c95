// Packs every package and checks it the way its users meet it: `packages` (each one alone) or `plugin` (an outside package).
// `--keep` leaves the temporary projects where they are, to look into.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { checkPackage } from './check-package.ts'
import { checkPlugin } from './check-plugin.ts'
import { packAll, type PackResult } from './tarballs.ts'

const root = path.resolve(import.meta.dirname, '../../..')
/** npm spends most of its time waiting, so two projects at a time suit two cores. */
const projectsAtOnce = 2

/** Runs one check and says how it went. Returns whether it passed. */
async function report(title: string, check: () => Promise<readonly string[]>): Promise<boolean> {
  const start = performance.now()
  const problems = await check()
  console.log(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${title} (${((performance.now() - start) / 1000).toFixed(1)} s)`)
  for (const problem of problems) console.log(`  - ${problem.replaceAll('\n', '\n    ')}`)
  return problems.length === 0
}

async function checkPackages({ tarballs }: PackResult, folder: string): Promise<boolean> {
  if (tarballs.length === 0) return report('packages', async () => ['there is no package to check'])
  const queue = [...tarballs]
  const results: boolean[] = []
  const work = async (): Promise<void> => {
    for (let target = queue.shift(); target !== undefined; target = queue.shift()) {
      const { name, files, bytes } = target
      const project = path.join(folder, path.basename(target.source))
      const title = `${name}, ${files.length} files, ${Math.ceil(bytes / 1024)} kB`
      const tarball = target
      results.push(await report(title, () => checkPackage(root, tarball, tarballs, project)))
    }
  }
  await Promise.all(Array.from({ length: projectsAtOnce }, work))
  return results.every(Boolean)
}

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({ options: { keep: { type: 'boolean' } }, allowPositionals: true })
  const [what] = positionals
  if (what !== 'packages' && what !== 'plugin') {
    console.log('Usage: node tooling/pack/src/main.ts packages|plugin [--keep]')
    return false
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'agl-pack-'))
  try {
    const packed = await packAll(root, path.join(folder, 'tarballs'))
    for (const problem of packed.problems) console.log(problem)
    const isOk =
      what === 'packages'
        ? await checkPackages(packed, folder)
        : await report('plugin', () => checkPlugin(root, packed.tarballs, path.join(folder, 'program')))
    return isOk && packed.problems.length === 0
  } finally {
    if (values.keep === true) console.log(`Kept: ${folder}`)
    else await rm(folder, { recursive: true, force: true })
  }
}

if (!(await main())) process.exitCode = 1
