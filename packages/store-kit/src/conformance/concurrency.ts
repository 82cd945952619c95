import type { LightningStore, Span } from '@agl/types'
import { expect } from 'vitest'
import { enqueueAndClaim, keyOf, otelSpanOf, spanOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeConcurrency({ check, open, has }: Suite): void {
  check('MANY-01', '1,000 tasks claimed by 50 workers: nothing lost, nothing doubled', async () => {
    const { store, second } = await open()
    const handles = [store, await second()]
    const lease = has('leases') ? { leaseMs: 60_000 } : {}
    const claimed: string[] = []
    const work = async (handle: LightningStore, workerId: string): Promise<void> => {
      for (;;) {
        const rollout = await handle.dequeueRollout({ workerId, waitMs: 60_000, ...lease })
        if (rollout === null || rollout.input === 'stop') return
        claimed.push(rollout.rollout_id)
        await handle.addSpan(spanOf(rollout))
        await handle.updateAttempt({ ...keyOf(rollout), status: 'succeeded' })
      }
    }
    const workers = Array.from({ length: 50 }, (_, index) => work(handles[index % 2]!, `w${index}`))
    const enqueued: string[] = []
    for (let batch = 0; batch < 10; batch++) {
      const rollouts = Array.from({ length: 100 }, (_, input) => ({ input }))
      for (const rollout of await store.enqueueManyRollouts({ rollouts })) enqueued.push(rollout.rollout_id)
    }
    const finished = await store.waitForRollouts({ rolloutIds: enqueued })
    await store.enqueueManyRollouts({ rollouts: workers.map(() => ({ input: 'stop' })) })
    await Promise.all(workers)
    expect(finished).toHaveLength(1000)
    expect(claimed).toHaveLength(1000)
    expect(new Set(claimed)).toEqual(new Set(enqueued))
    expect((await store.statistics()).total_attempts).toBe(1050)
    expect((await store.queryWorkers({ statusIn: ['busy'] })).total).toBe(50)
  })

  check('MANY-02', 'racing dequeues share what there is; racing spans get ids of their own', async () => {
    const { store } = await open()
    await store.enqueueManyRollouts({ rollouts: Array.from({ length: 20 }, (_, input) => ({ input })) })
    const claims = await Promise.all(Array.from({ length: 30 }, () => store.dequeueRollout()))
    const won = claims.filter((claim) => claim !== null)
    expect(new Set(won.map((claim) => claim.rollout_id)).size).toBe(20)
    expect(won).toHaveLength(20)
    const idsOf = async (racing: readonly Promise<Span | null>[]): Promise<readonly number[]> =>
      (await Promise.all(racing)).map((span) => span!.sequence_id).sort((a, b) => a - b)
    const oneTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1)
    const [first, second] = [await enqueueAndClaim(store), await enqueueAndClaim(store)]
    expect(await idsOf(oneTo(30).map(() => store.addSpan(spanOf(first))))).toEqual(oneTo(30))
    const made = oneTo(20).map((index) => store.addOtelSpan({ ...keyOf(second), span: otelSpanOf(index) }))
    expect(await idsOf(made)).toEqual(oneTo(20))
  })

  check('MANY-06', 'racing enqueues all get into the queue, each once', async () => {
    const { store, second } = await open()
    const handles = [store, await second()]
    const racing = Array.from({ length: 50 }, (_, input) => handles[input % 2]!.enqueueRollout({ input }))
    const ids = (await Promise.all(racing)).map((rollout) => rollout.rollout_id)
    expect(new Set(ids).size).toBe(50)
    expect((await store.queryRollouts({ statusIn: ['queuing'] })).total).toBe(50)
    const claimed = await store.dequeueManyRollouts({ limit: 100 })
    expect(claimed.map((rollout) => rollout.rollout_id).toSorted()).toEqual(ids.toSorted())
    expect(await store.dequeueRollout()).toBeNull()
  })

  check('MANY-03', 'racing changes of resources get a version each', async () => {
    const { store } = await open()
    const racing = Array.from({ length: 50 }, () => store.updateResources({ resourcesId: 'mine', resources: {} }))
    const versions = (await Promise.all(racing)).map((item) => item.version)
    expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1))
    expect(await store.getLatestResources()).toMatchObject({ version: 50 })
  })

  check('MANY-04', 'racing retries and reports of one attempt queue it once', async () => {
    const { store } = await open()
    const config = { max_attempts: 2, retry_condition: ['failed'] } as const
    const claimed = await enqueueAndClaim(store, { config })
    const reports = Array.from({ length: 10 }, () => store.updateAttempt({ ...keyOf(claimed), status: 'failed' }))
    const spans = Array.from({ length: 10 }, () => store.addSpan(spanOf(claimed)))
    await Promise.all([...reports, ...spans])
    expect(await store.dequeueManyRollouts({ limit: 10 })).toMatchObject([{ rollout_id: claimed.rollout_id }])
  })

  check('MANY-05', 'racing writes to one attempt keep what each of them wrote', async () => {
    const { store, second } = await open()
    const other = await second()
    const claimed = await enqueueAndClaim(store)
    await Promise.all([
      store.addManySpans({ spans: [spanOf(claimed), spanOf(claimed)] }),
      other.updateAttempt({ ...keyOf(claimed), metadata: { note: 1 } }),
      store.updateRollout({ rolloutId: claimed.rollout_id, metadata: { run: 2 } }),
      other.addSpan(spanOf(claimed)),
    ])
    expect(await store.getRolloutById({ rolloutId: claimed.rollout_id })).toMatchObject({
      status: 'running',
      metadata: { run: 2 },
      attempt: { status: 'running', metadata: { note: 1 } },
    })
    expect((await other.querySpans({ rolloutId: claimed.rollout_id })).total).toBe(3)
  })
}
