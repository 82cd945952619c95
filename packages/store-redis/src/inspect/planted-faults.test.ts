import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { separator } from '../records.ts'
import { startServer, type TestServer } from '../redis-server.test-support.ts'
import { scoreOf } from '../rollouts.ts'
import { fillStore, type FilledStore } from './filled-store.test-support.ts'
import { inspectRedisStore } from './inspect.ts'
import { type Invariant, invariants } from './inspection.ts'

let server: TestServer
let admin: Redis
beforeAll(async () => {
  server = await startServer()
  admin = new Redis(server.url)
})
afterAll(async () => {
  admin.disconnect()
  await server.stop()
})

async function fill(): Promise<FilledStore> {
  const filled = await fillStore({ url: server.url })
  await filled.store.close()
  return filled
}

const inspect = ({ namespace }: { readonly namespace: string }) => inspectRedisStore({ url: server.url, namespace })

/** Something that should not be, put there behind the store's back. */
interface Fault {
  readonly invariant: Invariant
  readonly what: string
  plant(filled: FilledStore): Promise<unknown>
  /** What the first violation must name. */
  names(filled: FilledStore): string
  readonly message: RegExp
}

const runningId = ({ running }: FilledStore): string => running.rollout_id
const finishedId = ({ finished }: FilledStore): string => finished.rollout_id
const bodiesOf = async ({ namespace }: FilledStore, rolloutId: string): Promise<string> =>
  (await admin.keys(`agl:1:{${namespace}:${rolloutId}}:spans:*`))[0]!
/** Changes a part of the text of a rollout; see `include/rollouts.lua`. */
async function changePart({ keys }: FilledStore, id: string, part: number, change: (text: string) => string): Promise<void> {
  const parts = (await admin.get(keys.of('rollout', id)))!.split(separator)
  parts[part] = change(parts[part]!)
  await admin.set(keys.of('rollout', id), parts.join(separator))
}
const move = (key: string, field: string, by: number) => admin.hincrby(key, field, by)

