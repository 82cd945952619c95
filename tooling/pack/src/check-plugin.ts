import { cp } from 'node:fs/promises'
import path from 'node:path'
import { checkTypes, compile, installProject } from './project.ts'
import { runProgram } from './run-program.ts'
import type { Tarball } from './tarballs.ts'

/** What the program of the plugin's user imports; what these depend on comes along. */
const imported = ['@agl/runner', '@agl/trainer', '@agl/algorithms', '@agl/store-http']
const needed = [...imported, '@agl/types', '@agl/store-kit', '@agl/store-memory']

/**
 * Takes the plugin out of the workspace, builds it against the packed packages as its author would, and runs a program
 * that trains with its algorithm and its resource kind. Returns what is wrong.
 */
export async function checkPlugin(root: string, tarballs: readonly Tarball[], folder: string): Promise<string[]> {
  const missing = needed.filter((name) => !tarballs.some((tarball) => tarball.name === name))
  if (missing.length > 0) return [`the plugin cannot run without ${missing.join(', ')}, which this workspace does not have`]

  await cp(path.join(root, 'tooling/pack/plugin'), path.join(folder, 'plugin'), { recursive: true })
  for (const file of ['program.ts', 'agent.ts']) await cp(path.join(root, 'tooling/pack/plugin', file), path.join(folder, file))
  const ours = tarballs.filter(({ name }) => imported.includes(name)).map(({ name, file }) => [name, `file:${file}`])
  const installed = await installProject(
    folder,
    { ...Object.fromEntries(ours), 'agl-plugin-thresholds': 'file:./plugin' },
    tarballs,
  )
  if (!installed.isOk) return [`npm could not install it:\n${installed.output}`]

  const built = await compile(root, folder, 'plugin')
  if (!built.isOk) return [`the plugin does not compile:\n${built.output}`]
  const types = await checkTypes(root, folder, ['program.ts', 'agent.ts'])
  if (!types.isOk) return [`the program does not type-check:\n${types.output}`]
  const run = await runProgram(process.execPath, ['program.ts'], { cwd: folder })
  return run.isOk ? [] : [`the program failed:\n${run.output}`]
}
