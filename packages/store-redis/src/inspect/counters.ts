import { isFinished } from '@agl/store-kit'
import { dataBytes, readHistories } from '../resources.ts'
import { atomically, forEachStep, type Look, scanScores, stepSize, violate } from './look.ts'
import { type InspectedRollout, readRecords } from './rollout-record.ts'

/** What an attempt is reckoned to take beside its metadata; see `include/rollouts.lua`. */
const attemptBytes = 200

/** How often the totals are added up before a store is called too busy for it. */
const mostTries = 3

const names = ['attempts', 'bytes', 'finished_bytes', 'spans', 'span_bytes', 'resources', 'resources_bytes'] as const
type Totals = Record<(typeof names)[number], number>

const noTotals = (): Totals => Object.fromEntries(names.map((name) => [name, 0])) as Totals

/** Adds up what the totals of the control hash should be. */
export interface Adder {
  add(rollout: InspectedRollout): void
  readonly totals: Totals
}

export function createAdder(): Adder {
  const totals = noTotals()
  return {
    totals,
    add({ rollout, text, attempts, lastAttempt }) {
      const bytes = text.bytes + lastAttempt * attemptBytes + text.spans.bytes
      totals.attempts += attempts.length
      totals.bytes += bytes
      if (isFinished(rollout.status)) totals.finished_bytes += bytes
      totals.spans += text.spans.arrived
      totals.span_bytes += text.spans.bytes
    },
  }
}

/** The control hash. */
export type Control = Readonly<Record<string, string>>

export async function readControl({ connection, keys }: Look): Promise<Control> {
  return connection.run((client) => client.hgetall(keys.of('control')))
}

const isSame = (before: Control, after: Control): boolean =>
  ['ordinal', 'feed', ...names].every((name) => before[name] === after[name])

/**
 * Totals can only be compared with a sum that was taken while they stood still. On a store that never does they are not checked.
 * @param before the control hash before the rollouts were read
 * @param rollouts what they add up to
 */
export async function inspectCounters(look: Look, before: Control, { totals }: Adder): Promise<void> {
  let control = before
  let sum = totals
  for (let tries = 1; ; tries++) {
    await addResources(look, sum)
    const after = await readControl(look)
    if (isSame(control, after)) {
      judge(look, after, sum)
      return
    }
    if (tries === mostTries) break
    control = after
    sum = await addRollouts(look)
  }
  look.unchecked.push(
    `counters: the store changed each of the ${mostTries} times that they were added up; look again when it is quieter`,
  )
}

function judge(look: Look, control: Control, sum: Totals): void {
  for (const name of names) {
    const says = Number(control[name] ?? 0)
    if (says === sum[name]) continue
    violate(look, 'counters', [name], `The total ${name} is ${says}, and ${sum[name]} are there.`)
  }
}

async function addRollouts(look: Look): Promise<Totals> {
  const adder = createAdder()
  const ids = new Set<string>()
  for await (const [id] of scanScores(look, look.keys.of('statuses'))) ids.add(id)
  await forEachStep(look, ids, stepSize, async (step) => {
    for (const { row } of await readRecords(look, step)) if (row !== null && row !== 'broken') adder.add(row)
  })
  return adder.totals
}

async function addResources(look: Look, sum: Totals): Promise<void> {
  const { connection, keys } = look
  sum.resources = 0
  sum.resources_bytes = 0
  for (const { resourcesId, newest } of await readHistories(look.state)) {
    if (newest !== null) sum.resources++
    const key = keys.of('versions', resourcesId)
    for (const version of await connection.run((client) => client.hkeys(key))) {
      const stored = await connection.run((client) => client.hgetBuffer(key, version))
      if (stored !== null) sum.resources_bytes += dataBytes(stored)
    }
  }
}

/** Lists of the queue that no claim looks at, and whether the feed stands where it says. */
export async function inspectControl(look: Look, priorities: Iterable<string>): Promise<void> {
  const { keys } = look
  for (const priority of priorities) {
    const [known, length] = (await atomically(look, [
      ['hget', keys.of('control'), 'priorities'],
      ['llen', keys.of('queue', priority)],
    ])) as [string | null, number]
    if (length === 0 || (known ?? ',0,').includes(`,${priority},`)) continue
    violate(look, 'queue', [priority], `No claim looks at the list of priority ${priority}, which has ${length} entries.`)
  }
  const [position, entries] = (await atomically(look, [
    ['hget', keys.of('control'), 'feed'],
    ['xrevrange', keys.of('feed'), '+', '-', 'COUNT', 1],
  ])) as [string | null, readonly (readonly [string, unknown])[]]
  const last = entries[0]?.[0]
  if (last === undefined || last === `${position ?? 0}-0`) return
  violate(look, 'feed', [last], `The last event of the feed is ${last}; ${position ?? 0} were counted.`)
}
