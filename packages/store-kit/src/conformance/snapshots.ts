import type { LightningStore, StoreFeature } from '@agl/types'
import { expect } from 'vitest'
import { claimNext, enqueueAndClaim, keyOf, promptOf, retryAlways, rewardOf, spanOf, statusOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export async function linesOf(store: LightningStore): Promise<readonly string[]> {
  const lines: string[] = []
  for await (const line of store.exportSnapshot()) lines.push(line)
  return lines
}

/** Everything that can be read, in one value. */
async function readAll(store: LightningStore, has: (feature: StoreFeature) => boolean): Promise<unknown> {
  const rollouts = (await store.queryRollouts()).items
  const perRollout = []
  for (const { rollout_id: rolloutId } of rollouts) {
    perRollout.push((await store.queryAttempts({ rolloutId })).items, (await store.querySpans({ rolloutId, sortBy: null })).items)
  }
  const resources = (await store.queryResources()).items
  const versions = []
  for (const { resources_id: resourcesId } of resources) {
    versions.push((await store.queryResourcesVersions({ resourcesId })).items)
  }
  const { uptime: _, ...statistics } = await store.statistics()
  return {
    rollouts,
    perRollout,
    resources,
    versions,
    latest: await store.getLatestResources(),
    aliases: has('aliases') ? (await store.queryResourcesAliases()).items : [],
    workers: (await store.queryWorkers()).items,
    statistics,
  }
}

export function describeSnapshots({ check, open, has }: Suite): void {
  check('SNAPSHOT-01', 'a store filled from another answers every read as that one did', async () => {
    const { store, advance } = await open()
    const resourcesId = 'mine'
    for (const text of ['a', 'b']) await store.updateResources({ resourcesId, resources: promptOf(text) })
    await store.addResources({ resources: { knob: { resource_type: 'custom:knob', turn: [1, { deep: 'ü\n' }] } } })
    await store.updateResources({ resourcesId, resources: promptOf('c') })
    if (has('aliases')) await store.setResourcesAlias({ alias: 'stable', resourcesId, version: 1 })
    await store.enqueueRollout({ input: { text: 'line\nbreak \u2028', nested: [null, 1.5] }, mode: 'val', labels: { run: 'a' } })
    const done = await claimNext(store, { workerId: 'w1' })
    await store.addManySpans({ spans: [rewardOf(done), { ...spanOf(done), kind: 'extra key' } as never, spanOf(done)] })
    await store.updateAttempt({ ...keyOf(done), status: 'succeeded', metadata: { note: 1 } })
    const retried = await enqueueAndClaim(store, { config: retryAlways }, { workerId: 'w2' })
    await store.updateAttempt({ ...keyOf(retried), status: 'timeout' })
    await store.enqueueRollout({ input: null, rollout_id: 'chosen', metadata: { a: 1 } })
    await store.updateRollout({ rolloutId: 'chosen', status: 'cancelled' })
    await store.heartbeat({ workerId: 'w1', stats: { cpu: 1 } })
    await advance(1000)
    const { store: copy } = await open()
    await copy.importSnapshot({ lines: store.exportSnapshot() })
    expect(await readAll(copy, has)).toEqual(await readAll(store, has))
  })

  check('SNAPSHOT-02', 'the queue goes on in its order', async () => {
    const { store } = await open()
    const retried = await enqueueAndClaim(store, { input: 'retried', config: retryAlways })
    await store.enqueueManyRollouts({ rollouts: ['a', 'b', 'c'].map((input) => ({ input })) })
    if (has('scheduling')) await store.enqueueRollout({ input: 'urgent', priority: 2 })
    await store.updateAttempt({ ...keyOf(retried), status: 'failed' })
    const { store: copy } = await open()
    await copy.importSnapshot({ lines: await linesOf(store) })
    const drain = async (from: LightningStore): Promise<unknown> =>
      (await from.dequeueManyRollouts({ limit: 9 })).map((rollout) => [rollout.input, rollout.attempt.sequence_id])
    const order = await drain(store)
    expect(order).toHaveLength(has('scheduling') ? 5 : 4)
    expect(await drain(copy)).toEqual(order)
    const added = await copy.enqueueRollout({ input: 'later' })
    expect((await claimNext(copy)).rollout_id).toBe(added.rollout_id)
  })

  check('SNAPSHOT-03', 'running attempts run on: limits, tries, spans and workers', async () => {
    const { store } = await open()
    const config = { timeout_seconds: 10, max_attempts: 2, retry_condition: ['timeout'] } as const
    const running = await enqueueAndClaim(store, { config }, { workerId: 'w' })
    const span = spanOf(running)
    await store.addSpan(span)
    await store.getNextSpanSequenceId(keyOf(running))
    const { store: copy, advance } = await open()
    await copy.importSnapshot({ lines: await linesOf(store) })
    expect(await copy.addSpan(span)).toBeNull()
    expect(await copy.addSpan(spanOf(running))).toMatchObject({ sequence_id: 3 })
    const waiting = copy.waitForRollouts({ rolloutIds: [running.rollout_id] })
    await advance(10_100)
    expect(await statusOf(copy, running.rollout_id)).toBe('requeuing')
    expect(await copy.getWorkerById({ workerId: 'w' })).toMatchObject({ status: 'unknown', current_attempt_id: null })
    await claimNext(copy)
    await advance(10_100)
    expect(await waiting).toMatchObject([{ status: 'failed' }])
  })

  check('SNAPSHOT-04', 'leases run on: whether they showed life, what counted, how long they are', async () => {
    const { store, advance } = await open()
    const leaseMs = 10_000
    const policy = { max_attempts: 2, retry_condition: ['failed'] } as const
    const silent = await enqueueAndClaim(store, { config: policy }, { leaseMs })
    await advance(10_100)
    await claimNext(store, { leaseMs })
    const alive = await enqueueAndClaim(store, {}, { leaseMs, workerId: 'w' })
    await store.addSpan(spanOf(alive))
    const { store: copy, advance: advanceCopy } = await open()
    await advanceCopy(10_100)
    await copy.importSnapshot({ lines: await linesOf(store) })
    await advanceCopy(8000)
    await copy.heartbeat({ workerId: 'w', attempts: [keyOf(alive)] })
    await advanceCopy(9000)
    // The silent claim was lost a second time, the other one was renewed by its own length.
    expect(await statusOf(copy, silent.rollout_id)).toBe('requeuing')
    expect(await copy.getLatestAttempt({ rolloutId: alive.rollout_id })).toMatchObject({ status: 'running' })
    await advanceCopy(2000)
    expect(await statusOf(copy, alive.rollout_id)).toBe('failed')
    // Two lost claims used up no try.
    for (const expected of ['requeuing', 'failed']) {
      await copy.updateAttempt({ ...keyOf(await claimNext(copy)), status: 'failed' })
      expect(await statusOf(copy, silent.rollout_id)).toBe(expected)
    }
  })

  check('SNAPSHOT-05', 'retried writes are known in the copy', async () => {
    const { store } = await open()
    const rollout = await store.enqueueRollout({ input: 1, idempotency_key: 'k' })
    await store.enqueueManyRollouts({ rollouts: [{ input: 2 }, { input: 3 }] })
    const claimed = await store.dequeueRollout({ idempotencyKey: 'one' })
    const many = await store.dequeueManyRollouts({ limit: 2, idempotencyKey: 'many' })
    const started = await store.startAttempt({ rolloutId: rollout.rollout_id, idempotencyKey: 'start' })
    const added = await store.addResources({ resources: promptOf('a'), idempotencyKey: 'add' })
    const change = { resourcesId: 'mine', resources: promptOf('b'), idempotencyKey: 'change' }
    const changed = await store.updateResources(change)
    const { store: copy } = await open()
    await copy.importSnapshot({ lines: await linesOf(store) })
    expect((await copy.enqueueRollout({ input: 1, idempotency_key: 'k' })).rollout_id).toBe(rollout.rollout_id)
    expect(await copy.dequeueRollout({ idempotencyKey: 'one' })).toEqual(claimed)
    expect(await copy.dequeueManyRollouts({ limit: 2, idempotencyKey: 'many' })).toEqual(many)
    const { rollout_id: rolloutId } = rollout
    expect(await copy.startAttempt({ rolloutId, idempotencyKey: 'start' })).toEqual(started)
    expect(await copy.addResources({ resources: promptOf('a'), idempotencyKey: 'add' })).toEqual(added)
    expect(await copy.updateResources(change)).toEqual(changed)
    const stored = { total_rollouts: 3, total_attempts: 4, total_resources: 2 }
    expect(await copy.statistics()).toMatchObject(stored)
  })

  check('SNAPSHOT-06', 'each line is JSON by itself, from any iterable, also of an empty store', async () => {
    const { store } = await open()
    const { store: copy } = await open()
    const { store: third } = await open()
    await copy.importSnapshot({ lines: await linesOf(store) })
    expect(await copy.statistics()).toMatchObject({ total_rollouts: 0, total_resources: 0 })
    await store.enqueueRollout({ input: 'line\nbreak' })
    const lines = await linesOf(store)
    for (const line of lines) {
      expect(line).not.toContain('\n')
      expect(JSON.parse(line)).toEqual(expect.any(Object))
    }
    await third.importSnapshot({
      lines: (async function* () {
        yield* lines
      })(),
    })
    expect((await third.queryRollouts()).items).toEqual((await store.queryRollouts()).items)
  })

  check('SNAPSHOT-07', 'only an empty store can be filled', async () => {
    const { store } = await open()
    await store.enqueueRollout({ input: 1 })
    const lines = await linesOf(store)
    await expect(store.importSnapshot({ lines })).rejects.toMatchObject({ code: 'conflict' })
    const { store: other } = await open()
    await other.updateWorker({ workerId: 'w' })
    await expect(other.importSnapshot({ lines })).rejects.toMatchObject({ code: 'conflict' })
    expect((await store.queryRollouts()).total).toBe(1)
  })

  check('SNAPSHOT-08', 'a line that is wrong is named, and nothing is stored', async () => {
    const { store } = await open()
    await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] })
    const lines = await linesOf(store)
    const { store: copy } = await open()
    for (const wrong of ['{ "torn', 'null', '{"no":"record"}', '']) {
      for (const index of [0, lines.length - 1]) {
        const refused = copy.importSnapshot({ lines: lines.with(index, wrong) })
        await expect(refused).rejects.toMatchObject({
          code: 'invalid_argument',
          message: expect.stringMatching(new RegExp(`line ${index + 1}\\b`, 'i')),
        })
        expect(await copy.statistics()).toMatchObject({ total_rollouts: 0 })
      }
    }
    await copy.importSnapshot({ lines })
    expect((await copy.queryRollouts()).total).toBe(2)
  })

  check('SNAPSHOT-09', 'an export stops with its signal', async () => {
    const { store } = await open()
    await store.enqueueManyRollouts({ rollouts: Array.from({ length: 100 }, (_, input) => ({ input })) })
    const controller = new AbortController()
    const iterator = store.exportSnapshot({ signal: controller.signal })[Symbol.asyncIterator]()
    await iterator.next()
    controller.abort(new Error('enough'))
    const drain = async (): Promise<void> => {
      while ((await iterator.next()).done !== true);
    }
    await expect(drain()).rejects.toThrow('enough')
  })
}
