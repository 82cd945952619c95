import { isQueuing } from '@agl/store-kit'
import { separator } from '../records.ts'
import type { FoundKeys } from './find-keys.ts'
import type { RedisInspection } from './inspection.ts'
import type { Surroundings } from './judge-rollout.ts'
import { type Look, readList, scanScores } from './look.ts'
import type { InspectedRollout } from './rollout-record.ts'

/** The sets and lists that rollouts are in, as they were read in steps. */
export interface Sets {
  readonly scores: ReadonlyMap<string, number>
  readonly deadlines: ReadonlyMap<string, ReadonlyMap<number, number>>
  readonly nextDeadline: RedisInspection['attempts']['nextDeadline']
  readonly priorities: readonly string[]
  readonly queueEntries: number
  of(id: string, row: InspectedRollout | null): Surroundings
}

/** Deadlines are sorted by microseconds. */
export const microsPerSecond = 1e6

/** A text with a word before its first separator, as entries of lists and of `deadlines` are. */
function splitEntry(entry: string): readonly [word: string, id: string] {
  const at = entry.indexOf(separator)
  return at === -1 ? ['', entry] : [entry.slice(0, at), entry.slice(at + 1)]
}

export async function readSets(look: Look, found: FoundKeys): Promise<Sets> {
  const { keys } = look
  const scores = new Map<string, number>()
  for await (const [id, score] of scanScores(look, keys.of('statuses'))) scores.set(id, score)
  const deadlines = new Map<string, Map<number, number>>()
  let next: Sets['nextDeadline'] = null
  for await (const [member, score] of scanScores(look, keys.of('deadlines'))) {
    const [number, id] = splitEntry(member)
    const time = score / microsPerSecond
    const known = deadlines.get(id) ?? new Map<number, number>()
    deadlines.set(id, known.set(Number(number), time))
    if (next === null || time < next.time) next = { rolloutId: id, time }
  }
  const priorities = [...found.ids.get('queue')!]
  const queued = new Map<string, { readonly place: string; readonly priority: number }[]>()
  let queueEntries = 0
  for (const priority of priorities) {
    for await (const entry of readList(look, keys.of('queue', priority))) {
      const [place, id] = splitEntry(entry)
      const known = queued.get(id)
      queueEntries++
      if (known === undefined) queued.set(id, [{ place, priority: Number(priority) }])
      else known.push({ place, priority: Number(priority) })
    }
  }
  const ended = await readEnds(look, keys.of('ended'))
  const endedWithSpans = await readEnds(look, keys.of('endedWithSpans'))
  const isAt = (entries: readonly string[] | undefined, time: string): number =>
    entries?.filter((entry) => entry === time).length ?? 0
  return {
    scores,
    deadlines,
    nextDeadline: next,
    priorities,
    queueEntries,
    of: (id, row) => ({
      score: scores.get(id) ?? null,
      queued:
        row !== null && isQueuing(row.rollout.status)
          ? (queued.get(id) ?? []).flatMap(({ place, priority }) => (place === String(row.text.place) ? [priority] : []))
          : [],
      deadlines: deadlines.get(id) ?? new Map(),
      endedEntries: row === null ? 0 : isAt(ended.get(id), row.ended),
      endedWithSpansEntries: row === null ? 0 : isAt(endedWithSpans.get(id), row.ended),
    }),
  }
}

/** The times of the entries by rollout. */
async function readEnds(look: Look, key: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const ends = new Map<string, string[]>()
  for await (const entry of readList(look, key)) {
    const [time, id] = splitEntry(entry)
    const known = ends.get(id)
    if (known === undefined) ends.set(id, [time])
    else known.push(time)
  }
  return ends
}
