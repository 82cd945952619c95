import type { Redis } from 'ioredis'
import { escapePattern } from '../answers.ts'
import { keyNames, schemaVersion } from '../keys.ts'
import type { KeyKind, KindOfKeys, RedisInspection } from './inspection.ts'
import { type Look, primariesOf, stepSize, violate } from './look.ts'

/** Largest keys that are told. */
const mostLargest = 20

const typeOf: Readonly<Record<KeyKind, 'hash' | 'list' | 'set' | 'stream' | 'string' | 'zset'>> = {
  control: 'hash',
  rollout: 'string',
  body: 'string',
  attempts: 'hash',
  spanIndex: 'hash',
  spans: 'hash',
  statuses: 'zset',
  queue: 'list',
  workers: 'zset',
  worker: 'hash',
  running: 'list',
  deadlines: 'zset',
  ended: 'list',
  endedWithSpans: 'list',
  trash: 'set',
  answer: 'string',
  sent: 'string',
  resources: 'hash',
  versions: 'hash',
  resourcesOrder: 'zset',
  aliases: 'hash',
  marker: 'string',
  feed: 'stream',
  waiters: 'zset',
}
/** Of these there is one key each, which may have millions of elements: the server reckons from some of them. */
const isLarge: ReadonlySet<KeyKind> = new Set([
  'statuses',
  'deadlines',
  'ended',
  'endedWithSpans',
  'queue',
  'trash',
  'feed',
  'control',
])
const kinds = Object.keys(typeOf) as readonly KeyKind[]

/** A key of bodies: whose spans, and which place of these. */
export interface Bodies {
  readonly name: string
  readonly rolloutId: string
  readonly place: string
}

/** The keys of the namespace. */
export interface FoundKeys {
  /** What stands behind the name of the kind, as ids of rollouts; '' where nothing does. */
  readonly ids: ReadonlyMap<KeyKind, ReadonlySet<string>>
  readonly bodies: readonly Bodies[]
  readonly otherSchemaVersions: readonly number[]
  readonly sizes: RedisInspection['keys']
  /** Whether all keys have the type that they are read as; otherwise reading them fails. */
  readonly areReadable: boolean
}

interface Measured {
  count: number
  bytes: number
}

/** @param sampleSize keys of each kind whose memory is asked for */
export async function findKeys(look: Look, namespace: string, sampleSize: number): Promise<FoundKeys> {
  const parse = createParser(namespace)
  const ids = new Map<KeyKind, Set<string>>(kinds.map((kind) => [kind, new Set()]))
  const bodies: Bodies[] = []
  const others = new Set<number>()
  const unknown = new Set<string>()
  const inner = new Set<string>()
  const measured = new Map<KeyKind, Measured>(kinds.map((kind) => [kind, { count: 0, bytes: 0 }]))
  const sizes = new Map<string, { readonly kind: KeyKind; readonly bytes: number }>()
  let areReadable = true
  let count = 0

  const take = async (primary: Redis, names: readonly string[]): Promise<void> => {
    const known: { readonly name: string; readonly kind: KeyKind; readonly isMeasured: boolean }[] = []
    for (const name of names) {
      const parsed = parse(name)
      if (parsed === null) continue
      if ('otherVersion' in parsed) others.add(parsed.otherVersion)
      else if ('innerNamespace' in parsed) inner.add(parsed.innerNamespace)
      else if (parsed.kind === null) unknown.add(name)
      else {
        const { kind, id } = parsed
        const found = ids.get(kind)!
        const isNew = !found.has(kind === 'spans' ? name : id)
        if (!isNew) continue
        found.add(kind === 'spans' ? name : id)
        if (kind === 'spans') bodies.push({ name, rolloutId: id, place: parsed.place })
        known.push({ name, kind, isMeasured: found.size <= sampleSize })
      }
    }
    if (known.length === 0) return
    const replies = await askOf(look, primary, known)
    for (const [index, { name, kind, isMeasured }] of known.entries()) {
      const { type, bytes } = replies[index]!
      if (type !== 'none' && type !== typeOf[kind]) {
        areReadable = false
        violate(look, 'known_keys', [name], `The key should be a ${typeOf[kind]} and is a ${type}.`)
      }
      if (!isMeasured || bytes === null) continue
      const sum = measured.get(kind)!
      sum.count++
      sum.bytes += bytes
      sizes.set(name, { kind, bytes })
    }
    count += known.length
    look.tell('keys', count)
    if (sizes.size > 50 * mostLargest) keepLargest(sizes)
  }

  for (const primary of await primariesOf(look)) {
    let cursor = '0'
    do {
      look.throwIfAborted()
      const match = `agl:*{${escapePattern(namespace)}*`
      const [next, names] = await look.connection.run(() => primary.scan(cursor, 'MATCH', match, 'COUNT', stepSize))
      await take(primary, names)
      cursor = next
    } while (cursor !== '0')
  }
  for (const name of unknown) violate(look, 'known_keys', [name], 'The key is of no kind that the store knows.')

  // Bodies of a namespace whose name begins with this one and a colon.
  const own = bodies.filter(({ rolloutId }) => ![...inner].some((namespaceOf) => rolloutId.startsWith(`${namespaceOf}:`)))
  const counts = new Map([...ids].map(([kind, found]) => [kind, kind === 'spans' ? own.length : found.size]))
  keepLargest(sizes)
  const largest = [...sizes].map(([name, size]) => ({ name, ...size }))
  return {
    ids,
    bodies: own,
    otherSchemaVersions: [...others].toSorted((a, b) => a - b),
    sizes: { ...sumOf(counts, measured), largest },
    areReadable,
  }
}

