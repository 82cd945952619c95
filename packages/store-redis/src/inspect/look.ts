import { Cluster, type Redis } from 'ioredis'
import type { RedisState } from '../state.ts'
import type { Invariant, Violation } from './inspection.ts'

/*
 * How a store is looked at while others work on it. First everything is read in steps, and what does not fit is suspected: it may
 * have changed between two steps. Then each suspect is read once more by one short script, which sees one moment, and only what
 * does not fit there is a violation: scripts are atomic, so that every invariant holds between any two of them. What lies in two
 * slots of a cluster is read in the order in which it is deleted, so that no order of events can make it look broken.
 */
export interface Look extends Pick<RedisState, 'connection' | 'keys'> {
  readonly state: RedisState
  readonly violations: Violation[]
  readonly unchecked: string[]
  /** @param stage what is counted */
  tell(stage: string, count: number): void
  throwIfAborted(): void
}

export function violate({ violations }: Look, invariant: Invariant, ids: readonly string[], message: string): void {
  violations.push({ invariant, ids, message })
}

export type Command = readonly [name: string, ...args: (string | number)[]]

/**
 * A script and not MULTI, in which a server whose memory is full refuses even reads.
 *
 * ARGV per command: how many words it has, and these.
 */
const readAll = `#!lua flags=no-writes
local replies, at = {}, 1
while at <= #ARGV do
  local last = at + ARGV[at]
  replies[#replies + 1] = redis.call(unpack(ARGV, at + 1, last))
  at = last + 1
end
return replies`

/** What commands that only read, on the keys of one store that lie together, answer at one moment. */
export async function atomically({ connection, keys }: Look, commands: readonly Command[]): Promise<readonly unknown[]> {
  const words = commands.flatMap((command) => [command.length, ...command])
  const replies = (await connection.run((client) => client.eval(readAll, 1, keys.prefix, ...words))) as readonly unknown[]
  return commands.map(([name], index) => (name === 'hgetall' ? toRecord(replies[index] as readonly string[]) : replies[index]))
}

/** A script gets fields and values as one list. */
function toRecord(list: readonly string[]): Readonly<Record<string, string>> {
  const record: Record<string, string> = {}
  for (let index = 0; index < list.length; index += 2) record[list[index]!] = list[index + 1]!
  return record
}

/** The servers that have keys. */
export async function primariesOf({ connection }: Look): Promise<readonly Redis[]> {
  return connection.run(async (client) => (client instanceof Cluster ? client.nodes('master') : [client]))
}

/** Elements read, and subjects looked at, in one step. */
export const stepSize = 500

export async function forEachStep<Item>(
  look: Look,
  items: Iterable<Item>,
  size: number,
  work: (step: readonly Item[]) => Promise<void>,
): Promise<void> {
  let step: Item[] = []
  const flush = async (): Promise<void> => {
    look.throwIfAborted()
    const full = step
    step = []
    if (full.length > 0) await work(full)
  }
  for (const item of items) {
    step.push(item)
    if (step.length === size) await flush()
  }
  await flush()
}

/** The members of a sorted set with their scores; all that are there from beginning to end, each at least once. */
export async function* scanScores(look: Look, key: string): AsyncGenerator<readonly [member: string, score: number], void, void> {
  let cursor = '0'
  do {
    look.throwIfAborted()
    const [next, found] = await look.connection.run((client) => client.zscan(key, cursor, 'COUNT', stepSize))
    for (let index = 0; index < found.length; index += 2) yield [found[index]!, Number(found[index + 1])]
    cursor = next
  } while (cursor !== '0')
}

export async function* scanMembers(look: Look, key: string): AsyncGenerator<string, void, void> {
  let cursor = '0'
  do {
    look.throwIfAborted()
    const [next, found] = await look.connection.run((client) => client.sscan(key, cursor, 'COUNT', stepSize))
    yield* found
    cursor = next
  } while (cursor !== '0')
}

/** The elements of a list; those that move while it is read may be missed or come twice. */
export async function* readList(look: Look, key: string): AsyncGenerator<string, void, void> {
  for (let start = 0; ; start += stepSize) {
    look.throwIfAborted()
    const found = await look.connection.run((client) => client.lrange(key, start, start + stepSize - 1))
    yield* found
    if (found.length < stepSize) return
  }
}
