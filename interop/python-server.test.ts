import { createRunner, rollout } from '@agl/runner'
import { createStoreClient, type StoreClient } from '@agl/store-http/client'
import { createOtelTracer } from '@agl/tracer-otel'
import type { AttemptedRollout, LightningStore, NewSpan } from '@agl/types'
import { findFinalReward, rewardSpanName, rewardToAttributes } from '@agl/types/spans'
import { trace } from '@opentelemetry/api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runPython, startPythonServer } from './python-process.ts'

function makeSpan({ rollout_id, attempt }: AttemptedRollout, number: number, fields: Partial<NewSpan> = {}): NewSpan {
  return {
    rollout_id,
    attempt_id: attempt.attempt_id,
    trace_id: 'a'.repeat(32),
    span_id: number.toString(16).padStart(16, '0'),
    parent_id: null,
    name: `span-${number}`,
    status: { status_code: 'OK', description: null },
    attributes: {},
    events: [],
    links: [],
    start_time: 1_700_000_000.25,
    end_time: null,
    context: null,
    parent: null,
    resource: { attributes: {}, schema_url: '' },
    ...fields,
  }
}

const prompt = { resource_type: 'prompt_template', template: 'x', engine: 'f-string' } as const

describe('our client against the server of the Python package', () => {
  let client: StoreClient
  let url = ''
  let close: () => Promise<void>
  beforeAll(async () => {
    ;({ url, close } = await startPythonServer())
    client = await createStoreClient({ url })
  })
  afterAll(async () => {
    await client?.close()
    await close?.()
  })

  async function drain(): Promise<void> {
    while ((await client.dequeueManyRollouts({ limit: 100 })).length > 0);
  }

  it('enqueues, claims and settles', async () => {
    await drain()
    const config = { timeout_seconds: 60, unresponsive_seconds: null, max_attempts: 2, retry_condition: ['failed' as const] }
    const one = await client.enqueueRollout({ input: { task: 'é' }, mode: 'train', config, metadata: { k: [1] } })
    expect(one).toMatchObject({ status: 'queuing', mode: 'train', config, metadata: { k: [1] }, input: { task: 'é' } })
    const many = await client.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: null }] })
    expect(many.map(({ input }) => input)).toEqual([1, null])

    const first = await client.dequeueRollout({ workerId: 'Worker-9' })
    expect(first).toMatchObject({
      rollout_id: one.rollout_id,
      status: 'preparing',
      attempt: { sequence_id: 1, worker_id: 'Worker-9' },
    })
    expect((await client.dequeueManyRollouts({ limit: 5 })).map(({ rollout_id }) => rollout_id)).toEqual(
      many.map((each) => each.rollout_id),
    )
    expect(await client.dequeueRollout({ waitMs: 50 })).toBeNull()

    const failed = await client.updateAttempt({ rolloutId: one.rollout_id, attemptId: 'latest', status: 'failed' })
    expect(failed).toMatchObject({ status: 'failed', end_time: expect.any(Number) })
    expect(await client.dequeueRollout()).toMatchObject({ rollout_id: one.rollout_id, attempt: { sequence_id: 2 } })
    await client.updateAttempt({ rolloutId: one.rollout_id, attemptId: 'latest', status: 'succeeded', metadata: { a: 1 } })
    expect(await client.getRolloutById({ rolloutId: one.rollout_id })).toMatchObject({ status: 'succeeded' })
  })

  it('starts rollouts and attempts and reads them back', async () => {
    const started = await client.startRollout({ rollout: { input: 1 }, workerId: 'Worker-8' })
    const rolloutId = started.rollout_id
    expect(started).toMatchObject({ status: 'preparing', attempt: { worker_id: 'Worker-8' } })
    const second = await client.startAttempt({ rolloutId })
    expect(second.attempt.sequence_id).toBe(2)
    expect(await client.getLatestAttempt({ rolloutId })).toEqual(second.attempt)
    const attempts = await client.queryAttempts({ rolloutId, sortOrder: 'desc', limit: 1 })
    expect(attempts).toMatchObject({ items: [second.attempt], limit: 1, offset: 0, total: 2 })
    const found = await client.queryRollouts({ rolloutIdIn: [rolloutId], statusIn: ['preparing'], sortBy: 'start_time' })
    expect(found.items).toEqual([second])
    expect(await client.updateRollout({ rolloutId, mode: 'val', metadata: null })).toMatchObject({ mode: 'val', metadata: null })
  })

  it('waits for an end that comes later', async () => {
    const { rollout_id: rolloutId } = await client.startRollout({ rollout: { input: 1 } })
    expect(await client.waitForRollouts({ rolloutIds: [rolloutId, 'ro-unknown'], timeoutMs: 0 })).toEqual([])
    const waiting = client.waitForRollouts({ rolloutIds: [rolloutId, 'ro-unknown'], timeoutMs: 30_000 })
    await client.updateAttempt({ rolloutId, attemptId: 'latest', status: 'succeeded' })
    expect(await waiting).toMatchObject([{ rollout_id: rolloutId, status: 'succeeded' }])
  })

  it('stores spans, numbers them and finds them', async () => {
    const started = await client.startRollout({ rollout: { input: 1 } })
    const ids = { rolloutId: started.rollout_id, attemptId: started.attempt.attempt_id }
    expect(await client.getNextSpanSequenceId(ids)).toBe(1)
    expect(await client.getManySpanSequenceIds({ attempts: [ids, ids] })).toEqual([2, 3])
    const attributes = { text: 'é', yes: true, n: 1.5, list: [1.5, 2], tokens: [1, 2, 3] }
    expect(await client.addSpan(makeSpan(started, 1, { sequence_id: 7, attributes }))).toMatchObject({
      sequence_id: 7,
      attributes,
    })
    expect(await client.addSpan(makeSpan(started, 1))).toBeNull()
    const reward = makeSpan(started, 2, { name: rewardSpanName, attributes: rewardToAttributes(0.5) })
    const added = await client.addManySpans({ spans: [reward, makeSpan(started, 1), makeSpan(started, 3)] })
    expect(added.map(({ span_id }) => Number(span_id))).toEqual([2, 3])
    const otel = await client.addOtelSpan({
      ...ids,
      span: {
        name: 'otel',
        spanContext: () => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }),
        startTime: [1_700_000_000, 5e8],
        endTime: [1_700_000_001, 0],
        status: { code: 2, message: 'why' },
        attributes: { n: 1 },
        events: [],
        links: [],
        resource: { attributes: {} },
      },
    })
    expect(otel).toMatchObject({
      name: 'otel',
      start_time: 1_700_000_000.5,
      status: { status_code: 'ERROR', description: 'why' },
    })
    const page = await client.querySpans({ ...ids, attemptId: 'latest' })
    expect(page.total).toBe(4)
    expect(findFinalReward(page.items)).toBe(0.5)
    expect((await client.querySpans({ ...ids, nameContains: 'span-', limit: 1, offset: 1 })).items).toMatchObject([
      { name: 'span-3' },
    ])
    expect(await client.getRolloutById({ rolloutId: ids.rolloutId })).toMatchObject({
      status: 'running',
      attempt: { status: 'running' },
    })
  })

  it('keeps resources', async () => {
    const added = await client.addResources({ resources: { prompt } })
    expect(added).toMatchObject({ version: 1, resources: { prompt } })
    const llm = {
      resource_type: 'llm',
      endpoint: 'http://e',
      model: 'm',
      api_key: null,
      sampling_parameters: { temperature: 1 },
    } as const
    const updated = await client.updateResources({ resourcesId: added.resources_id, resources: { llm } })
    expect(updated).toMatchObject({ version: 2, resources: { llm } })
    expect(await client.getResourcesById({ resourcesId: added.resources_id })).toEqual(updated)
    expect(await client.getLatestResources()).toEqual(updated)
    expect(await client.getResourcesById({ resourcesId: 'rs-unknown' })).toBeNull()
    expect((await client.queryResources({ resourcesId: added.resources_id })).items).toEqual([updated])
  })

  it('writes and finds workers', async () => {
    const made = await client.updateWorker({ workerId: 'Worker é', heartbeatStats: { cpu: 1 } })
    expect(made).toMatchObject({ worker_id: 'Worker é', status: 'unknown', heartbeat_stats: { cpu: 1 } })
    expect(await client.getWorkerById({ workerId: 'Worker é' })).toEqual(made)
    expect((await client.queryWorkers({ workerIdContains: 'é', limit: 1 })).items).toEqual([made])
    expect(await client.getWorkerById({ workerId: 'unknown' })).toBeNull()
    const beat = await client.heartbeat({ workerId: 'Worker é', stats: { cpu: 2 } })
    expect(beat).toMatchObject({ worker: { heartbeat_stats: { cpu: 2 } }, stopped: [] })
  })

  it('cancels', async () => {
    const { rollout_id: rolloutId } = await client.enqueueRollout({ input: 1 })
    expect(await client.cancelRollouts({ rolloutIds: [rolloutId] })).toMatchObject([
      { rollout_id: rolloutId, status: 'cancelled' },
    ])
  })

  it('counts', async () => {
    const before = await client.statistics()
    await client.enqueueRollout({ input: 1 })
    const after = await client.statistics()
    expect(after).toMatchObject({ name: 'InMemoryLightningStore', total_rollouts: before.total_rollouts + 1 })
    expect(after.uptime).toBeGreaterThan(before.uptime)
  })

  it('answers unknown ids as every store does', async () => {
    const rolloutId = 'ro-unknown'
    expect(await client.getRolloutById({ rolloutId })).toBeNull()
    expect(await client.getLatestAttempt({ rolloutId })).toBeNull()
    expect((await client.queryAttempts({ rolloutId })).items).toEqual([])
    expect((await client.querySpans({ rolloutId })).items).toEqual([])
    await expect(client.updateRollout({ rolloutId, mode: 'val' })).rejects.toMatchObject({ code: 'not_found' })
    await expect(client.startAttempt({ rolloutId })).rejects.toMatchObject({ code: 'not_found' })
  })

  const missing: [keyof LightningStore, (store: LightningStore) => Promise<unknown>][] = [
    ['releaseAttempt', (store) => store.releaseAttempt({ rolloutId: 'ro-1', attemptId: 'at-1' })],
    ['deleteRollouts', (store) => store.deleteRollouts({ rolloutIds: ['ro-1'] })],
    ['deleteResources', (store) => store.deleteResources({ resourcesId: 'rs-1' })],
    ['setResourcesAlias', (store) => store.setResourcesAlias({ alias: 'stable', resourcesId: 'rs-1', version: 1 })],
    ['getResourcesByAlias', (store) => store.getResourcesByAlias({ alias: 'stable' })],
    ['queryResourcesAliases', (store) => store.queryResourcesAliases()],
    ['deleteResourcesAlias', (store) => store.deleteResourcesAlias({ alias: 'stable' })],
    ['dequeueRollout', (store) => store.dequeueRollout({ leaseMs: 1000 })],
    ['enqueueRollout', (store) => store.enqueueRollout({ input: 1, priority: 1 })],
    ['importSnapshot', (store) => store.importSnapshot({ lines: [] })],
  ]
  it.each(missing)('says that %s is not there', async (_verb, call) => {
    await expect(call(client)).rejects.toMatchObject({ code: 'not_supported_by_server' })
  })

  it('its own runner executes what we enqueue there', async () => {
    await drain()
    await client.addResources({ resources: { prompt } })
    const rollouts = await client.enqueueManyRollouts({ rollouts: [{ input: { number: 3 } }, { input: { number: 5 } }] })
    const rolloutIds = rollouts.map(({ rollout_id }) => rollout_id)
    const [finished, ended] = await Promise.all([
      runPython('runner.py', [url, '2']),
      client.waitForRollouts({ rolloutIds, timeoutMs: 60_000 }),
    ])
    expect(finished).toMatchObject({ code: 0 })
    expect(ended.map(({ status }) => status)).toEqual(['succeeded', 'succeeded'])
    const pages = await Promise.all(rolloutIds.map((rolloutId) => client.querySpans({ rolloutId })))
    expect(pages.map(({ items }) => findFinalReward(items))).toEqual([0.3, 0.5])
  })

  it('our runner executes what is enqueued there, without leases', async () => {
    await drain()
    await client.addResources({ resources: { prompt } })
    const inputs = [{ number: 3 }, { number: 5 }, {}]
    const rollouts = await client.enqueueManyRollouts({ rollouts: inputs.map((input) => ({ input })) })
    const missing = await client.enqueueRollout({ input: { number: 7 }, resources_id: 'rs-gone' })
    const rolloutIds = [...rollouts, missing].map(({ rollout_id }) => rollout_id)
    const agent = rollout<{ number?: number }>(async ({ number }, { promptTemplate }) => {
      if (number === undefined) throw new Error('no number')
      return await trace.getTracer('interop').startActiveSpan('think', async (span) => {
        span.setAttributes({ number, template: promptTemplate.template })
        span.end()
        return number / 10
      })
    })
    const infos: string[] = []
    const problems: string[] = []
    const toProblem = (message: string): void => void problems.push(message)
    const logger = { debug() {}, info: (text: string) => void infos.push(text), warn: toProblem, error: toProblem }
    const tracer = createOtelTracer()
    const runner = createRunner({ agent, store: client, tracer, logger, workerId: 'runner-é', leaseMs: 300, maxRollouts: 4 })
    expect(await runner.run()).toEqual({ attempts: 4 })
    await tracer.close()

    const ended = await client.waitForRollouts({ rolloutIds, timeoutMs: 0 })
    expect(ended.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'failed', 'failed'])
    const pages = await Promise.all(rolloutIds.map((rolloutId) => client.querySpans({ rolloutId })))
    expect(pages.map(({ items }) => findFinalReward(items))).toEqual([0.3, 0.5, null, null])
    expect(pages[0]!.items.find(({ name }) => name === 'think')).toMatchObject({ attributes: { number: 3, template: 'x' } })
    const attempts = await Promise.all(rolloutIds.map((rolloutId) => client.getLatestAttempt({ rolloutId })))
    expect(attempts.map((attempt) => attempt!.worker_id)).toEqual(Array.from({ length: 4 }, () => 'runner-é'))
    expect(attempts[2]!.metadata).toMatchObject({ error: { message: 'no number' } })
    expect(attempts[3]!.metadata).toMatchObject({ error: { code: 'not_found' } })
    expect(infos.filter((text) => text.includes('no leases'))).toHaveLength(1)
    expect(problems).toEqual(['An attempt failed', 'An attempt failed'])
  })

  it('our runner hears there of a cancel, and queues what it gives back', async () => {
    await drain()
    // With signs of life, which that server takes for the status of a rollout.
    const config = { unresponsive_seconds: 60 }
    const rollouts = await client.enqueueManyRollouts({
      rollouts: ['cancelled', 'given back'].map((input) => ({ input, config })),
    })
    const [cancelled, back] = rollouts.map(({ rollout_id }) => rollout_id)
    const started = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const stopped = Promise.withResolvers<void>()
    const agent = rollout<string>(async (task, { signal }) => {
      const isFirst = task === 'cancelled'
      signal.addEventListener('abort', () => isFirst && stopped.resolve())
      started[isFirst ? 0 : 1]!.resolve()
      await new Promise(() => {})
    })
    const stop = new AbortController()
    const options = { agent, store: client, concurrency: 2, leaseMs: 100, shutdownGraceMs: 0, abortGraceMs: 50, maxRollouts: 2 }
    const running = createRunner(options).run({ signal: stop.signal })
    await Promise.all(started.map(({ promise }) => promise))
    await client.cancelRollouts({ rolloutIds: [cancelled!] })
    await stopped.promise
    stop.abort()
    expect(await running).toEqual({ attempts: 2 })
    expect(await client.getRolloutById({ rolloutId: cancelled! })).toMatchObject({ status: 'cancelled' })
    expect(await client.dequeueRollout()).toMatchObject({ rollout_id: back, attempt: { sequence_id: 2 } })
  })
})