function keepLargest(sizes: Map<string, { readonly bytes: number }>): void {
  const inOrder = [...sizes].toSorted(([, a], [, b]) => b.bytes - a.bytes)
  const kept = inOrder.slice(0, mostLargest)
  sizes.clear()
  for (const [name, size] of kept) sizes.set(name, size)
}

function sumOf(
  counts: ReadonlyMap<KeyKind, number>,
  measured: ReadonlyMap<KeyKind, Measured>,
): Omit<RedisInspection['keys'], 'largest'> {
  const found = kinds.flatMap((kind): readonly KindOfKeys[] => {
    const count = counts.get(kind)!
    const sample = measured.get(kind)!
    if (count === 0) return []
    const isEstimate = sample.count < count
    return [{ kind, count, bytes: sample.count === 0 ? 0 : Math.round((sample.bytes / sample.count) * count), isEstimate }]
  })
  return {
    count: found.reduce((sum, { count }) => sum + count, 0),
    bytes: found.reduce((sum, { bytes }) => sum + bytes, 0),
    isEstimate: found.some(({ isEstimate }) => isEstimate),
    kinds: found.toSorted((a, b) => b.bytes - a.bytes),
  }
}

/** Null bytes for a key that was not measured, or went meanwhile. */
async function askOf(
  { connection }: Look,
  primary: Redis,
  known: readonly { readonly name: string; readonly kind: KeyKind; readonly isMeasured: boolean }[],
): Promise<readonly { readonly type: string; readonly bytes: number | null }[]> {
  const commands = known.flatMap(({ name, kind, isMeasured }) => {
    const usage = ['memory', 'USAGE', name, ...(isLarge.has(kind) ? [] : ['SAMPLES', '0'])]
    return [['type', name], ...(isMeasured ? [usage] : [])]
  })
  const replies = await connection.run(async () => {
    const all = (await primary.pipeline(commands).exec()) ?? []
    return all.map(([error, value]) => {
      if (error !== null) throw error
      return value
    })
  })
  let at = 0
  return known.map(({ isMeasured }) => ({
    type: String(replies[at++]),
    bytes: isMeasured ? (replies[at++] as number | null) : null,
  }))
}

type Parsed =
  | { readonly kind: Exclude<KeyKind, 'spans'>; readonly id: string }
  | { readonly kind: 'spans'; readonly id: string; readonly place: string }
  | { readonly kind: null }
  | { readonly otherVersion: number }
  | { readonly innerNamespace: string }

/** What a name is; null for one that is of another namespace. */
function createParser(namespace: string): (name: string) => Parsed | null {
  const own = `{${namespace}}:`
  const inner = `{${namespace}:`
  const named = (Object.entries(keyNames) as [KeyKind | 'wake', string][]).filter(([kind]) => kind !== 'wake')
  return (name) => {
    const [, version = '', rest = ''] = /^agl:(\d+):([^]*)$/.exec(name) ?? []
    const isOwn = rest.startsWith(own)
    if (!isOwn && !rest.startsWith(inner)) return null
    const end = rest.lastIndexOf('}:spans:')
    const isSpans = !isOwn && end !== -1
    const isMarker = !isOwn && !isSpans && rest.endsWith('}:marker')
    if (!isOwn && !isSpans && !isMarker) {
      const other = /^([A-Za-z0-9_.:-]+)\}:control$/.exec(rest.slice(inner.length))
      return other === null ? null : { innerNamespace: other[1]! }
    }
    if (Number(version) !== schemaVersion) return { otherVersion: Number(version) }
    if (isSpans) return { kind: 'spans', id: rest.slice(inner.length, end), place: rest.slice(end + '}:spans:'.length) }
    if (isMarker) return { kind: 'marker', id: rest.slice(inner.length, -'}:marker'.length) }
    const ownName = rest.slice(own.length)
    for (const [kind, text] of named) {
      if (text.endsWith(':') ? ownName.startsWith(text) : ownName === text) {
        return { kind: kind as Exclude<KeyKind, 'spans'>, id: ownName.slice(text.length) }
      }
    }
    return { kind: null }
  }
}
