import { inspect } from 'node:util'
import type { LightningStore } from '@agl/types'
import { AglError } from '@agl/types'
import { expect } from 'vitest'
import { badRequests, type Verb } from './bad-requests.ts'
import { enqueueAndClaim, spanOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

/** What a call was refused with, or what it answered. */
export async function refusalOf(store: LightningStore, verb: Verb, request: unknown): Promise<unknown> {
  const call = store[verb] as (request: unknown) => unknown
  try {
    const answer = call(request)
    // A watch and an export begin with the first read.
    if (typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer) {
      return await (answer as AsyncIterable<unknown>)[Symbol.asyncIterator]().next()
    }
    return await answer
  } catch (error) {
    return error
  }
}

async function expectRefusal(store: LightningStore, verb: Verb, request: unknown, named: string): Promise<void> {
  const refusal = await refusalOf(store, verb, request)
  const what = `${verb}(${inspect(request, { depth: 4, maxStringLength: 100 })})`
  const { code, message } = AglError.isInstance(refusal) ? refusal : { code: 'none', message: `answered ${String(refusal)}` }
  // With the call in the comparison, so that a failure names it.
  expect({ what, code, message }).toEqual({ what, code: 'invalid_argument', message: expect.stringContaining(named) })
}

/** Something that no JSON ends. */
function endless(): object {
  const value: Record<string, unknown> = {}
  value.self = value
  return value
}

/** What is said in the name of a worker; "" names none and is taken. */
const verbsOfWorkers: readonly (readonly [Verb, object])[] = [
  ['updateWorker', {}],
  ['heartbeat', {}],
  ['dequeueRollout', {}],
  ['dequeueManyRollouts', { limit: 1 }],
  ['startRollout', { rollout: { input: 1 } }],
  ['startAttempt', { rolloutId: 'a' }],
  ['updateAttempt', { rolloutId: 'a', attemptId: 'b' }],
]

export function describeBadInput({ check, open, has }: Suite): void {
  const supported = (): typeof badRequests => badRequests.filter(({ feature }) => feature === undefined || has(feature))

  check('INPUT-01', 'an unknown key of a request is refused by its name', async () => {
    const { store } = await open()
    for (const { verb, good } of supported()) await expectRefusal(store, verb, { ...good, colour: 'red' }, 'colour')
  })

  check('INPUT-02', 'each field of a request that does not fit is refused by its name', async () => {
    const { store } = await open()
    for (const { verb, good, bad } of supported()) {
      for (const [field, values] of Object.entries(bad)) {
        for (const value of values) await expectRefusal(store, verb, { ...good, [field]: value }, field)
      }
    }
  })

  check('INPUT-03', 'a request that is no object is refused', async () => {
    const { store } = await open()
    for (const { verb } of supported()) {
      for (const request of [7, 'text', true, []]) await expectRefusal(store, verb, request, '')
    }
  })

  check('INPUT-04', 'after all of this the store holds nothing', async () => {
    const { store } = await open()
    for (const { verb, good, bad } of supported()) {
      for (const [field, values] of Object.entries(bad)) {
        for (const value of values) await refusalOf(store, verb, { ...good, [field]: value })
      }
    }
    expect(await store.statistics()).toMatchObject({
      total_rollouts: 0,
      total_attempts: 0,
      total_spans: 0,
      total_resources: 0,
      total_workers: 0,
    })
  })

  check('INPUT-05', 'a span that does not fit is refused by the place of the fault', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const good = spanOf(claimed)
    const faults: readonly (readonly [object, string])[] = [
      [{ name: 7 }, 'name'],
      [{ trace_id: null }, 'trace_id'],
      [{ span_id: undefined }, 'span_id'],
      [{ sequence_id: 1.5 }, 'sequence_id'],
      [{ sequence_id: '1' }, 'sequence_id'],
      [{ status: { status_code: 'FINE', description: null } }, 'status_code'],
      [{ attributes: { mixed: ['a', 1] } }, 'mixed'],
      [{ attributes: { deep: { a: 1 } } }, 'deep'],
      [{ attributes: { nothing: null } }, 'nothing'],
      [{ events: [{ name: 'event', attributes: { bad: null }, timestamp: null }] }, 'bad'],
      [{ links: [{ context: { trace_id: 't' }, attributes: {} }] }, 'context'],
      [{ start_time: 'now' }, 'start_time'],
      [{ resource: null }, 'resource'],
      [{ span_id: '\ud800' }, 'span_id'],
      [{ attributes: { list: Object.assign([1], { 2: 3 }) } }, 'list'],
      [{ extra: 10n }, 'extra'],
      [{ extra: endless() }, 'extra'],
      [{ toJSON: () => null }, 'toJSON'],
      [{ status: { status_code: 'OK', description: null, extra: () => 1 } }, 'extra'],
    ]
    for (const [fault, named] of faults) {
      await expectRefusal(store, 'addSpan', { ...good, ...fault }, named)
      await expectRefusal(store, 'addManySpans', { spans: [good, { ...good, span_id: 'other', ...fault }] }, named)
    }
    expect((await store.querySpans({ rolloutId: claimed.rollout_id })).total).toBe(0)
    expect(await store.getNextSpanSequenceId({ rolloutId: claimed.rollout_id, attemptId: 'any' })).toBe(1)
  })

  check('INPUT-06', 'resources that do not fit are refused by the name of the resource', async () => {
    const { store } = await open()
    const faults: readonly unknown[] = [
      { knob: { resource_type: 'llm' } },
      { knob: { resource_type: 'unknown' } },
      { knob: { template: 'without a type' } },
      { knob: { resource_type: 'prompt_template', template: 'a', engine: 'mustache' } },
      { knob: null },
      { knob: { resource_type: 'prompt_template', template: 'a', engine: 'jinja', engin: 'poml' } },
      { knob: { resource_type: 'llm', endpoint: 'http://localhost', model: 'm', sampling_parameters: endless() } },
      { knob: { resource_type: 'custom:knob', turn: () => 1 } },
    ]
    for (const resources of faults) {
      await expectRefusal(store, 'addResources', { resources }, 'knob')
      await expectRefusal(store, 'updateResources', { resourcesId: 'mine', resources }, 'knob')
      const good = { resourcesId: 'good', resources: {} }
      await expectRefusal(store, 'updateManyResources', { updates: [good, { resourcesId: 'mine', resources }] }, 'knob')
    }
    expect((await store.queryResources()).total).toBe(0)
    expect(await store.getLatestResources()).toBeNull()
  })

  check('INPUT-07', 'ids that would not fit into a route are refused', async () => {
    const { store } = await open()
    for (const id of ['', 'latest', 'search', 'a/b', 'line\nbreak', 'x'.repeat(300)]) {
      await expectRefusal(store, 'enqueueRollout', { input: 1, rollout_id: id }, 'rollout_id')
      await expectRefusal(store, 'updateResources', { resourcesId: id, resources: {} }, 'resourcesId')
      if (id !== '')
        for (const [verb, good] of verbsOfWorkers) await expectRefusal(store, verb, { ...good, workerId: id }, 'workerId')
      if (has('aliases')) await expectRefusal(store, 'setResourcesAlias', { alias: id, resourcesId: 'a', version: 1 }, 'alias')
    }
    expect(await store.statistics()).toMatchObject({ total_rollouts: 0, total_resources: 0, total_workers: 0 })
  })
  check('INPUT-08', 'what is no JSON, or would lose a key, is refused where it is kept', async () => {
    const { store } = await open()
    const { rollout_id: rolloutId } = await enqueueAndClaim(store)
    const key = { rolloutId, attemptId: 'latest' }
    const named = JSON.parse('{"__proto__":"x"}') as object
    for (const value of [endless(), { a: () => 1 }, { a: [undefined] }, { a: Number.NaN }, new Map([['a', 1]]), 7]) {
      await expectRefusal(store, 'enqueueRollout', { input: 1, metadata: value }, 'metadata')
      await expectRefusal(store, 'updateRollout', { rolloutId, metadata: value }, 'metadata')
      await expectRefusal(store, 'updateAttempt', { ...key, metadata: value }, 'metadata')
      await expectRefusal(store, 'updateWorker', { workerId: 'w', heartbeatStats: value }, 'heartbeatStats')
      await expectRefusal(store, 'heartbeat', { workerId: 'w', stats: value }, 'stats')
    }
    await expectRefusal(store, 'heartbeat', { workerId: 'w', stats: { text: 'x'.repeat(70_000) } }, 'stats')
    await expectRefusal(store, 'enqueueRollout', { input: 1, labels: named }, 'labels')
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`label-${index}`, 'x']))
    for (const labels of [many, { long: 'x'.repeat(257) }, { ['x'.repeat(257)]: 'long' }]) {
      await expectRefusal(store, 'enqueueRollout', { input: 1, labels }, 'labels')
    }
    await expectRefusal(store, 'queryRollouts', { labels: named }, 'labels')
    await expectRefusal(
      store,
      'addResources',
      { resources: JSON.parse('{"__proto__":{"resource_type":"custom:x"}}') },
      '__proto__',
    )
    expect(await store.statistics()).toMatchObject({ total_rollouts: 1, total_resources: 0, total_workers: 0 })
    const kept = JSON.parse('{"__proto__":1,"b":2}') as Record<string, number>
    await store.updateAttempt({ ...key, metadata: kept })
    expect(Object.keys((await store.getLatestAttempt({ rolloutId }))!.metadata!)).toEqual(['__proto__', 'b'])
  })

  check('INPUT-09', 'half of a surrogate pair is nobody, not somebody else', async () => {
    const { store } = await open()
    const replacement = '\ufffd'
    await store.enqueueRollout({ input: 1, rollout_id: replacement })
    await store.updateWorker({ workerId: replacement })
    for (const id of ['\ud800', '\udfff']) {
      for (const [verb, request] of [
        ['getRolloutById', { rolloutId: id }],
        ['cancelRollouts', { rolloutIds: [id] }],
        ['updateRollout', { rolloutId: id }],
        ['getLatestAttempt', { rolloutId: id }],
        ['querySpans', { rolloutId: id }],
        ['getWorkerById', { workerId: id }],
        ['getResourcesById', { resourcesId: id }],
        ['enqueueRollout', { input: 1, resources_id: id }],
        ['enqueueRollout', { input: 1, idempotency_key: id }],
        ['startAttempt', { rolloutId: replacement, idempotencyKey: id }],
      ] as const) {
        await expectRefusal(store, verb, request, '')
      }
    }
    expect((await store.getRolloutById({ rolloutId: replacement }))?.status).toBe('queuing')
  })

  check('INPUT-10', 'an instance of a class is no request, no config and no signal', async () => {
    const { store } = await open()
    await store.enqueueRollout({ input: 1 })
    await expectRefusal(store, 'dequeueRollout', new Map([['workerId', 'w']]), 'Map')
    await expectRefusal(store, 'queryRollouts', new Map([['limit', 0]]), 'Map')
    await expectRefusal(store, 'enqueueRollout', { input: 1, config: new Map([['max_attempts', 5]]) }, 'config')
    await expectRefusal(store, 'enqueueRollout', { input: 1, config: { max_attempt: 5 } }, 'max_attempt')
    const signal = { aborted: false, throwIfAborted: () => {} }
    await expectRefusal(store, 'dequeueRollout', { waitMs: 10, signal }, 'signal')
    await expectRefusal(store, 'waitForRollouts', { rolloutIds: [], signal }, 'signal')
    if (has('watch')) await expectRefusal(store, 'watch', { signal }, 'signal')
    expect((await store.queryRollouts({ statusIn: ['queuing'] })).total).toBe(1)
  })

  check('INPUT-11', 'a bulk call says which of its items does not fit', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const good = { input: 1 }
    await expectRefusal(store, 'enqueueManyRollouts', { rollouts: [good, { input: endless() }] }, 'rollouts[1]')
    await expectRefusal(store, 'enqueueManyRollouts', { rollouts: [good, good, { ...good, priority: 'high' }] }, 'rollouts[2]')
    await expectRefusal(store, 'addManySpans', { spans: [spanOf(claimed), spanOf(claimed, { name: 7 as never })] }, 'spans[1]')
    const updates = [
      { resourcesId: 'a', resources: {} },
      { resourcesId: 'b', resources: { knob: 5 } },
    ]
    await expectRefusal(store, 'updateManyResources', { updates }, 'updates[1]')
    expect(await store.statistics()).toMatchObject({ total_rollouts: 1, total_spans: 0, total_resources: 0 })
  })
}
