import { setTimeout as sleep } from 'node:timers/promises'
import { createPrometheusMetrics } from '@agl/store-http/metrics'
import { createMemoryStore } from '@agl/store-memory'
import { AglError, type LightningStore } from '@agl/types'
import { createThresholds } from '@agl/types/thresholds'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { rollout } from './agent.ts'
import { createRunner } from './runner.ts'

let store: LightningStore
let metrics: ReturnType<typeof createPrometheusMetrics>
beforeEach(() => {
  store = createMemoryStore()
  metrics = createPrometheusMetrics()
})
afterEach(() => store.close())

async function valueOf(line: string): Promise<number> {
  const found = (await metrics.read()).text.split('\n').find((text) => text.startsWith(`${line} `))
  return found === undefined ? 0 : Number(found.slice(line.length + 1))
}

const agent = rollout<string>(async (task, { signal }) => {
  if (task === 'throw') throw new Error('no idea')
  if (task === 'hang') await sleep(60_000, undefined, { signal })
  if (task === 'nothing') return undefined
  return 1
})

test('attempts are counted by how they ended, with their time', async () => {
  const config = { timeout_seconds: 0.05 }
  await store.enqueueManyRollouts({
    rollouts: [
      { input: 'well', mode: 'train' },
      { input: 'well', mode: 'train' },
      { input: 'throw' },
      { input: 'hang', config },
      { input: 'nothing' },
    ],
  })
  await createRunner({ agent, store, metrics, maxRollouts: 5, concurrency: 2, abortGraceMs: 50 }).run()
  const attempts = (outcome: string, mode = 'unknown'): Promise<number> =>
    valueOf(`agl_runner_attempts_total{outcome="${outcome}",mode="${mode}"}`)
  expect(await attempts('scored', 'train')).toBe(2)
  expect(await attempts('agent_error')).toBe(1)
  expect(await attempts('timeout')).toBe(1)
  expect(await attempts('completed')).toBe(1)
  expect(await valueOf('agl_runner_attempt_seconds_count{outcome="scored",mode="train"}')).toBe(2)
  expect(await valueOf('agl_runner_attempt_seconds_sum{outcome="timeout",mode="unknown"}')).toBeGreaterThan(0.04)
  expect(await valueOf('agl_runner_claims_total{result="claimed"}')).toBe(5)
  expect(await valueOf('agl_runner_resources_load_seconds_count')).toBe(5)
  expect(await valueOf('agl_runner_running')).toBe(0)
})

test('what runs, what is handed back, and how long the last heartbeat is ago', async () => {
  await store.enqueueRollout({ input: 'hang' })
  const stop = new AbortController()
  const seen: number[] = []
  const hooks = [
    {
      async onTraceStart() {
        seen.push(await valueOf('agl_runner_running'), await valueOf('agl_runner_heartbeat_age_seconds{worker_id="w"}'))
        stop.abort()
      },
    },
  ]
  await createRunner({ agent, store, metrics, hooks, workerId: 'w', shutdownGraceMs: 0, abortGraceMs: 50 }).run({
    signal: stop.signal,
  })
  expect(seen[0]).toBe(1)
  expect(seen[1]).toBeGreaterThan(0)
  expect(await valueOf('agl_runner_attempts_total{outcome="handed_back",mode="unknown"}')).toBe(1)
  expect((await metrics.read()).text).not.toContain('worker_id="w"')
})

test('calls that are made again, hooks and heartbeats that fail', async () => {
  await store.enqueueRollout({ input: 'well' })
  const failures = new Map<string, number>()
  const failOnce = <Result>(verb: string, call: () => Promise<Result>, times: number = 1): Promise<Result> => {
    const count = (failures.get(verb) ?? 0) + 1
    failures.set(verb, count)
    return count > times ? call() : Promise.reject(new AglError({ code: 'upstream_failed', message: 'away' }))
  }
  const shaky: LightningStore = {
    ...store,
    dequeueRollout: (request) => failOnce('dequeue', () => store.dequeueRollout(request)),
    getLatestResources: () => failOnce('resources', () => store.getLatestResources(), 2), // the first is to warm up, and not tried again
    addManySpans: (request) => failOnce('spans', () => store.addManySpans(request)),
    updateAttempt: (request) => failOnce('settle', () => store.updateAttempt(request)),
    heartbeat: () => Promise.reject(new AglError({ code: 'upstream_failed', message: 'away' })),
  }
  const hooks = [
    {
      onRolloutEnd() {
        throw new Error('a hook')
      },
    },
  ]
  await createRunner({ agent, store: shaky, metrics, hooks, maxRollouts: 1 }).run()
  for (const call of ['dequeue_rollout', 'get_resources', 'add_many_spans', 'settle']) {
    expect([call, await valueOf(`agl_runner_store_retries_total{call="${call}"}`)]).toEqual([call, 1])
  }
  expect(await valueOf('agl_runner_claims_total{result="failed"}')).toBe(1)
  expect(await valueOf('agl_runner_hook_failures_total{hook="onRolloutEnd"}')).toBe(1)
  expect(await valueOf('agl_runner_heartbeat_failures_total')).toBeGreaterThan(0)
})

test('resources that are slow to load are told by a threshold, and so are agents that fail', async () => {
  const told: string[] = []
  const thresholds = createThresholds({
    metrics,
    rules: [
      { name: 'slow resources', metric: 'agl_runner_resources_load_seconds', above: 0.04 },
      { name: 'agents fail', metric: 'agl_runner_attempts_total', labels: { outcome: 'agent_error' }, above: 0 },
      { name: 'silent', metric: 'agl_runner_heartbeat_age_seconds', above: 3600 },
    ],
    onBreach: ({ rule, value }) => told.push(`${rule}: ${value! > 0.04}`),
  })
  const slow: LightningStore = {
    ...store,
    async getLatestResources() {
      await sleep(60)
      return await store.getLatestResources()
    },
  }
  const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 'throw' })
  await createRunner({ agent, store: slow, metrics: thresholds.metrics, maxRollouts: 1 }).run()
  await thresholds.close()
  expect(await store.getRolloutById({ rolloutId })).toMatchObject({ status: 'failed' })
  expect(told).toEqual(['slow resources: true', 'agents fail: true'])
  // What is watched is counted all the same.
  expect(await valueOf('agl_runner_resources_load_seconds_count')).toBe(1)
})
