import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AttemptOutcome, AttemptStatus } from '@agl/types'

/** What processes write down for the judge, each entry in one write that outlives them. */
export type Entry =
  | { readonly kind: 'process'; readonly pid: number; readonly role: 'program' | 'runner' }
  | { readonly kind: 'began'; readonly rolloutId: string; readonly attemptId: string; readonly pid: number }
  | { readonly kind: 'ended'; readonly attemptId: string; readonly how: AgentEnd; readonly reward: number | null }
  /** The store has acknowledged these spans. */
  | { readonly kind: 'spans'; readonly rolloutId: string; readonly attemptId: string; readonly spanIds: readonly string[] }
  /** The store has acknowledged this end, and so it answered. */
  | {
      readonly kind: 'settled'
      readonly rolloutId: string
      readonly attemptId: string
      readonly status: AttemptStatus
      readonly outcome: AttemptOutcome | null
    }
  | { readonly kind: 'released'; readonly attemptId: string }
  /** A `fit` has settled, and these attempts are held all the same; null = the store could not be asked. */
  | { readonly kind: 'held'; readonly attemptIds: readonly string[] | null; readonly fit: string }
  /** Every task of the plan is finished. */
  | { readonly kind: 'complete' }

export type AgentEnd = 'returned' | 'threw' | 'aborted'

export interface Journal {
  write(entry: Entry): void
  read(): readonly Entry[]
}

export function openJournal(folder: string): Journal {
  const file = join(folder, 'journal.log')
  return {
    write: (entry) => appendFileSync(file, `${JSON.stringify({ at: Date.now(), ...entry })}\n`),
    read() {
      if (!existsSync(file)) return []
      const lines = readFileSync(file, 'utf8').split('\n')
      // The last one may be under way.
      return lines.slice(0, -1).map((line) => JSON.parse(line) as Entry)
    },
  }
}

/** The entries of one kind. */
export function entriesOf<Kind extends Entry['kind']>(
  entries: readonly Entry[],
  kind: Kind,
): readonly Extract<Entry, { readonly kind: Kind }>[] {
  return entries.filter((entry) => entry.kind === kind) as unknown as readonly Extract<Entry, { readonly kind: Kind }>[]
}
