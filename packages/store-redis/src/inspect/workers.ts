import { isLive } from '@agl/store-kit'
import type { Attempt } from '@agl/types'
import { runningCount, separator, type WorkerFields } from '../records.ts'
import { readWorkers } from '../workers.ts'
import type { FoundKeys } from './find-keys.ts'
import type { RedisInspection } from './inspection.ts'
import { atomically, type Command, forEachStep, type Look, violate } from './look.ts'
import { readAttempts, readText } from './rollout-record.ts'

const mostAtATime = 20

/** How often a worker is looked at before it is called too busy for it: it may have other work each time. */
const mostTries = 50

/** Checks what workers run. @param byWorker the live attempts that name each */
export async function inspectWorkers(
  look: Look,
  found: FoundKeys,
  byWorker: ReadonlyMap<string, readonly Attempt[]>,
): Promise<RedisInspection['workers']> {
  const workers = await readWorkers(look.state)
  const listed = await look.connection.run((client) => client.zrange(look.keys.of('workers'), '0', '-1'))
  const ids = new Set([...listed, ...found.ids.get('worker')!, ...byWorker.keys(), ...found.ids.get('running')!])
  await forEachStep(look, ids, mostAtATime, async (step) => {
    await Promise.all(step.map((id) => inspectWorker(look, id, byWorker.get(id) ?? [])))
  })
  return { known: workers.length, busy: workers.filter(({ fields }) => runningCount(fields) > 0).length }
}

/** What one moment has of a worker. */
interface Seen {
  readonly id: string
  readonly fields: WorkerFields
  readonly isListed: boolean
  /** What it runs, of which some may be over: `<rollout>\u001f<attempt>` each. */
  readonly entries: readonly string[]
  /** The live attempts that name it. */
  readonly live: readonly Attempt[]
}

/** At one moment, with the rollouts that may be its: those that were, and those that it names, which are asked first. */
async function inspectWorker(look: Look, id: string, before: readonly Attempt[]): Promise<void> {
  const { keys } = look
  const own: readonly Command[] = [
    ['hgetall', keys.of('worker', id)],
    ['zscore', keys.of('workers'), id],
    ['lrange', keys.of('running', id), 0, -1],
  ]
  const past = before.map((attempt) => attempt.rollout_id)
  let known = new Set(past)
  for (let tries = 0; tries < mostTries; tries++) {
    look.throwIfAborted()
    const rolloutIds = [...known]
    const commands = rolloutIds.flatMap((rolloutId): readonly Command[] => [
      ['get', keys.of('rollout', rolloutId)],
      ['hgetall', keys.of('attempts', rolloutId)],
    ])
    const [fields, place, entries, ...rollouts] = (await atomically(look, [...own, ...commands])) as [
      WorkerFields,
      string | null,
      readonly string[],
      ...(string | null | Readonly<Record<string, string>>)[],
    ]
    const named = [...entries.map((entry) => entry.split(separator)[0]!), ...(fields['r'] ? [fields['r']] : [])]
    if (named.some((rolloutId) => !known.has(rolloutId))) {
      known = new Set([...past, ...named])
      continue
    }
    const live = rolloutIds.flatMap((rolloutId, index) => {
      const text = rollouts[2 * index] as string | null
      const earlier = rollouts[2 * index + 1] as Readonly<Record<string, string>>
      return attemptsOf(rolloutId, text, earlier).filter(({ status, worker_id: name }) => isLive(status) && name === id)
    })
    judge(look, { id, fields, isListed: place !== null, entries, live })
    return
  }
  look.unchecked.push(`workers: ${id} had other work each of the ${mostTries} times that it was looked at`)
}

/** None of a rollout that is not there or cannot be read. */
function attemptsOf(rolloutId: string, stored: string | null, earlier: Readonly<Record<string, string>>): readonly Attempt[] {
  const text = stored === null ? null : readText(rolloutId, stored)
  return text === null ? [] : (readAttempts(rolloutId, text, earlier) ?? [])
}

function judge(look: Look, { id, fields, isListed, entries, live }: Seen): void {
  const tell = (message: string): void => violate(look, 'workers', [id], message)
  if (fields['s'] === undefined) {
    if (isListed) tell(`The set of workers has ${id}, of which there is no record.`)
    if (live.length > 0) tell(`Worker ${id} is not known, and ${live.length} live attempts name it.`)
    else if (entries.length > 0) tell(`Worker ${id} is not known and has a list of what it runs.`)
    return
  }
  if (!isListed) tell(`Worker ${id} is not in the set of workers.`)
  const { r: rolloutId = '', a: attemptId = '', l: length = '0' } = fields
  const count = runningCount(fields)
  if (count !== live.length) tell(`Worker ${id} counts ${count} running attempts, and ${live.length} live attempts name it.`)
  if (Number(length) !== entries.length) tell(`Worker ${id} says that its list has ${length} entries; it has ${entries.length}.`)
  // Only who runs more than one has a list.
  const running = new Set(entries.length === 0 ? [`${rolloutId}${separator}${attemptId}`] : entries)
  for (const attempt of live) {
    if (running.has(`${attempt.rollout_id}${separator}${attempt.attempt_id}`)) continue
    tell(
      `Worker ${id} runs attempt ${attempt.attempt_id} of rollout ${attempt.rollout_id}, which is neither in its list nor its only one.`,
    )
  }
}
