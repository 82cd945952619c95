import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRunner, rollout } from '@agl/runner'
import { createStoreClient } from '@agl/store-http/client'
import { createStoreServer } from '@agl/store-http/server'
import { createMemoryStore } from '@agl/store-memory'
import { createRedisStore } from '@agl/store-redis'
import { createSqliteStore } from '@agl/store-sqlite'
import { createOtelTracer } from '@agl/tracer-otel'
import type { LightningStore } from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import { trace } from '@opentelemetry/api'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startServer } from '../packages/store-redis/src/redis-server.test-support.ts'
import { jsonLines, preparePython, runPython } from './python-process.ts'

/** What `client_methods.py` prints for each check. */
interface CheckLine {
  readonly check: string
  readonly ok: boolean
  readonly detail: string
}

/** What `enqueue.py` prints for each rollout. */
interface EnqueuedLine {
  readonly input: { readonly number?: number }
  readonly status: string
  readonly reward: number | null
  readonly names: readonly string[]
  readonly dimensions: readonly { readonly name: string; readonly value: number }[]
}

const backends: Record<string, (folder: string) => LightningStore | Promise<LightningStore>> = {
  memory: () => createMemoryStore(),
  sqlite: (folder) => createSqliteStore({ file: join(folder, 'store.db'), durability: 'normal' }),
  async redis() {
    const server = await startServer()
    onTestFinished(() => server.stop())
    return createRedisStore({ url: server.url })
  },
}

beforeAll(preparePython)

/** A server over a new store, closed at the end of the test. */
async function serve(backend: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'agl-interop-'))
  const store = await backends[backend]!(folder)
  const server = createStoreServer({ store, port: 0 })
  onTestFinished(async () => {
    await server.close()
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return (await server.start()).url
}

describe.each(Object.keys(backends))('the Python package against our server over %s', (backend) => {
  it('its client finds every method as its tests want it', async () => {
    const finished = await runPython('client_methods.py', [await serve(backend)])
    const checks = jsonLines(finished) as CheckLine[]
    expect(checks.filter(({ ok }) => !ok).map(({ check, detail }) => `${check}: ${detail}`)).toEqual([])
    expect(checks.length).toBeGreaterThan(80)
    expect(finished.code).toBe(0)
  })

  it('its runner executes what TypeScript enqueued, and TypeScript reads its spans and rewards', async () => {
    const url = await serve(backend)
    await using client = await createStoreClient({ url })
    await client.addResources({ resources: { prompt: { resource_type: 'prompt_template', template: 'x', engine: 'f-string' } } })
    const inputs = [{ number: 1 }, { number: 2 }, { no: 'number' }, { number: 4 }]
    const enqueued = await client.enqueueManyRollouts({ rollouts: inputs.map((input) => ({ input })) })
    const rolloutIds = enqueued.map(({ rollout_id }) => rollout_id)

    const [finished, rollouts] = await Promise.all([
      runPython('runner.py', [url, String(inputs.length)]),
      client.waitForRollouts({ rolloutIds, timeoutMs: 60_000 }),
    ])
    expect(finished).toMatchObject({ code: 0 })
    expect(rollouts.map(({ rollout_id, status }) => [rollout_id, status])).toEqual(
      rolloutIds.map((id, index) => [id, index === 2 ? 'failed' : 'succeeded']),
    )
    const pages = await Promise.all(rolloutIds.map((rolloutId) => client.querySpans({ rolloutId, attemptId: 'latest' })))
    expect(pages.map(({ items }) => findFinalReward(items))).toEqual([0.1, 0.2, null, 0.4])
    const [answer, think, message, reward] = pages[0]!.items
    expect(pages[0]!.items.map(({ sequence_id }) => sequence_id)).toEqual([1, 2, 3, 4])
    expect(think).toMatchObject({
      name: 'think',
      parent_id: null,
      attributes: { number: 1, exact: 1 },
      status: { status_code: 'UNSET' },
    })
    expect(think!.events).toMatchObject([{ name: 'thought', attributes: { resources: ['prompt'] } }])
    expect(think!.resource.attributes).toMatchObject({ 'agentlightning.rollout_id': rolloutIds[0] })
    expect(answer).toMatchObject({
      name: 'answer',
      parent_id: think!.span_id,
      trace_id: think!.trace_id,
      attributes: { tokens: [1, 2, 3] },
    })
    expect(message!.attributes).toEqual({ 'agentlightning.message.body': 'the tenth of 1' })
    expect(reward!.name).toBe('agentlightning.annotation')

    const attempt = await client.getLatestAttempt({ rolloutId: rolloutIds[0]! })
    expect(attempt).toMatchObject({ status: 'succeeded', outcome: 'scored', worker_id: 'Worker-0', sequence_id: 1 })
    expect(attempt!.last_heartbeat_time).toBeGreaterThan(attempt!.start_time)
    const worker = await client.getWorkerById({ workerId: 'Worker-0' })
    expect(worker).toMatchObject({ status: 'idle', current_rollout_id: null, heartbeat_stats: { host: expect.any(String) } })
  })

  it('our runner executes what Python enqueued, and Python reads its spans and rewards', async () => {
    const url = await serve(backend)
    await using client = await createStoreClient({ url })
    const agent = rollout<{ number?: number }>(async ({ number }, { promptTemplate }) => {
      if (number === undefined) throw new Error('no number')
      return await trace.getTracer('interop').startActiveSpan('think', async (span) => {
        span.setAttributes({ number, template: promptTemplate.template })
        span.end()
        return number / 10
      })
    })
    const tracer = createOtelTracer()
    const stop = new AbortController()
    const running = createRunner({ agent, store: client, tracer, concurrency: 2 }).run({ signal: stop.signal })
    const finished = await runPython('enqueue.py', [url, '5'])
    stop.abort()
    await running
    await tracer.close()

    expect(finished).toMatchObject({ code: 0 })
    const [results] = jsonLines(finished) as [readonly EnqueuedLine[]]
    expect(results.map(({ input, status, reward }) => [input.number, status, reward])).toEqual([
      ...[0, 1, 2, 3, 4].map((number) => [number, 'succeeded', number / 10]),
      [undefined, 'failed', null],
    ])
    for (const { names, dimensions, reward } of results.slice(0, 5)) {
      expect(names).toContain('think')
      expect(dimensions).toEqual([{ name: 'primary', value: reward }])
    }
  })
})
