import { isLive, isQueuing } from '@agl/store-kit'
import type { Attempt, RolloutStatus } from '@agl/types'
import { separator } from '../records.ts'
import { statuses } from '../rollouts.ts'
import type { FoundKeys } from './find-keys.ts'
import type { RedisInspection } from './inspection.ts'
import { judgeRollout } from './judge-rollout.ts'
import { atomically, type Command, forEachStep, type Look, stepSize, violate } from './look.ts'
import { commandsOf, decodeRecord, type InspectedRollout, readRecords } from './rollout-record.ts'
import { microsPerSecond, readSets, type Sets } from './rollout-sets.ts'

/** What is gathered of all rollouts. */
export interface RolloutsFound {
  readonly statuses: Record<RolloutStatus, number>
  readonly queue: RedisInspection['queue']
  readonly live: number
  readonly nextDeadline: RedisInspection['attempts']['nextDeadline']
  /** Live attempts by the worker that they name. */
  readonly byWorker: ReadonlyMap<string, readonly Attempt[]>
  /** Those that have or had spans. */
  readonly withSpans: readonly string[]
}

/** Checks each rollout against the sets and lists that should have it. @param onRollout gets each record once */
export async function inspectRollouts(
  look: Look,
  found: FoundKeys,
  onRollout: (rollout: InspectedRollout) => void,
): Promise<RolloutsFound> {
  const sets = await readSets(look, found)
  const counts = Object.fromEntries(statuses.map((status) => [status, 0])) as Record<RolloutStatus, number>
  const byWorker = new Map<string, Attempt[]>()
  const withSpans: string[] = []
  const suspects: string[] = []
  let live = 0
  let validEntries = 0
  let oldest: RedisInspection['queue']['oldest'] = null
  const waiting = new Map<number, number>()
  let count = 0

  const take = (row: InspectedRollout): void => {
    onRollout(row)
    const { rollout, attempts, text } = row
    counts[rollout.status] = (counts[rollout.status] ?? 0) + 1
    if (text.spans.arrived > 0) withSpans.push(row.id)
    if (isQueuing(rollout.status)) {
      waiting.set(text.priority, (waiting.get(text.priority) ?? 0) + 1)
      if (oldest === null || rollout.start_time < oldest.startTime) oldest = { rolloutId: row.id, startTime: rollout.start_time }
    }
    for (const attempt of attempts.filter(({ status }) => isLive(status))) {
      live++
      const { worker_id: workerId } = attempt
      if (workerId === null || workerId === '') continue
      const known = byWorker.get(workerId)
      if (known === undefined) byWorker.set(workerId, [attempt])
      else known.push(attempt)
    }
  }

  const named = (['rollout', 'body', 'attempts'] as const).flatMap((kind) => [...found.ids.get(kind)!])
  const ids = new Set([...named, ...sets.scores.keys(), ...sets.deadlines.keys()])
  await forEachStep(look, ids, stepSize, async (step) => {
    const records = await readRecords(look, step)
    for (const [index, record] of records.entries()) {
      const id = step[index]!
      const { row } = record
      const surroundings = sets.of(id, row === 'broken' ? null : row)
      validEntries += surroundings.queued.length
      if (row !== null && row !== 'broken') take(row)
      if (judgeRollout(id, record, surroundings).length > 0) suspects.push(id)
    }
    count += step.length
    look.tell('rollouts', count)
  })
  await forEachStep(look, suspects, 20, async (step) => {
    await Promise.all(step.map((id) => lookAgain(look, id, sets)))
  })
  return {
    statuses: counts,
    queue: {
      priorities: [...waiting]
        .map(([priority, length]) => ({ priority, waiting: length }))
        .toSorted((a, b) => b.priority - a.priority),
      stale: Math.max(0, sets.queueEntries - validEntries),
      oldest,
    },
    live,
    nextDeadline: sets.nextDeadline,
    byWorker,
    withSpans,
  }
}

/** At one moment: where the entries of lists should be is asked first, and again if it changed until they were counted. */
async function lookAgain(look: Look, id: string, { priorities, deadlines }: Sets): Promise<void> {
  const { keys } = look
  for (;;) {
    look.throwIfAborted()
    const [before] = await readRecords(look, [id])
    const known = before === undefined || before.row === 'broken' ? null : before.row
    const own = Array.from({ length: known?.lastAttempt ?? 0 }, (_, index) => index + 1)
    // A command needs at least one.
    const numbers = [...new Set([1, ...own, ...(deadlines.get(id)?.keys() ?? [])])]
    const place = `${known?.text.place ?? ''}${separator}${id}`
    const end = `${known?.ended ?? ''}${separator}${id}`
    const lists = known === null ? priorities : [...new Set([...priorities, String(known.text.priority)])]
    const commands: Command[] = [
      ...commandsOf(look, id),
      ['zscore', keys.of('statuses'), id],
      ['zmscore', keys.of('deadlines'), ...numbers.map((number) => `${number}${separator}${id}`)],
      ['lpos', keys.of('ended'), end, 'COUNT', 0],
      ['lpos', keys.of('endedWithSpans'), end, 'COUNT', 0],
      ...lists.map((priority): Command => ['lpos', keys.of('queue', priority), place, 'COUNT', 0]),
    ]
    const replies = await atomically(look, commands)
    const [text, body, earlier, score, scores, ended, endedWithSpans, ...queued] = replies as [
      string | null,
      string | null,
      Readonly<Record<string, string>>,
      string | null,
      readonly (string | null)[],
      ...(readonly number[])[],
    ]
    const record = decodeRecord(id, text, body, earlier)
    const after = record.row === 'broken' ? null : record.row
    const hasMoved = after?.text.place !== known?.text.place || after?.ended !== known?.ended
    if (hasMoved || after?.lastAttempt !== known?.lastAttempt) continue
    const findings = judgeRollout(id, record, {
      score: score === null ? null : Number(score),
      queued: lists.flatMap((priority, index) => queued[index]!.map(() => Number(priority))),
      deadlines: new Map(
        scores.flatMap((moment, index) => (moment === null ? [] : [[numbers[index]!, Number(moment) / microsPerSecond]])),
      ),
      endedEntries: ended!.length,
      endedWithSpansEntries: endedWithSpans!.length,
    })
    for (const [invariant, message] of findings) violate(look, invariant, [id], message)
    return
  }
}
