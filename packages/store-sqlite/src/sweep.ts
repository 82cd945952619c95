import { sweepAttempt, type Transition } from '@agl/store-kit'
import { errorMessage } from '@agl/types'
import { applyTransition, armAttempt } from './apply.ts'
import { isSqliteError } from './database/errors.ts'
import { attemptColumns, attemptOf, type AttemptRow, rolloutAt, type RolloutRow, type StoredAttempt, subjectOf } from './rows.ts'
import type { Reading, Writing } from './state.ts'

/** Attempts ended in one transaction; the rest follow in the next, so that no call waits long for them. */
const sweepLimit = 200

/** When an attempt whose rows cannot be read is looked at again, in seconds. */
const unreadableRetrySeconds = 3600

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
    const subject = readSubject(writing, stored, now)
    if (subject === null) continue
    const { row, rollout, transition } = subject
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

/** Null for an attempt whose rows cannot be read: it must not keep every other call from the store. */
function readSubject(
  writing: Writing,
  stored: StoredAttempt & { readonly rollout: number },
  now: number,
): { readonly row: AttemptRow; readonly rollout: RolloutRow; readonly transition: Transition | null } | null {
  try {
    const row = attemptOf(stored)
    const rollout = rolloutAt(writing, stored.rollout)
    return { row, rollout, transition: sweepAttempt(subjectOf(writing, rollout, row), now) }
  } catch (error) {
    // Of the file, not of the row.
    if (isSqliteError(error)) throw error
    writing.database.run('UPDATE attempts SET deadline = ? WHERE ordinal = ?', now + unreadableRetrySeconds, stored.ordinal)
    const { ordinal, rollout } = stored
    writing.log('warn', 'an attempt past its limit cannot be read; it is left as it is', {
      ordinal,
      rollout,
      error: errorMessage(error),
    })
    return null
  }
}
