import { spanOf } from '@agl/store-kit/testing'
import type { AttemptedRollout, NewSpan, StoreEvent } from '@agl/types'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createRedisStore, type RedisStore } from './create-redis-store.ts'
import { startProxy } from './proxy.test-support.ts'
import { startTcpServer, type TestServer } from './redis-server.test-support.ts'
import { newNamespace } from './test-store.test-support.ts'

/*
 * Each verb is called twice for each of its round trips; each time another question is lost on its way to the server, or another
 * answer of the server after it has done what it was asked. The call must succeed by itself, and answer and leave behind what it
 * does where nothing is lost.
 */

let server: TestServer & { readonly port: number }
beforeAll(async () => {
  server = await startTcpServer()
})
afterAll(() => server.stop())

/** What a call finds: two rollouts that wait, one that runs, one that has ended, and resources. */
interface Found {
  readonly running: AttemptedRollout
  readonly ended: AttemptedRollout
  /** Of the one that runs. */
  readonly id: { readonly rolloutId: string; readonly attemptId: string }
  readonly spans: readonly NewSpan[]
}

const resources = { prompt: { resource_type: 'prompt_template', template: 'x', engine: 'f-string' } } as const
const limits = { max_attempts: 3, retry_condition: ['failed'] } as const

async function prepare(store: RedisStore): Promise<Found> {
  for (const resourcesId of ['a', 'b']) {
    await store.updateResources({ resourcesId, resources })
    await store.updateResources({ resourcesId, resources: {} })
  }
  await store.setResourcesAlias({ alias: 'stable', resourcesId: 'a', version: 1 })
  const start = (id: string): Promise<AttemptedRollout> =>
    store.startRollout({ rollout: { input: id, rollout_id: id, config: limits }, workerId: 'w', leaseMs: 60_000 })
  const [running, ended] = [await start('running'), await start('ended')]
  for (const claimed of [running, ended]) await store.addSpan(spanOf(claimed, { span_id: 'first' }))
  await store.updateAttempt({ rolloutId: 'ended', attemptId: ended.attempt.attempt_id, status: 'succeeded' })
  for (const id of ['queued-1', 'queued-2']) await store.enqueueRollout({ input: id, rollout_id: id, config: limits })
  const id = { rolloutId: 'running', attemptId: running.attempt.attempt_id }
  const spans = ['first', 'second', 'third'].map((name) => spanOf(running, { span_id: name }))
  return { running, ended, id, spans }
}

type Work = (store: RedisStore, found: Found) => Promise<unknown>

interface Case {
  readonly verb: keyof RedisStore & string
  readonly with?: string
  readonly work: Work
  /** What somebody else does after the first try was carried out and before the next one. */
  readonly meanwhile?: Work
}

async function collect(lines: AsyncIterable<string>): Promise<readonly string[]> {
  const all: string[] = []
  for await (const line of lines) all.push(line)
  return all
}

/** The first event of a feed that is watched before something happens. */
async function watchFirst(store: RedisStore): Promise<StoreEvent> {
  const opened = Promise.withResolvers<void>()
  const events = store.watch({ onOpen: () => opened.resolve() })[Symbol.asyncIterator]()
  const first = events.next()
  await opened.promise
  await store.enqueueRollout({ input: 1, rollout_id: 'news' })
  const { value } = await first
  await events.return?.()
  return { ...(value as StoreEvent), cursor: '' }
}

const otelSpan = {
  name: 'step',
  spanContext: () => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }),
  startTime: [1, 0],
  endTime: [2, 0],
  status: { code: 1 },
  attributes: {},
  events: [],
  links: [],
  resource: { attributes: {} },
} as const

const claimOther: Work = (store) => store.dequeueRollout({ workerId: 'other', leaseMs: 60_000 })
const reopen = { rolloutId: 'ended', status: 'queuing' } as const