const faults: readonly Fault[] = [
  {
    invariant: 'known_keys',
    what: 'a key that the store does not know',
    plant: ({ keys }) => admin.set(`${keys.prefix}mystery`, '1'),
    names: ({ keys }) => `${keys.prefix}mystery`,
    message: /no kind/,
  },
  {
    invariant: 'known_keys',
    what: 'a key of another type',
    plant: async ({ keys }) => {
      await admin.del(keys.of('ended'))
      await admin.set(keys.of('ended'), '1')
    },
    names: ({ keys }) => keys.of('ended'),
    message: /should be a list and is a string/,
  },
  {
    invariant: 'records',
    what: 'a rollout whose text has another form',
    plant: (filled) => admin.set(filled.keys.of('rollout', runningId(filled)), 'running'),
    names: runningId,
    message: /cannot be read/,
  },
  {
    invariant: 'records',
    what: 'a rollout of a status that is none',
    plant: (filled) => changePart(filled, runningId(filled), 0, () => 'sleeping'),
    names: runningId,
    message: /cannot be read/,
  },
  {
    invariant: 'records',
    what: 'a rollout whose last attempt has no number',
    plant: (filled) => changePart(filled, runningId(filled), 9, () => ''),
    names: runningId,
    message: /cannot be read/,
  },
  {
    invariant: 'records',
    what: 'an earlier attempt that lies at the number of another',
    plant: async ({ keys, requeued }) => {
      const key = keys.of('attempts', requeued)
      await admin.hset(key, '0', (await admin.hget(key, '1'))!)
    },
    names: ({ requeued }) => requeued,
    message: /cannot be read/,
  },
  {
    invariant: 'records',
    what: 'an attempt beside the rollout that is its last one',
    plant: async ({ keys, running }) => {
      const text = (await admin.get(keys.of('rollout', running.rollout_id)))!
      const last = text.split(separator).slice(8).join(separator)
      await admin.hset(keys.of('attempts', running.rollout_id), '1', last)
    },
    names: runningId,
    message: /attempt 1 among those before its last one, which is 1/,
  },
  {
    invariant: 'records',
    what: 'attempts of no rollout',
    plant: async ({ keys, requeued }) =>
      admin.hset(keys.of('attempts', 'ro-ghost'), (await admin.hgetall(keys.of('attempts', requeued))) as object),
    names: () => 'ro-ghost',
    message: /attempts of rollout ro-ghost and no such rollout/,
  },
  {
    invariant: 'records',
    what: 'a rollout without a body',
    plant: (filled) => admin.del(filled.keys.of('body', runningId(filled))),
    names: runningId,
    message: /has no body/,
  },
  {
    invariant: 'records',
    what: 'a body without a rollout',
    plant: ({ keys }) => admin.set(keys.of('body', 'ro-ghost'), `${separator}1`),
    names: () => 'ro-ghost',
    message: /body of rollout ro-ghost and no such rollout/,
  },
  {
    invariant: 'records',
    what: 'limits that are not those of the body',
    plant: (filled) => changePart(filled, filled.requeued, 5, (limits) => limits.replace('600', '601')),
    names: ({ requeued }) => requeued,
    message: /has the limits "601,/,
  },
  {
    invariant: 'status_index',
    what: 'a rollout that the index has with another status',
    plant: ({ keys, queued }) => admin.zadd(keys.of('statuses'), scoreOf('failed', 12), queued),
    names: ({ queued }) => queued,
    message: /is queuing, at/,
  },
  {
    invariant: 'status_index',
    what: 'a rollout that the index does not have',
    plant: ({ keys, queued }) => admin.zrem(keys.of('statuses'), queued),
    names: ({ queued }) => queued,
    message: /does not have it/,
  },
  {
    invariant: 'status_index',
    what: 'an index entry without a rollout',
    plant: ({ keys }) => admin.zadd(keys.of('statuses'), scoreOf('failed', 99), 'ro-ghost'),
    names: () => 'ro-ghost',
    message: /no record/,
  },
  {
    invariant: 'status_index',
    what: 'a record that is gone',
    plant: ({ keys, urgent }) => admin.del(keys.of('rollout', urgent)),
    names: ({ urgent }) => urgent,
    message: /no record/,
  },
  {
    invariant: 'queue',
    what: 'a rollout that waits in no list',
    plant: ({ keys }) => admin.del(keys.of('queue', '5')),
    names: ({ urgent }) => urgent,
    message: /in no list/,
  },
  {
    invariant: 'queue',
    what: 'a rollout that is in the queue twice',
    plant: async ({ keys }) => admin.rpush(keys.of('queue', '5'), (await admin.lindex(keys.of('queue', '5'), 0))!),
    names: ({ urgent }) => urgent,
    message: /lists of priority 5, 5/,
  },
  {
    invariant: 'queue',
    what: 'a rollout that is in the list of another priority',
    plant: async ({ keys }) => admin.lmove(keys.of('queue', '5'), keys.of('queue', '0'), 'LEFT', 'RIGHT'),
    names: ({ urgent }) => urgent,
    message: /lists of priority 0/,
  },
  {
    invariant: 'queue',
    what: 'a list that no claim looks at',
    plant: ({ keys }) => admin.hset(keys.of('control'), 'priorities', ',0,'),
    names: () => '5',
    message: /No claim looks/,
  },
  {
    invariant: 'deadlines',
    what: 'a live attempt that nobody will look at',
    plant: (filled) => admin.zrem(filled.keys.of('deadlines'), `1${separator}${runningId(filled)}`),
    names: runningId,
    message: /nobody will look/,
  },
  {
    invariant: 'deadlines',
    what: 'a live attempt that is looked at too late',
    plant: (filled) => admin.zincrby(filled.keys.of('deadlines'), 5e9, `1${separator}${runningId(filled)}`),
    names: runningId,
    message: /only at/,
  },
  {
    invariant: 'deadlines',
    what: 'an attempt that is not live and is to be looked at',
    plant: (filled) => admin.zadd(filled.keys.of('deadlines'), 1e16, `1${separator}${finishedId(filled)}`),
    names: finishedId,
    message: /not live/,
  },
  {
    invariant: 'deadlines',
    what: 'an attempt of no rollout that is to be looked at',
    plant: ({ keys }) => admin.zadd(keys.of('deadlines'), 1e16, `7${separator}ro-ghost`),
    names: () => 'ro-ghost',
    message: /no such rollout/,
  },
  {
    invariant: 'ended_lists',
    what: 'a finished rollout that no list of ends has',
    plant: ({ keys }) => admin.lpop(keys.of('ended')),
    names: finishedId,
    message: /0 times in the list of ends/,
  },
  {
    invariant: 'ended_lists',
    what: 'a finished rollout with spans that their list of ends does not have',
    plant: ({ keys }) => admin.del(keys.of('endedWithSpans')),
    names: finishedId,
    message: /list of ends with spans/,
  },
  {
    invariant: 'workers',
    what: 'a worker that is not known',
    plant: ({ keys }) => Promise.all([admin.del(keys.of('worker', 'w2')), admin.zrem(keys.of('workers'), 'w2')]),
    names: () => 'w2',
    message: /not known, and 2 live attempts/,
  },
  {
    invariant: 'workers',
    what: 'a worker without a record',
    plant: ({ keys }) => admin.del(keys.of('worker', 'idle')),
    names: () => 'idle',
    message: /The set of workers has idle, of which there is no record/,
  },
  {
    invariant: 'workers',
    what: 'a worker that is not in the set',
    plant: ({ keys }) => admin.zrem(keys.of('workers'), 'idle'),
    names: () => 'idle',
    message: /not in the set/,
  },
  {
    invariant: 'workers',
    what: 'a worker that counts wrong',
    plant: ({ keys }) => admin.hset(keys.of('worker', 'w2'), 'n', 3),
    names: () => 'w2',
    message: /counts 3 running attempts, and 2/,
  },
  {
    invariant: 'workers',
    what: 'a list that is not as long as its worker says',
    plant: ({ keys }) => admin.hset(keys.of('worker', 'w2'), 'l', 7),
    names: () => 'w2',
    message: /its list has 7 entries; it has 2/,
  },
  {
    invariant: 'workers',
    what: 'a live attempt that is not in the list of its worker',
    plant: ({ keys }) => Promise.all([admin.lpop(keys.of('running', 'w2')), admin.hset(keys.of('worker', 'w2'), 'l', 1)]),
    names: () => 'w2',
    message: /neither in its list/,
  },
  {
    invariant: 'workers',
    what: 'a live attempt that is not the only one of its worker',
    plant: ({ keys }) => Promise.all([admin.del(keys.of('running', 'w2')), admin.hset(keys.of('worker', 'w2'), 'l', 0)]),
    names: () => 'w2',
    message: /nor its only one/,
  },
  {
    invariant: 'workers',
    what: 'a list of a worker that is not known',
    plant: ({ keys }) => admin.rpush(keys.of('running', 'ghost'), `ro-1${separator}at-1`),
    names: () => 'ghost',
    message: /has a list/,
  },
  {
    invariant: 'span_places',
    what: 'a span without its place',
    plant: async (filled) => {
      const key = filled.keys.of('spanIndex', finishedId(filled))
      await admin.hdel(key, (await admin.hkeys(key))[0]!)
    },
    names: finishedId,
    message: /3 spans arrived; the index of its spans has 2/,
  },
  {
    invariant: 'span_places',
    what: 'two spans at one place',
    plant: async (filled) => {
      const key = filled.keys.of('spanIndex', finishedId(filled))
      const fields = await admin.hkeys(key)
      await admin.hset(key, fields[1]!, (await admin.hget(key, fields[0]!))!)
    },
    names: finishedId,
    message: /two spans at place/,
  },
  {
    invariant: 'span_places',
    what: 'a span of an attempt that never was',
    plant: async (filled) => {
      await admin.hset(filled.keys.of('spanIndex', finishedId(filled)), '9:span', '4')
      await changePart(filled, finishedId(filled), 6, (spans) => spans.replace(',3,', ',4,'))
    },
    names: finishedId,
    message: /attempt that it does not have/,
  },
  {
    invariant: 'span_places',
    what: 'an index of spans of no rollout',
    plant: ({ keys }) => admin.hset(keys.of('spanIndex', 'ro-ghost'), '1:span', '1:1'),
    names: () => 'ro-ghost',
    message: /no such rollout/,
  },
  {
    invariant: 'span_bodies',
    what: 'a body without a place',
    plant: async (filled) => admin.hset(await bodiesOf(filled, finishedId(filled)), '17', '17 {}'),
    names: finishedId,
    message: /without a place: 17/,
  },
  {
    invariant: 'span_bodies',
    what: 'bodies of no rollout',
    plant: ({ keys }) => admin.hset(keys.spans('ro-ghost', '3'), '1', '1 {}'),
    names: ({ keys }) => keys.spans('ro-ghost', '3'),
    message: /is not there/,
  },
  {
    invariant: 'span_bodies',
    what: 'bodies of a rollout that has its spans elsewhere',
    plant: (filled) => admin.hset(filled.keys.spans(finishedId(filled), '3.1'), '1', '1 {}'),
    names: (filled) => filled.keys.spans(finishedId(filled), '3.1'),
    message: /elsewhere/,
  },
  {
    invariant: 'trash',
    what: 'spans in use that are noted to be deleted',
    plant: async (filled) => {
      const place = (await bodiesOf(filled, finishedId(filled))).split(':').at(-1)!
      return admin.sadd(filled.keys.of('trash'), `${place}${separator}${finishedId(filled)}`)
    },
    names: finishedId,
    message: /are in use/,
  },
  {
    invariant: 'resources',
    what: 'a version that is not stored',
    plant: ({ keys, resourcesId }) => admin.hdel(keys.of('versions', resourcesId), '2'),
    names: ({ resourcesId }) => resourcesId,
    message: /in the order of versions and not stored/,
  },
  {
    invariant: 'resources',
    what: 'a version that the order does not have',
    plant: ({ keys, resourcesId }) => admin.zrem(keys.of('resourcesOrder'), `2${separator}${resourcesId}`),
    names: ({ resourcesId }) => resourcesId,
    message: /not in the order/,
  },
  {
    invariant: 'resources',
    what: 'versions without a history',
    plant: ({ keys, resourcesId }) => admin.hdel(keys.of('resources'), resourcesId),
    names: ({ resourcesId }) => resourcesId,
    message: /no history/,
  },
  {
    invariant: 'resources',
    what: 'an alias of a version that is not stored',
    plant: ({ keys, resourcesId }) => admin.hset(keys.of('aliases'), 'bad', ['1', '8', '1', resourcesId].join(separator)),
    names: () => 'bad',
    message: /points to version 8/,
  },
  {
    invariant: 'feed',
    what: 'a feed that is longer than it was counted',
    plant: ({ keys }) => admin.xadd(keys.of('feed'), '9999-0', 'e', '[]'),
    names: () => '9999-0',
    message: /were counted/,
  },
  ...['attempts', 'bytes', 'finished_bytes', 'spans', 'span_bytes', 'resources', 'resources_bytes'].map((name): Fault => ({
    invariant: 'counters',
    what: `${name} that were counted wrong`,
    plant: ({ keys }) => move(keys.of('control'), name, 1),
    names: () => name,
    message: /The total/,
  })),
]

describe('each fault is found and named', () => {
  test.each(faults)('$invariant: $what', async ({ invariant, plant, names, message }) => {
    const filled = await fill()
    expect((await inspect(filled)).violations).toEqual([])
    await plant(filled)
    const found = (await inspect(filled)).violations.filter((violation) => violation.invariant === invariant)
    expect(found).not.toEqual([])
    expect(found[0]!.ids).toContain(names(filled))
    expect(found[0]!.message).toMatch(message)
  })

  test('memory_policy: a server that drops keys', async () => {
    const filled = await fill()
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru')
    onTestFinished(() => admin.config('SET', 'maxmemory-policy', 'noeviction').then(() => {}))
    expect((await inspect(filled)).violations).toEqual([
      { invariant: 'memory_policy', ids: [server.url], message: expect.stringContaining('allkeys-lru') },
    ])
  })

  test('every invariant has a fault that breaks it', () => {
    const planted = new Set<Invariant>([...faults.map(({ invariant }) => invariant), 'memory_policy'])
    expect([...planted].toSorted()).toEqual([...invariants].toSorted())
  })
})
