import { createStoreClient } from '@agl/store-http/client'
import { createStoreServer } from '@agl/store-http/server'
import { createMemoryStore } from '@agl/store-memory'
import { expect, it, onTestFinished } from 'vitest'
import { play } from '../test-rollout.test-support.ts'
import { commandAgent } from './command-agent.ts'
import { node, tell, told } from './program.test-support.ts'

/** A reward as any language can write it: one POST of JSON. */
const post = (rolloutId: string): string => `
  const now = Date.now() / 1000
  const span = {
    rollout_id: ${rolloutId}, attempt_id: process.env.AGL_ATTEMPT_ID, trace_id: '0'.repeat(31) + '1', span_id: '0'.repeat(15) + '1',
    parent_id: null, name: 'agentlightning.annotation', status: { status_code: 'OK' }, start_time: now, end_time: now,
    attributes: { 'agentlightning.reward.0.name': 'primary', 'agentlightning.reward.0.value': 0.75 },
    events: [], links: [], context: null, parent: null, resource: { attributes: {}, schema_url: '' },
  }
  const headers = { 'content-type': 'application/json', authorization: 'Bearer ' + process.env.AGL_API_KEY }
  fetch(process.env.AGL_SPANS_URL, { method: 'POST', headers, body: JSON.stringify(span) }).then((reply) => ${tell('reply.status')})
`

it('reports its own reward with the token of its attempt, and no other', async () => {
  const token = 'a-runner-token-of-enough-characters'
  const kept = createMemoryStore()
  const server = createStoreServer({ store: kept, port: 0, tokens: [{ role: 'runner', token }] })
  const { url } = await server.start()
  const store = await createStoreClient({ url, token })
  onTestFinished(async () => {
    await store.close()
    await server.close()
    await kept.close()
  })
  const reporting = (rolloutId: string) =>
    commandAgent<never>({ command: node, args: ['-e', post(rolloutId)], storeUrl: url, reward: 'event' })
  const own = await play(reporting('process.env.AGL_ROLLOUT_ID'), null, { store })
  expect([told(own), own.outcome, own.reward]).toEqual([201, 'scored', 0.75])
  const other = await play(reporting(JSON.stringify(own.rollout.rollout_id)), null, { store })
  expect([told(other), other.outcome]).toEqual([403, 'completed'])
})