const cases: readonly Case[] = [
  { verb: 'startRollout', work: (store) => store.startRollout({ rollout: { input: 1 }, workerId: 'v', leaseMs: 60_000 }) },
  {
    verb: 'startRollout',
    with: 'a key',
    work: (store) => store.startRollout({ rollout: { input: 1, idempotency_key: 'k' } }),
  },
  { verb: 'enqueueRollout', work: (store) => store.enqueueRollout({ input: 1 }) },
  { verb: 'enqueueRollout', with: 'an id', work: (store) => store.enqueueRollout({ input: 1, rollout_id: 'chosen' }) },
  { verb: 'enqueueRollout', with: 'a key', work: (store) => store.enqueueRollout({ input: 1, idempotency_key: 'k' }) },
  { verb: 'enqueueManyRollouts', work: (store) => store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] }) },
  { verb: 'dequeueRollout', work: (store) => store.dequeueRollout({ workerId: 'v', leaseMs: 60_000 }) },
  { verb: 'dequeueRollout', with: 'other claims', work: (store) => store.dequeueRollout(), meanwhile: claimOther },
  { verb: 'dequeueRollout', with: 'a key', work: (store) => store.dequeueRollout({ workerId: 'v', idempotencyKey: 'k' }) },
  { verb: 'dequeueManyRollouts', work: (store) => store.dequeueManyRollouts({ limit: 3, workerId: 'v', capacity: 2 }) },
  { verb: 'startAttempt', work: (store) => store.startAttempt({ rolloutId: 'ended', workerId: 'v', leaseMs: 60_000 }) },
  { verb: 'startAttempt', with: 'a key', work: (store) => store.startAttempt({ rolloutId: 'running', idempotencyKey: 'k' }) },
  { verb: 'releaseAttempt', work: (store, { id }) => store.releaseAttempt(id) },
  { verb: 'cancelRollouts', work: (store) => store.cancelRollouts({ rolloutIds: ['running', 'queued-1', 'ended'] }) },
  {
    verb: 'cancelRollouts',
    with: 'a reopening',
    work: async (store) => (await store.cancelRollouts({ rolloutIds: ['queued-1'] })).length,
    meanwhile: (store) => store.updateRollout({ rolloutId: 'queued-1', status: 'queuing' }),
  },
  { verb: 'deleteRollouts', work: (store) => store.deleteRollouts({ rolloutIds: ['ended', 'running', 'none'] }) },
  { verb: 'addSpan', work: (store, { spans }) => store.addSpan(spans[1]!) },
  { verb: 'addManySpans', work: (store, { spans }) => store.addManySpans({ spans }) },
  { verb: 'addOtelSpan', work: (store, { id }) => store.addOtelSpan({ ...id, span: otelSpan }) },
  { verb: 'querySpans', work: (store) => store.querySpans({ rolloutId: 'running' }) },
  { verb: 'queryRollouts', work: (store) => store.queryRollouts() },
  { verb: 'queryRollouts', with: 'a filter', work: (store) => store.queryRollouts({ rolloutIdContains: 'queued', limit: 1 }) },
  { verb: 'getRolloutById', work: (store) => store.getRolloutById({ rolloutId: 'running' }) },
  { verb: 'queryAttempts', work: (store) => store.queryAttempts({ rolloutId: 'running' }) },
  { verb: 'getLatestAttempt', work: (store) => store.getLatestAttempt({ rolloutId: 'running' }) },
  { verb: 'waitForRollouts', work: (store) => store.waitForRollouts({ rolloutIds: ['ended', 'running'], atLeast: 1 }) },
  { verb: 'waitForRollouts', with: 'an end', work: (store) => store.waitForRollouts({ rolloutIds: ['running'], timeoutMs: 1 }) },
  { verb: 'updateRollout', with: 'a reopening', work: (store) => store.updateRollout(reopen) },
  {
    verb: 'updateRollout',
    with: 'a reopening and a claim',
    work: async (store) => void (await store.updateRollout(reopen)),
    // The two that wait before it, too.
    meanwhile: (store) => store.dequeueManyRollouts({ limit: 3, workerId: 'other' }),
  },
  {
    verb: 'updateRollout',
    with: 'other fields',
    work: (store) => store.updateRollout({ rolloutId: 'queued-1', mode: 'val', metadata: { by: 1 }, resourcesId: 'a' }),
  },
  {
    verb: 'updateRollout',
    with: 'another change',
    work: async (store) => void (await store.updateRollout({ rolloutId: 'queued-1', resourcesId: 'a' })),
    meanwhile: (store) => store.updateRollout({ rolloutId: 'queued-1', resourcesId: 'b', metadata: { by: 2 } }),
  },
  { verb: 'updateRollout', with: 'a key', work: (store) => store.updateRollout({ ...reopen, idempotencyKey: 'k' }) },
  { verb: 'updateAttempt', work: (store, { id }) => store.updateAttempt({ ...id, status: 'succeeded', metadata: { a: 1 } }) },
  {
    verb: 'updateAttempt',
    with: 'a retry',
    work: async (store, { id }) => void (await store.updateAttempt({ ...id, status: 'failed', outcome: 'invalid' })),
    meanwhile: (store) => store.dequeueManyRollouts({ limit: 3, workerId: 'other' }),
  },
  { verb: 'addResources', work: (store) => store.addResources({ resources }) },
  { verb: 'addResources', with: 'a key', work: (store) => store.addResources({ resources, idempotencyKey: 'k' }) },
  {
    verb: 'updateResources',
    work: (store) => store.updateResources({ resourcesId: 'a', resources, expectedVersion: 2 }),
    meanwhile: (store) => store.updateResources({ resourcesId: 'a', resources: {} }),
  },
  {
    verb: 'updateManyResources',
    work: (store) => store.updateManyResources({ updates: ['a', 'b', 'c'].map((resourcesId) => ({ resourcesId, resources })) }),
  },
  { verb: 'getResourcesById', work: (store) => store.getResourcesById({ resourcesId: 'a' }) },
  { verb: 'getLatestResources', work: (store) => store.getLatestResources() },
  { verb: 'queryResources', work: (store) => store.queryResources() },
  { verb: 'queryResourcesVersions', work: (store) => store.queryResourcesVersions({ resourcesId: 'a' }) },
  { verb: 'deleteResources', work: (store) => store.deleteResources({ resourcesId: 'a', version: 2 }) },
  {
    verb: 'setResourcesAlias',
    work: (store) =>
      store.setResourcesAlias({ alias: 'stable', resourcesId: 'b', version: 1, expected: { resourcesId: 'a', version: 1 } }),
    meanwhile: (store) => store.setResourcesAlias({ alias: 'stable', resourcesId: 'b', version: 2 }),
  },
  {
    verb: 'setResourcesAlias',
    with: 'no expectation',
    work: (store) => store.setResourcesAlias({ alias: 'stable', resourcesId: 'b', version: 1 }),
    meanwhile: (store) => store.setResourcesAlias({ alias: 'stable', resourcesId: 'b', version: 2 }),
  },
  { verb: 'getResourcesByAlias', work: (store) => store.getResourcesByAlias({ alias: 'stable' }) },
  { verb: 'queryResourcesAliases', work: (store) => store.queryResourcesAliases() },
  { verb: 'deleteResourcesAlias', work: (store) => store.deleteResourcesAlias({ alias: 'stable' }) },
  { verb: 'queryWorkers', work: (store) => store.queryWorkers() },
  { verb: 'getWorkerById', work: (store) => store.getWorkerById({ workerId: 'w' }) },
  { verb: 'updateWorker', work: (store) => store.updateWorker({ workerId: 'w', heartbeatStats: { load: 1 } }) },
  { verb: 'heartbeat', work: (store, { id }) => store.heartbeat({ workerId: 'w', attempts: [id], capacity: 3, stats: {} }) },
  { verb: 'watch', work: watchFirst },
  { verb: 'exportSnapshot', work: recordsOf },
  { verb: 'statistics', work: async (store) => ({ ...(await store.statistics()), uptime: 0 }) },
]

