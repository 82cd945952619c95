import { createMemoryStore } from '@agl/store-memory'
import { type Attempt, type AttemptOutcome, silentLogger } from '@agl/types'
import { createRunner, rollout } from '@agl/runner'
import { describe, expect, it } from 'vitest'
import { algo } from './algo.ts'
import { collectRollouts, countOutcomes, scoreOf } from './collect.ts'

describe('scoreOf', () => {
  const attempt = (outcome: AttemptOutcome | null): Attempt => ({ outcome }) as Attempt
  it.each<[AttemptOutcome | null, number | null]>([
    ['scored', 0.5],
    ['agent_error', -1],
    ['timeout', -1],
    ['invalid', -1],
    ['completed', null],
    ['infra_error', null],
    ['unresponsive', null],
    ['cancelled', null],
    [null, null],
  ])('%s counts as %j', (outcome, score) => {
    expect(scoreOf(attempt(outcome), 0.5, -1)).toBe(score)
  })
})

describe('collectRollouts', () => {
  it('answers in the order asked, with reward, score and spans of each', async () => {
    await using store = createMemoryStore()
    const stop = new AbortController()
    const agent = rollout<number>((task) => {
      if (task === 2) throw new Error('boom')
      return task === 1 ? undefined : task
    })
    const running = createRunner({ agent, store, concurrency: 3 }).run({ signal: stop.signal })
    const done: number[] = []
    const collected = await collectRollouts(
      { store, signal: stop.signal },
      [0, 1, 2, 3].map((input) => ({ input })),
      { onFinished: (count) => done.push(count) },
    )
    stop.abort()
    await running
    expect(collected.map(({ rollout, reward, score }) => [rollout.input, reward, score])).toEqual([
      [0, 0, 0],
      [1, null, null],
      [2, null, 0],
      [3, 3, 3],
    ])
    expect(countOutcomes(collected)).toEqual({ scored: 2, completed: 1, agent_error: 1 })
    expect(done).toEqual([1, 2, 3, 4])
  })

  it('stops waiting when it is told to, and leaves nothing behind', async () => {
    await using store = createMemoryStore()
    const stop = new AbortController()
    const waiting = collectRollouts({ store, signal: stop.signal }, [{ input: 1 }, { input: 2 }])
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    expect((await store.queryRollouts({ statusIn: ['cancelled'] })).total).toBe(2)
    expect(await store.dequeueRollout()).toBeNull()
  })

  it('tries again what the agent did not do wrong, and only that', async () => {
    await using store = createMemoryStore()
    const stop = new AbortController()
    const collecting = collectRollouts({ store, signal: stop.signal }, [{ input: 'ours' }, { input: 'theirs' }])
    for (const outcome of ['infra_error', 'agent_error'] as const) {
      const claimed = await store.dequeueRollout()
      await store.updateAttempt({ rolloutId: claimed!.rollout_id, attemptId: 'latest', status: 'failed', outcome })
    }
    const again = await store.dequeueRollout()
    expect(again).toMatchObject({ input: 'ours', attempt: { sequence_id: 2 } })
    expect(await store.dequeueRollout()).toBeNull()
    await store.updateAttempt({ rolloutId: again!.rollout_id, attemptId: 'latest', status: 'succeeded' })
    expect((await collecting).map(({ score }) => score)).toEqual([null, 0])
  })

  it('cancels what is not finished in time, and leaves it out', async () => {
    await using store = createMemoryStore()
    const stop = new AbortController()
    const agent = rollout<string>((task, { signal }) =>
      task === 'slow' ? new Promise<number>((resolve) => signal.addEventListener('abort', () => resolve(1))) : 1,
    )
    const running = createRunner({ agent, store, concurrency: 2, abortGraceMs: 10, shutdownGraceMs: 10 }).run({
      signal: stop.signal,
    })
    const collected = await collectRollouts({ store, signal: stop.signal }, [{ input: 'slow' }, { input: 'fast' }], {
      timeoutMs: 200,
    })
    stop.abort()
    await running
    expect(collected.map(({ rollout: { status }, score }) => ({ status, score }))).toEqual([
      { status: 'cancelled', score: null },
      { status: 'succeeded', score: 1 },
    ])
  })

  it('refuses unknown options', async () => {
    await using store = createMemoryStore()
    const collecting = collectRollouts({ store, signal: new AbortController().signal }, [], { worstRewrad: 1 } as never)
    await expect(collecting).rejects.toThrow(/worstRewrad/)
  })
})

describe('algo', () => {
  it('makes an algorithm of a function, sync or async', async () => {
    const context = { logger: silentLogger } as never
    expect(await algo('sync', () => 1).run(context)).toBe(1)
    expect(await algo('async', async () => 2).run(context)).toBe(2)
    expect(algo('named', () => 1).name).toBe('named')
  })
})
