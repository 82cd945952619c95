import { readAliases } from '../aliases.ts'
import { separator } from '../records.ts'
import { readHistories } from '../resources.ts'
import type { FoundKeys } from './find-keys.ts'
import { atomically, forEachStep, type Look, scanScores, violate } from './look.ts'

const mostAtATime = 20

/** Checks that versions, their order, their history and the aliases agree. */
export async function inspectResources(look: Look, found: FoundKeys): Promise<void> {
  const { keys } = look
  const ordered = new Map<string, number[]>()
  for await (const [member] of scanScores(look, keys.of('resourcesOrder'))) {
    const [version = '', ...rest] = member.split(separator)
    const id = rest.join(separator)
    const known = ordered.get(id)
    if (known === undefined) ordered.set(id, [Number(version)])
    else known.push(Number(version))
  }
  const histories = await readHistories(look.state)
  const ids = new Set([...histories.map(({ resourcesId }) => resourcesId), ...ordered.keys(), ...found.ids.get('versions')!])
  await forEachStep(look, ids, mostAtATime, async (step) => {
    await Promise.all(step.map((id) => inspectId(look, id, ordered.get(id) ?? [])))
  })
  for (const { alias } of await readAliases(look.state)) await inspectAlias(look, alias.alias)
}

/** At one moment. @param before the versions that the order had */
async function inspectId(look: Look, id: string, before: readonly number[]): Promise<void> {
  const { keys, connection } = look
  const tell = (message: string): void => violate(look, 'resources', [id], message)
  let versions = await connection.run((client) => client.hkeys(keys.of('versions', id)))
  for (;;) {
    look.throwIfAborted()
    // A command needs at least one.
    const asked = [...new Set([0, ...before, ...versions.map(Number)])]
    const [history, present, scores] = (await atomically(look, [
      ['hget', keys.of('resources'), id],
      ['hkeys', keys.of('versions', id)],
      ['zmscore', keys.of('resourcesOrder'), ...asked.map((version) => `${version}${separator}${id}`)],
    ])) as [string | null, readonly string[], readonly (string | null)[]]
    if (present.some((version) => !versions.includes(version))) {
      versions = [...present]
      continue
    }
    const stored = new Set(present.map(Number))
    for (const [index, version] of asked.entries()) {
      const isOrdered = scores[index] !== null
      if (isOrdered && !stored.has(version))
        tell(`Version ${version} of resources ${id} is in the order of versions and not stored.`)
      if (!isOrdered && stored.has(version))
        tell(`Version ${version} of resources ${id} is stored and not in the order of versions.`)
    }
    const [last = '', newest = ''] = history?.split(separator) ?? []
    const highest = Math.max(0, ...stored)
    if (history === null && stored.size > 0) tell(`Resources ${id} have versions and no history.`)
    if (history !== null && Number(newest) !== highest) {
      tell(`The newest version of resources ${id} is ${highest}; their history says ${newest === '' ? 'none' : newest}.`)
    }
    if (history !== null && Number(last) < highest) {
      tell(`Version ${highest} of resources ${id} is stored; their history has given only ${last}.`)
    }
    return
  }
}

async function inspectAlias(look: Look, name: string): Promise<void> {
  const { keys } = look
  for (;;) {
    look.throwIfAborted()
    const read = async () => (await readAliases(look.state)).find(({ alias }) => alias.alias === name)?.alias
    const target = await read()
    if (target === undefined) return
    const { resources_id: id, version } = target
    if ((await look.connection.run((client) => client.hexists(keys.of('versions', id), String(version)))) === 1) return
    // It may have been moved, and the version deleted after that.
    const again = await read()
    if (again?.resources_id !== id || again.version !== version) continue
    violate(look, 'resources', [name], `The alias ${name} points to version ${version} of resources ${id}, which is not stored.`)
    return
  }
}
