import { createMemoryStore } from '@agl/store-memory'
import type { LightningStore, NamedResources } from '@agl/types'
import { expect, it } from 'vitest'
import { rollout } from './agent.ts'
import { createRunner } from './runner.ts'

const promptOf = (template: string): NamedResources => ({
  prompt: { resource_type: 'prompt_template', template, engine: 'f-string' },
})

/** The store, and which snapshots were read from it. */
function watched(store: LightningStore): { readonly store: LightningStore; readonly reads: string[] } {
  const reads: string[] = []
  const getResourcesById: LightningStore['getResourcesById'] = async (request) => {
    reads.push(`${request.resourcesId} ${request.version}`)
    return await store.getResourcesById(request)
  }
  return { store: { ...store, getResourcesById }, reads }
}

it('reads each version once, however many rollouts are pinned to it, and the latest before it is needed', async () => {
  await using memory = createMemoryStore()
  await memory.updateResources({ resourcesId: 'old', resources: promptOf('old') })
  await memory.updateResources({ resourcesId: 'new', resources: promptOf('new') })
  const { store, reads } = watched(memory)
  const seen: string[] = []
  const agent = rollout((_task, { promptTemplate }) => {
    seen.push(promptTemplate.template)
    return 1
  })
  const pinned = (id: string) => Array.from({ length: 10 }, () => ({ input: 1, resources_id: id, resources_version: 1 }))
  const stop = new AbortController()
  const running = createRunner({ agent, store }).run({ signal: stop.signal })
  await new Promise((resolve) => setImmediate(resolve))
  const rollouts = await memory.enqueueManyRollouts({ rollouts: [...pinned('old'), ...pinned('new')] })
  await memory.waitForRollouts({ rolloutIds: rollouts.map(({ rollout_id: id }) => id) })
  stop.abort()
  await running
  expect([seen.filter((text) => text === 'old').length, seen.filter((text) => text === 'new').length]).toEqual([10, 10])
  expect(reads).toEqual(['old 1'])
})

it('asks again for what was not there', async () => {
  await using memory = createMemoryStore()
  const { store, reads } = watched(memory)
  const runner = createRunner({ agent: rollout(() => 1), store, maxRollouts: 2 })
  await memory.enqueueManyRollouts({
    rollouts: Array.from({ length: 2 }, () => ({ input: 1, resources_id: 'none', resources_version: 1 })),
  })
  await runner.run()
  expect(reads).toEqual(['none 1', 'none 1'])
})
