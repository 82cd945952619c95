import { idempotencyConflict, idempotencyLifetimeSeconds, type RememberedKey, readJson, writeJson } from '@agl/store-kit'
import type { Reading, Writing } from './state.ts'
import { checkText } from './text.ts'

/*
 * Answers are written in the transaction of what they answer: a retry after a crash finds both or neither.
 */

interface StoredAnswer {
  readonly verb: string
  readonly time: number
  readonly answer: string
}

/**
 * What the first call with this key answered within the last 10 minutes; undefined when there was none.
 * @throws AglError `conflict` for a key of another verb
 */
export function findAnswer<Answer>(reading: Reading, verb: string, key: string): { readonly answer: Answer } | undefined {
  checkText(key, 'idempotency key')
  const stored = reading.database.get<StoredAnswer>('SELECT verb, time, answer FROM answers WHERE key = ?', key)
  if (stored === undefined || reading.state.clock.now() - stored.time > idempotencyLifetimeSeconds) return undefined
  if (stored.verb !== verb) throw idempotencyConflict(key, verb, stored.verb)
  return { answer: readJson<Answer>(stored.answer) }
}

export function keepAnswer(writing: Writing, verb: string, key: string, answer: unknown): void {
  const time = writing.state.clock.now()
  writing.database.run('DELETE FROM answers WHERE time < ?', time - idempotencyLifetimeSeconds)
  putAnswer(writing, { verb, key, time, answer })
}

export function putAnswer({ database }: Writing, { verb, key, time, answer }: RememberedKey): void {
  checkText(key, 'idempotency key')
  const text = writeJson(answer ?? null, 'the answer')
  database.run('INSERT OR REPLACE INTO answers (key, verb, time, answer) VALUES (?, ?, ?, ?)', key, verb, time, text)
}

/** Oldest first. */
export function readAnswers({ database, state }: Reading): readonly RememberedKey[] {
  const stored = database.all<StoredAnswer & { readonly key: string }>(
    'SELECT key, verb, time, answer FROM answers WHERE time >= ? ORDER BY time',
    state.clock.now() - idempotencyLifetimeSeconds,
  )
  return stored.map(({ key, verb, time, answer }) => ({ verb, key, time, answer: readJson(answer) }))
}

/** What `work` answers, or what it answered to the first call with this key. */
export function once<Answer>(writing: Writing, verb: string, key: string | undefined, work: () => Answer): Answer {
  if (key === undefined) return work()
  const earlier = findAnswer<Answer>(writing, verb, key)
  if (earlier !== undefined) return earlier.answer
  const answer = work()
  keepAnswer(writing, verb, key, answer)
  return answer
}
