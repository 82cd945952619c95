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
  const what = `${verb}(${JSON.stringify(request)})`
  const { code, message } = AglError.isInstance(refusal) ? refusal : { code: 'none', message: `answered ${String(refusal)}` }
  // With the call in the comparison, so that a failure names it.
  expect({ what, code, message }).toEqual({ what, code: 'invalid_argument', message: expect.stringContaining(named) })
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
}
