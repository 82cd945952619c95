import { jsonSourceOf, type JsonObject, keepJsonSource } from '@agl/types'
import { expect } from 'vitest'
import { keyOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

const text = '{"float": 1.0, "big": 9223372036854775808, "list": [1, 1e22]}'
const plain = JSON.parse(text) as JsonObject

/** What a server hands on of a body that Python has written. */
function written(source: string = text): JsonObject {
  const value = JSON.parse(source) as JsonObject
  keepJsonSource(value, source)
  return value
}

export function describeNumbers({ check, open }: Suite): void {
  check('NUMBERS-01', 'inputs and metadata of rollouts keep the text that they came as', async () => {
    const { store, second } = await open()
    const [queued] = await store.enqueueManyRollouts({ rollouts: [{ input: written(), metadata: written() }] })
    const one = await store.enqueueRollout({ input: written(), metadata: written() })
    const started = await store.startRollout({ rollout: { input: written(), metadata: written() } })
    const claimed = await store.dequeueManyRollouts({ limit: 2 })
    const other = await second()
    const found = await other.queryRollouts()
    const read = await other.getRolloutById({ rolloutId: started.rollout_id })
    await store.updateAttempt({ ...keyOf(started), status: 'succeeded' })
    const ended = await store.waitForRollouts({ rolloutIds: [started.rollout_id], timeoutMs: 0 })
    const all = [queued!, one, started, ...claimed, ...found.items, read!, ...ended]
    expect(all).toHaveLength(10)
    for (const rollout of all) {
      expect([rollout.input, rollout.metadata]).toEqual([plain, plain])
      expect([jsonSourceOf(rollout.input), jsonSourceOf(rollout.metadata)]).toEqual([text, text])
    }
  })

  check('NUMBERS-02', 'a change brings its own text, or none; what it leaves alone keeps the one it has', async () => {
    const { store } = await open()
    const started = await store.startRollout({ rollout: { input: written(), metadata: written() } })
    const rolloutId = started.rollout_id
    await store.updateRollout({ rolloutId, input: written('{"x": 2.0}') })
    const changed = await store.getRolloutById({ rolloutId })
    expect([jsonSourceOf(changed!.input), jsonSourceOf(changed!.metadata)]).toEqual(['{"x": 2.0}', text])
    await store.updateRollout({ rolloutId, input: { x: 3 }, metadata: { ...changed!.metadata } })
    const plainly = await store.getRolloutById({ rolloutId })
    expect([jsonSourceOf(plainly!.input), jsonSourceOf(plainly!.metadata)]).toEqual([undefined, undefined])
    expect([plainly!.input, plainly!.metadata]).toEqual([{ x: 3 }, plain])
  })

  check('NUMBERS-03', 'metadata of attempts and parameters of models keep theirs', async () => {
    const { store, second } = await open()
    const started = await store.startRollout({ rollout: { input: 1 } })
    await store.updateAttempt({ ...keyOf(started), metadata: written() })
    const model = { resource_type: 'llm', endpoint: 'http://e', model: 'm', api_key: null } as const
    const llm = { ...model, sampling_parameters: written() }
    const { resources_id: resourcesId } = await store.addResources({ resources: { llm } })
    const other = await second()
    const attempt = await other.getLatestAttempt({ rolloutId: started.rollout_id })
    expect(attempt!.metadata).toEqual(plain)
    expect(jsonSourceOf(attempt!.metadata)).toBe(text)
    for (const update of [await other.getResourcesById({ resourcesId }), await other.getLatestResources()]) {
      expect(update!.resources).toEqual({ llm: { ...llm, sampling_parameters: plain } })
      const { sampling_parameters: parameters } = update!.resources.llm as typeof llm
      expect(jsonSourceOf(parameters)).toBe(text)
    }
  })
}