/** What these give besides is left: sequence ids are never given twice, and none need follow the one before. */
const withGaps: readonly Case[] = [
  { verb: 'getNextSpanSequenceId', work: (store, { id }) => store.getNextSpanSequenceId(id) },
  { verb: 'getManySpanSequenceIds', work: (store, { id }) => store.getManySpanSequenceIds({ attempts: [id, id] }) },
]

/** Times are never the same twice. */
function withoutTimes(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null), (_, item: unknown) => (typeof item === 'number' && item > 1e9 ? 'time' : item))
}

/** The records of a snapshot, with places in the queue from 0. */
async function recordsOf(store: RedisStore): Promise<unknown> {
  const [, ...lines] = await collect(store.exportSnapshot())
  const records = lines.map((line) => JSON.parse(line) as { readonly queue?: number | null })
  const places = records.flatMap(({ queue }) => (queue == null ? [] : [queue])).toSorted((a, b) => a - b)
  return withoutTimes(records.map((record) => ({ ...record, queue: places.indexOf(record.queue ?? -1) })))
}

async function contentsOf(store: RedisStore): Promise<unknown> {
  return { statistics: { ...(await store.statistics()), uptime: 0 }, records: await recordsOf(store) }
}

function openStore(url: string, namespace: string, seed: number): RedisStore {
  const store = createRedisStore({ url, namespace, seed, pollMs: 60_000 })
  onTestFinished(() => store.close())
  return store
}

