import path from 'node:path'
import { artifactKey, parseArtifact, readRunState, writeArtifact, writeResources } from '@agl/algorithms'
import { AglError, type LightningStore, type ResourcesUpdate } from '@agl/types'
import type { Command } from 'commander'
import { toCount } from './flags.ts'
import { createLogger } from './logger.ts'
import { openStoreAt } from './open-store.ts'
import type { Surroundings } from './run.ts'

interface ExportFlags {
  readonly store: string
  readonly out: string
  readonly run?: string
  readonly alias?: string
  readonly resources?: string
  readonly resourcesVersion?: number
  readonly token?: string
  readonly namespace?: string
}

/** `agl export`: gets what was found out of a store. */
export function addExportCommand(program: Command, surroundings: Surroundings): void {
  program
    .command('export')
    .summary('get the prompts that were found out of a store')
    .description(
      'Writes resources of a store into a folder: resources.ts, a module to import, and JSON.\n' +
        'With --run also the report, the learning curve and the lineage. Without --run, --alias and --resources: the alias "best".\n' +
        'The last line on standard output is {"out": …, "resources": […]}.',
    )
    .requiredOption('--store <address>', 'http://… of a server, redis://…, or the path of a SQLite file')
    .requiredOption('--out <folder>', 'where to; it is made when it is not there')
    .option('--run <id>', 'what this run of an algorithm has found')
    .option('--alias <name>', 'the version that this alias points to')
    .option('--resources <id>', 'the newest version of these resources')
    .option('--resources-version <number>', 'that version of --resources', toCount(1))
    .option('--token <token>', 'of a server that wants one; AGL_TOKEN in the environment keeps it out of the list of processes')
    .option('--namespace <name>', 'which of several stores in one Redis; default: agl')
    .addHelpText(
      'after',
      '\nExamples:\n  agl export --store runs.db --out ./found\n' +
        '  agl export --store http://127.0.0.1:4747 --run run-1f0c --out ./found\n',
    )
    .action(async (flags: ExportFlags) => exportFrom(flags, surroundings))
}

async function exportFrom(flags: ExportFlags, { out, err }: Surroundings): Promise<void> {
  const chosen = (['run', 'alias', 'resources'] as const).filter((name) => flags[name] !== undefined)
  if (chosen.length > 1) throw refused(`Expected one of --run, --alias and --resources; got --${chosen.join(' and --')}.`)
  if (flags.resourcesVersion !== undefined && flags.resources === undefined) {
    throw refused('--resources-version says which version of --resources: give both.')
  }
  const token = flags.token ?? process.env['AGL_TOKEN']
  const logger = createLogger('warn', err)
  const store = await openStoreAt({ address: flags.store, token, namespace: flags.namespace, logger })
  try {
    const folder = path.resolve(flags.out)
    const names =
      flags.run === undefined ? await exportResources(store, flags, folder) : await exportRun(store, flags.run, folder)
    out(`${JSON.stringify({ out: folder, resources: names })}\n`)
  } finally {
    await store.close()
  }
}

async function exportRun(store: LightningStore, runId: string, folder: string): Promise<readonly string[]> {
  if ((await store.getRolloutById({ rolloutId: runId })) === null) {
    throw new AglError({ code: 'not_found', message: `There is no run "${runId}" in this store.` })
  }
  const kept = await readRunState(store, runId, artifactKey)
  if (kept === undefined) {
    throw new AglError({
      code: 'not_found',
      message: `The run "${runId}" has not found anything yet: it is still going on, was stopped, or its algorithm keeps no artifact. --alias and --resources export resources as they are.`,
    })
  }
  const artifact = parseArtifact(kept, `what the run "${runId}" has kept`)
  await writeArtifact(folder, artifact)
  return Object.keys(artifact.resources)
}

async function exportResources(store: LightningStore, flags: ExportFlags, folder: string): Promise<readonly string[]> {
  const { resources_id: id, version, resources } = await findResources(store, flags)
  await writeResources(folder, { resources, origin: `Resources ${id}, version ${version}.`, score: null })
  return Object.keys(resources)
}

async function findResources(
  store: LightningStore,
  { alias = 'best', resources: resourcesId, resourcesVersion }: ExportFlags,
): Promise<ResourcesUpdate> {
  const version = resourcesVersion ?? null
  const found =
    resourcesId === undefined
      ? await store.getResourcesByAlias({ alias })
      : await store.getResourcesById({ resourcesId, version })
  if (found !== null) return found
  const there = (await store.queryResources({ limit: 5, sortBy: 'update_time', sortOrder: 'desc' })).items
  const known = there.map((each) => each.resources_id).join(', ') || 'none'
  const wanted =
    resourcesId === undefined
      ? `the alias "${alias}"`
      : `the resources "${resourcesId}"${version === null ? '' : `, version ${version}`}`
  throw new AglError({ code: 'not_found', message: `This store does not have ${wanted}. Newest resources in it: ${known}.` })
}

function refused(message: string): AglError {
  return new AglError({ code: 'invalid_argument', message })
}
