import { createRunner } from '@agl/runner'
import { createMemoryStore } from '@agl/store-memory'
import { type NamedResources, spanAttributes } from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { handWrittenPrompt, seedPrompt } from './desk-prompts.ts'
import { openPromptDesk, type PromptDesk } from './prompt-desk.ts'
import { promptedClerk } from './prompted-clerk.ts'
import { createTasks, type ShopTask } from './tasks.ts'

let desk: PromptDesk
beforeAll(async () => {
  desk = await openPromptDesk()
})
afterAll(async () => {
  await desk[Symbol.asyncDispose]()
})

/** Serves one customer through store and runner. */
async function play(task: ShopTask, resources: NamedResources) {
  const store = createMemoryStore()
  await store.addResources({ resources })
  const { rollout_id: rolloutId } = await store.enqueueRollout({ input: task })
  await createRunner({ agent: promptedClerk, store, maxRollouts: 1 }).run()
  const { items: spans } = await store.querySpans({ rolloutId })
  const rollout = await store.getRolloutById({ rolloutId })
  await store.close()
  const feedback = spans.map(({ attributes }) => attributes[spanAttributes.feedback]).find((text) => text !== undefined)
  return { status: rollout?.status, reward: findFinalReward(spans), feedback }
}

const promptOf = (template: string): NamedResources => ({
  prompt: { resource_type: 'prompt_template', engine: 'f-string', template },
})

describe('the clerk with a prompt', () => {
  const task = createTasks(11, 40).find(({ kind }) => kind === 'price')!

  it('earns a reward by a good prompt, and says so', async () => {
    const resources = { ...promptOf(handWrittenPrompt), llm: { ...desk.llm, sampling_parameters: { temperature: 0 } } }
    expect(await play(task, resources)).toEqual({ status: 'succeeded', reward: 1, feedback: 'right' })
  })

  it('says what was expected and what it said where it earns none', async () => {
    const resources = { ...promptOf(seedPrompt), llm: { ...desk.llm, sampling_parameters: { temperature: 0 } } }
    const { reward, feedback } = await play(task, resources)
    expect(reward).toBe(0)
    expect(feedback).toMatch(new RegExp(`^expected answer ${task.answer}, got \\S`))
  })

  it('does not begin without a prompt', async () => {
    expect(await play(task, { llm: desk.llm })).toMatchObject({ status: 'failed', reward: null })
  })
})