interface Came {
  readonly answer: unknown
  readonly contents: unknown
  readonly cuts: number
}

/** What is lost: the question or the answer with this number. */
interface Loss {
  readonly question?: number
  readonly answer?: number
}

/** Calls once; answers what came of it. */
async function call(
  { work, meanwhile }: Pick<Case, 'work' | 'meanwhile'>,
  loss: Loss,
  before: (store: RedisStore) => Promise<Found> = prepare,
): Promise<{ readonly came: Came; readonly requests: number; readonly replies: number }> {
  const proxy = await startProxy(server.port)
  const namespace = newNamespace()
  const direct = openStore(server.url, namespace, 1)
  const found = await before(direct)
  const store = openStore(proxy.url, namespace, 2)
  await store.open()
  const others = async (): Promise<void> => void (await meanwhile?.(direct, found))
  if (loss.question !== undefined) proxy.cutBefore(loss.question)
  else if (loss.answer !== undefined) proxy.cutAt(loss.answer, others)
  else proxy.count()
  const answer = withoutTimes(await work(store, found))
  const { requests, replies, cuts } = proxy
  if (loss.answer === undefined) await others()
  return { came: { answer, contents: await contentsOf(direct), cuts }, requests, replies }
}

/** What comes of a call where nothing is lost, and where each of its questions and answers is. */
async function lose(
  one: Pick<Case, 'work' | 'meanwhile'>,
  before?: (store: RedisStore) => Promise<Found>,
): Promise<{ readonly usual: Came; readonly cut: readonly Came[] }> {
  const { came, requests, replies } = await call(one, {}, before)
  const losses: readonly Loss[] = [
    ...Array.from({ length: requests }, (_, index) => ({ question: index + 1 })),
    ...Array.from({ length: replies }, (_, index) => ({ answer: index + 1 })),
  ]
  const cut = await Promise.all(losses.map(async (loss) => (await call(one, loss, before)).came))
  return { usual: { ...came, cuts: 1 }, cut }
}

describe('a question or an answer that is lost', () => {
  test.each(cases.map((one) => [one.with === undefined ? one.verb : `${one.verb} with ${one.with}`, one] as const))(
    '%s is done once',
    async (_, one) => {
      const { usual, cut } = await lose(one)
      expect(cut.length).toBeGreaterThan(0)
      expect(cut).toEqual(cut.map(() => usual))
    },
  )

  test('importSnapshot is done once', async () => {
    const source = openStore(server.url, newNamespace(), 1)
    const found = await prepare(source)
    await source.enqueueRollout({ input: 1, idempotency_key: 'k' })
    const lines = await collect(source.exportSnapshot())
    const { usual, cut } = await lose({ work: (store) => store.importSnapshot({ lines }) }, async () => found)
    expect(cut.length).toBeGreaterThan(0)
    expect(cut).toEqual(cut.map(() => usual))
  })

  test.each(withGaps.map((one) => [one.verb, one] as const))('%s gives later ids', async (_, one) => {
    const { came: usual } = await call(one, {})
    const { came: cut } = await call(one, { answer: 1 })
    expect(cut.cuts).toBe(1)
    const step = [usual.answer].flat().length
    expect(cut.answer).toEqual(
      Array.isArray(usual.answer) ? usual.answer.map((id) => id + step) : (usual.answer as number) + step,
    )
  })

  test('of every verb is tried', () => {
    const tried = new Set([...cases, ...withGaps].map((one) => one.verb))
    const verbs = Object.keys(createRedisStore()).filter(
      (name) => !['name', 'capabilities', 'spec', 'open', 'close'].includes(name),
    )
    expect(verbs.filter((verb) => !tried.has(verb as Case['verb']))).toEqual(['importSnapshot'])
  })
})
