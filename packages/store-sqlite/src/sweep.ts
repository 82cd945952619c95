import { sweepAttempt } from '@agl/store-kit'
import { applyTransition, armAttempt } from './apply.ts'
import { attemptColumns, attemptOf, rolloutAt, type StoredAttempt, subjectOf } from './rows.ts'
import type { Reading, Writing } from './state.ts'

/** Attempts ended in one transaction; the rest follow in the next, so that no call waits long for them. */
const sweepLimit = 200

/** The moment of the earliest deadline; null when there is none. */
export function nextLook({ database }: Reading): number | null {
  return database.get<{ next: number | null }>('SELECT min(deadline) AS next FROM attempts WHERE deadline IS NOT NULL')!.next
}

/** Ends the attempts that are past a limit by now. */
export function sweep(writing: Writing): void {
  const { database, state } = writing
  const next = nextLook(writing)
  if (next === null) return
  const now = state.clock.now()
  if (next >= now) return
  const due = database.all<StoredAttempt & { readonly rollout: number }>(
    `SELECT rollout, ${attemptColumns} FROM attempts WHERE deadline < ? ORDER BY deadline LIMIT ?`,
    now,
    sweepLimit,
  )
  for (const stored of due) {
    const row = attemptOf(stored)
    const rollout = rolloutAt(writing, stored.rollout)
    const transition = sweepAttempt(subjectOf(writing, rollout, row), now)
    if (transition === null) {
      armAttempt(writing, rollout, row)
      continue
    }
    applyTransition(writing, rollout, [row], transition, now)
    const { attempt_id: attemptId, outcome, worker_id: workerId } = transition.attempts[0]!.attempt
    const { rollout_id: rolloutId } = rollout.entry.rollout
    writing.log('warn', 'attempt ended by the store', { rolloutId, attemptId, outcome, workerId })
  }
}
