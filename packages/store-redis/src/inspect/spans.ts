import { separator } from '../records.ts'
import type { Bodies, FoundKeys } from './find-keys.ts'
import type { RedisInspection } from './inspection.ts'
import { atomically, forEachStep, type Look, scanMembers, violate } from './look.ts'
import { readText } from './rollout-record.ts'

/*
 * Spans lie in two slots of a cluster. A place is given before its body is written, and what is to be deleted is noted before its
 * bodies are deleted and forgotten after. So bodies are read first, then places and notes at one moment: a body that was there has
 * a place or a note by then, or had both and is gone when it is asked for once more.
 */

/** Rollouts whose spans are read at a time. */
const mostAtATime = 20

type Missing = RedisInspection['placesWithoutBodies'][number]

/** @param withSpans the rollouts that said they had spans */
export async function inspectSpans(look: Look, found: FoundKeys, withSpans: readonly string[]): Promise<readonly Missing[]> {
  const missing: Missing[] = []
  const current = new Set<string>()
  const ids = new Set([...withSpans, ...found.ids.get('spanIndex')!])
  let count = 0
  await forEachStep(look, ids, mostAtATime, async (step) => {
    for (const place of await Promise.all(step.map((id) => inspectRollout(look, id, missing)))) {
      if (place !== null) current.add(place)
    }
    count += step.length
    look.tell('rollouts with spans', count)
  })
  const others = found.bodies.filter(({ name }) => !current.has(name))
  await forEachStep(look, others, mostAtATime, async (step) => {
    await Promise.all(step.map((bodies) => inspectOthers(look, bodies)))
  })
  await inspectTrash(look)
  return missing
}

interface Shelf {
  readonly key: string
  readonly arrived: number
  readonly attempts: number
  /** Of the index: place by the number of the attempt and the id of the span. */
  readonly places: ReadonlyMap<string, number>
}

/** Null for a rollout that is not there or cannot be read. */
async function readShelf(look: Look, id: string): Promise<Shelf | null> {
  const { keys } = look
  const [stored, index] = (await atomically(look, [
    ['get', keys.of('rollout', id)],
    ['hgetall', keys.of('spanIndex', id)],
  ])) as [string | null, Readonly<Record<string, string>>]
  const text = stored === null ? null : readText(id, stored)
  const places = new Map(Object.entries(index).map(([field, place]) => [field, Number(place.split(':')[0])]))
  if (text === null) {
    if (stored === null && places.size > 0) {
      violate(look, 'span_places', [id], `There is an index of spans of rollout ${id} and no such rollout.`)
    }
    return null
  }
  const { spans, spanPlace, last } = text
  return { key: keys.spans(id, spanPlace), arrived: spans.arrived, attempts: last?.sequence_id ?? 0, places }
}

const readFields = async ({ connection }: Look, key: string): Promise<readonly string[]> =>
  connection.run((client) => client.hkeys(key))

/** Answers the key of its bodies. */
async function inspectRollout(look: Look, id: string, missing: Missing[]): Promise<string | null> {
  let key: string | null = null
  for (;;) {
    look.throwIfAborted()
    // The first round only learns where to look.
    const fields: readonly string[] = key === null ? [] : await readFields(look, key)
    const shelf = await readShelf(look, id)
    if (shelf === null) return null
    if (shelf.key !== key) {
      key = shelf.key
      continue
    }
    judgePlaces(look, id, shelf)
    const places = new Set(shelf.places.values())
    const homeless = fields.filter((field) => !places.has(Number(field)))
    if (homeless.length > 0) {
      violate(
        look,
        'span_bodies',
        [id],
        `Rollout ${id} has bodies of spans without a place: ${homeless.slice(0, 10).join(', ')}${homeless.length > 10 ? ' …' : ''}.`,
      )
    }
    const bodies = new Set(fields.map(Number))
    const without = [...places].filter((place) => !bodies.has(place))
    if (without.length === 0) return key
    // Those that came meanwhile have been written by now, or are about to be: what is left is told, and no violation.
    const later = new Set((await readFields(look, key)).map(Number))
    for (const place of without) if (!later.has(place)) missing.push({ rolloutId: id, place })
    return key
  }
}

function judgePlaces(look: Look, id: string, { arrived, attempts, places }: Shelf): void {
  const tell = (message: string): void => violate(look, 'span_places', [id], message)
  if (places.size !== arrived) {
    tell(`Rollout ${id} says that ${arrived} spans arrived; the index of its spans has ${places.size}.`)
  }
  const taken = new Map<number, string>()
  for (const [field, place] of places) {
    const number = Number(field.split(':')[0])
    const other = taken.get(place)
    taken.set(place, field)
    if (other !== undefined) tell(`Rollout ${id} has two spans at place ${place}: ${other} and ${field}.`)
    if (!(number >= 1 && number <= attempts)) {
      tell(`Rollout ${id} has the span ${field} of an attempt that it does not have.`)
    }
  }
}

/** Bodies that were not where their rollout has its spans. */
async function inspectOthers(look: Look, { name, rolloutId, place }: Bodies): Promise<void> {
  const { keys, connection } = look
  const [stored, isTrash] = (await atomically(look, [
    ['get', keys.of('rollout', rolloutId)],
    ['sismember', keys.of('trash'), `${place}${separator}${rolloutId}`],
  ])) as [string | null, number]
  const text = stored === null ? null : readText(rolloutId, stored)
  // One that cannot be read does not say where its spans are.
  if (stored !== null && text === null) return
  if (text?.spanPlace === place) {
    // It has been given its place since the rollouts were read, or lost all of them.
    await inspectRollout(look, rolloutId, [])
    return
  }
  if (isTrash === 1 || (await connection.run((client) => client.exists(name))) === 0) return
  const why = text === null ? 'is not there' : 'has its spans elsewhere'
  violate(
    look,
    'span_bodies',
    [name],
    `There are bodies of spans of rollout ${rolloutId}, which ${why}, and no note to delete them.`,
  )
}

/** What is noted to be deleted must not be where a rollout has its spans. */
async function inspectTrash(look: Look): Promise<void> {
  const { keys } = look
  for await (const note of scanMembers(look, keys.of('trash'))) {
    const [place = '', ...rest] = note.split(separator)
    const id = rest.join(separator)
    const [stored, isTrash] = (await atomically(look, [
      ['get', keys.of('rollout', id)],
      ['sismember', keys.of('trash'), note],
    ])) as [string | null, number]
    const text = stored === null ? null : readText(id, stored)
    if (isTrash === 0 || text?.spanPlace !== place) continue
    violate(look, 'trash', [id], `The spans of rollout ${id} are noted to be deleted, and are in use.`)
  }
}
