import type { Attempt, Rollout } from '@agl/types'
import { decodeAttempt, decodeRollout, parseRollout, type RolloutText, separator } from '../records.ts'
import { readBeginnings, readTexts, statuses } from '../rollouts.ts'
import { placeOf } from '../spans.ts'
import type { Command, Look } from './look.ts'

/** A rollout as its record says. */
export interface InspectedRollout {
  readonly id: string
  readonly rollout: Rollout
  readonly text: RolloutText
  readonly attempts: readonly Attempt[]
  /** Number of the last attempt. */
  readonly lastAttempt: number
  /** Its end as it is stored. */
  readonly ended: string
  /** Where its spans are. */
  readonly spanPlace: string
}

/** What lies under the keys of one rollout. */
export interface StoredRecord {
  /** Null for one that is not there, `broken` for one that cannot be read. */
  readonly row: InspectedRollout | 'broken' | null
  readonly hasBody: boolean
  /** Numbers of the attempts that lie beside it, because they come before its last one. */
  readonly earlier: readonly number[]
}

type Attempts = Readonly<Record<string, string>>

/** What the text of a rollout says without its body and its earlier attempts. */
export interface ReadText extends RolloutText {
  readonly last: Attempt | null
  /** Where its spans are. */
  readonly spanPlace: string
}

/** Null for a text that cannot be read. */
export function readText(id: string, text: string): ReadText | null {
  try {
    const parsed = parseRollout(text)
    const last = parsed.latest === '' ? null : decodeAttempt(id, parsed.latest).attempt
    const isNumbered = last === null || (Number.isSafeInteger(last.sequence_id) && last.sequence_id > 0)
    if (!statuses.includes(parsed.status) || !Number.isSafeInteger(parsed.ordinal) || !isNumbered) return null
    return { ...parsed, last, spanPlace: placeOf(parsed.ordinal, parsed.spans.generation) }
  } catch {
    return null
  }
}

/** In the order of their numbers; null when one cannot be read. */
export function readAttempts(id: string, { last }: ReadText, earlier: Attempts): readonly Attempt[] | null {
  try {
    const before = Object.entries(earlier).map(([number, packed]) => ({ number, attempt: decodeAttempt(id, packed).attempt }))
    if (before.some(({ number, attempt }) => number !== String(attempt.sequence_id))) return null
    const inOrder = before.map(({ attempt }) => attempt).toSorted((a, b) => a.sequence_id - b.sequence_id)
    return last === null ? inOrder : [...inOrder, last]
  } catch {
    return null
  }
}

/** The commands whose answers `decodeRecord` reads. */
export function commandsOf({ keys }: Look, id: string): readonly [Command, Command, Command] {
  return [
    ['get', keys.of('rollout', id)],
    ['get', keys.of('body', id)],
    ['hgetall', keys.of('attempts', id)],
  ]
}

/** @param body or a beginning of it that holds all before the input */
export function decodeRecord(id: string, text: string | null, body: string | null, earlier: Attempts): StoredRecord {
  return {
    row: text === null ? null : decodeRow(id, text, body, earlier),
    hasBody: body !== null,
    earlier: Object.keys(earlier).map(Number),
  }
}

function decodeRow(id: string, stored: string, body: string | null, earlier: Attempts): InspectedRollout | 'broken' {
  const text = readText(id, stored)
  const attempts = text === null ? null : readAttempts(id, text, earlier)
  if (text === null || attempts === null) return 'broken'
  try {
    return {
      id,
      rollout: decodeRollout([id, stored, body]),
      text,
      attempts,
      lastAttempt: text.last?.sequence_id ?? 0,
      ended: stored.split(separator, 3)[2]!,
      spanPlace: text.spanPlace,
    }
  } catch {
    return 'broken'
  }
}

/** Not at one moment. */
export async function readRecords(look: Look, ids: readonly string[]): Promise<readonly StoredRecord[]> {
  const { connection, keys, state } = look
  const texts = await readTexts(state, ids)
  const bodies = await readBeginnings(state, ids)
  const earlier = await connection.run((client) => Promise.all(ids.map((id) => client.hgetall(keys.of('attempts', id)))))
  return ids.map((id, index) => decodeRecord(id, texts[index]!, bodies[index]!, earlier[index]!))
}
