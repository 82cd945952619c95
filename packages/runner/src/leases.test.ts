import { createMemoryStore } from '@agl/store-memory'
import { AglError, type LightningStore, type Logger, type RolloutStatus } from '@agl/types'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rollout } from './agent.ts'
import { createRunner } from './runner.ts'

/*
 * What a Python server refuses, on a store in this process; `interop/python-server.test.ts` has the real one.
 */

let store: LightningStore
beforeEach(() => {
  store = createMemoryStore()
})
afterEach(async () => {
  await store.close()
})

function refusing(from: LightningStore): LightningStore {
  const refuse = (verb: string, request: object = {}): void => {
    const asked = ['leaseMs', 'outcome', 'capacity'].filter((name) => name in request)
    if (asked.length === 0 && verb !== 'releaseAttempt') return
    throw new AglError({ code: 'not_supported_by_server', message: `no ${asked.join()} (${verb})` })
  }
  return {
    ...from,
    capabilities: { ...from.capabilities, features: [] },
    async dequeueRollout(request) {
      refuse('dequeueRollout', request)
      return await from.dequeueRollout(request)
    },
    async heartbeat(request) {
      refuse('heartbeat', request)
      return await from.heartbeat(request)
    },
    async updateAttempt(request) {
      refuse('updateAttempt', request)
      return await from.updateAttempt(request)
    },
    async releaseAttempt(request) {
      refuse('releaseAttempt')
      return await from.releaseAttempt(request)
    },
  }
}

function listening(): Logger & { readonly infos: string[]; readonly problems: string[] } {
  const infos: string[] = []
  const problems: string[] = []
  const toProblem = (message: string): void => void problems.push(message)
  return { infos, problems, debug() {}, info: (message) => void infos.push(message), warn: toProblem, error: toProblem }
}

describe('a store without leases', () => {
  it('is asked for none, and has every end written as far as it can hold it', async () => {
    const inputs = ['ends', 'throws', 'never ends']
    const enqueued = await store.enqueueManyRollouts({ rollouts: inputs.map((input) => ({ input })) })
    const missing = await store.enqueueRollout({ input: 'is not reached', resources_id: 'rs-gone' })
    const agent = rollout<string>((task) => {
      if (task === 'throws') throw new Error('boom')
      return task === 'ends' ? 1 : new Promise(() => {})
    })
    const logger = listening()
    const options = { agent, store: refusing(store), logger, attemptTimeoutMs: 50, abortGraceMs: 10, maxRollouts: 4 }
    expect(await createRunner(options).run()).toEqual({ attempts: 4 })
    const rolloutIds = [...enqueued, missing].map(({ rollout_id }) => rollout_id)
    const attempts = await Promise.all(rolloutIds.map((rolloutId) => store.getLatestAttempt({ rolloutId })))
    expect(attempts.map((attempt) => [attempt!.status, attempt!.lease_expires])).toEqual([
      ['succeeded', null],
      ['failed', null],
      ['timeout', null],
      ['failed', null],
    ])
    expect(attempts[1]!.metadata).toMatchObject({ error: { message: 'boom' } })
    expect(attempts[3]!.metadata).toMatchObject({ error: { code: 'not_found' } })
    expect(logger.infos.filter((message) => message.includes('no leases'))).toHaveLength(1)
    expect(logger.problems.filter((message) => message.includes('settled'))).toEqual([])
  })

  it('gets heartbeats all the same, and what they say stops the agent; a cancelled rollout stays cancelled', async () => {
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
    const started = Promise.withResolvers<void>()
    const agent = rollout<number>(async (_task, { signal }) => {
      started.resolve()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    })
    const logger = listening()
    const running = createRunner({ agent, store: refusing(store), logger, leaseMs: 150, maxRollouts: 1 }).run()
    await started.promise
    await store.cancelRollouts({ rolloutIds: [rolloutId] })
    await running
    expect(await store.getRolloutById({ rolloutId })).toMatchObject({ status: 'cancelled' })
    expect(logger.problems).toEqual(['An attempt was stopped'])
  })

  const endings: readonly [title: string, meanwhile: (rolloutId: string) => Promise<unknown>, status: RolloutStatus][] = [
    ['queues again what a runner gives back', async () => {}, 'requeuing'],
    ['leaves alone what somebody has taken over', (rolloutId) => store.startAttempt({ rolloutId }), 'preparing'],
    ['leaves alone what was cancelled', (rolloutId) => store.updateRollout({ rolloutId, status: 'cancelled' }), 'cancelled'],
  ]
  it.each(endings)('%s', async (_title, meanwhile, status) => {
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
    const started = Promise.withResolvers<void>()
    const agent = rollout<number>(async () => {
      started.resolve()
      await new Promise(() => {})
    })
    const stop = new AbortController()
    const options = { agent, store: refusing(store), shutdownGraceMs: 10, abortGraceMs: 10 }
    const running = createRunner(options).run({ signal: stop.signal })
    await started.promise
    await meanwhile(rolloutId)
    stop.abort()
    await running
    expect(await store.getRolloutById({ rolloutId })).toMatchObject({ status })
  })
})
