import { expect } from 'vitest'
import { claimNext, enqueueAndClaim, keyOf, retryAlways } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeWorkers({ check, open }: Suite): void {
  check('WORKER-01', 'a heartbeat makes the worker and keeps the last stats', async () => {
    const { store } = await open()
    expect(await store.getWorkerById({ workerId: 'w' })).toBeNull()
    const first = await store.updateWorker({ workerId: 'w', heartbeatStats: { cpu: 1 } })
    expect(first).toMatchObject({ status: 'unknown', heartbeat_stats: { cpu: 1 }, current_rollout_id: null })
    const second = await store.updateWorker({ workerId: 'w' })
    expect(second.heartbeat_stats).toEqual({ cpu: 1 })
    expect(second.last_heartbeat_time).toBeGreaterThan(first.last_heartbeat_time!)
    const claimed = await enqueueAndClaim(store, {}, { workerId: 'w' })
    expect(await store.getWorkerById({ workerId: 'w' })).toMatchObject({ status: 'busy', heartbeat_stats: { cpu: 1 } })
    expect(await store.updateWorker({ workerId: 'w', heartbeatStats: { cpu: 2 } })).toMatchObject({ status: 'busy' })
    expect(await store.getLatestAttempt({ rolloutId: claimed.rollout_id })).toEqual(claimed.attempt)
  })

  check('WORKER-02', 'work makes it busy, the end of the work idle, a lost attempt unknown', async () => {
    const { store } = await open()
    const worker = () => store.getWorkerById({ workerId: 'w' })
    const claimed = await enqueueAndClaim(store, {}, { workerId: 'w' })
    const busy = await worker()
    expect(busy).toMatchObject({
      status: 'busy',
      current_rollout_id: claimed.rollout_id,
      current_attempt_id: claimed.attempt.attempt_id,
    })
    expect(busy!.last_dequeue_time).toBe(busy!.last_busy_time)
    expect(busy!.last_idle_time).toBeNull()
    await store.updateAttempt({ ...keyOf(claimed), status: 'succeeded' })
    const idle = await worker()
    expect(idle).toMatchObject({ status: 'idle', current_rollout_id: null, current_attempt_id: null })
    expect(idle!.last_idle_time).toBeGreaterThan(busy!.last_busy_time!)
    expect(idle!.last_busy_time).toBe(busy!.last_busy_time)
    const second = await enqueueAndClaim(store, {}, { workerId: 'w' })
    await store.updateAttempt({ ...keyOf(second), status: 'timeout' })
    const lost = await worker()
    expect(lost).toMatchObject({ status: 'unknown', current_rollout_id: null })
    expect(lost!.last_idle_time).toBeGreaterThan(idle!.last_idle_time!)
  })

  for (const status of ['preparing', 'running'] as const) {
    check('WORKER-02', `a report of ${status} makes it busy again`, async () => {
      const { store } = await open()
      const worker = () => store.getWorkerById({ workerId: 'w' })
      const claimed = await enqueueAndClaim(store, { config: retryAlways }, { workerId: 'w' })
      await store.updateAttempt({ ...keyOf(claimed), status: 'unresponsive' })
      const lost = await worker()
      expect(lost).toMatchObject({ status: 'unknown', current_attempt_id: null })
      await store.updateAttempt({ ...keyOf(claimed), status })
      const busy = await worker()
      expect(busy).toMatchObject({
        status: 'busy',
        current_rollout_id: claimed.rollout_id,
        current_attempt_id: claimed.attempt.attempt_id,
      })
      expect(busy!.last_busy_time).toBeGreaterThan(lost!.last_idle_time!)
    })
  }

  check('WORKER-09', 'what it said about itself is kept, whatever becomes of its work', async () => {
    const { store } = await open()
    const workerId = 'w'
    const { last_heartbeat_time: beat } = await store.updateWorker({ workerId, heartbeatStats: { cpu: 1 } })
    const expectKept = async (status: string): Promise<void> =>
      expect(await store.getWorkerById({ workerId })).toMatchObject({
        status,
        heartbeat_stats: { cpu: 1 },
        last_heartbeat_time: beat,
      })
    expect(await store.dequeueRollout({ workerId })).toBeNull()
    await expectKept('idle')
    const first = await enqueueAndClaim(store, {}, { workerId })
    await expectKept('busy')
    await store.updateAttempt({ ...keyOf(first), status: 'failed' })
    await expectKept('idle')
    const second = await enqueueAndClaim(store, {}, { workerId })
    await store.updateAttempt({ ...keyOf(second), status: 'timeout' })
    await expectKept('unknown')
  })

  check('WORKER-10', 'metadata of its attempt alone leave its record as it is', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store, {}, { workerId: 'w' })
    const before = await store.getWorkerById({ workerId: 'w' })
    await store.updateAttempt({ ...keyOf(claimed), metadata: { note: 1 } })
    expect(await store.getWorkerById({ workerId: 'w' })).toEqual(before)
  })

  check('WORKER-03', 'with several attempts it is idle only when none is left', async () => {
    const { store } = await open()
    await store.enqueueManyRollouts({ rollouts: [1, 2, 3].map((input) => ({ input })) })
    const [a, b, c] = await store.dequeueManyRollouts({ limit: 3, workerId: 'w' })
    const worker = () => store.getWorkerById({ workerId: 'w' })
    expect(await worker()).toMatchObject({ current_rollout_id: c!.rollout_id })
    await store.updateAttempt({ ...keyOf(c!), status: 'succeeded' })
    expect(await worker()).toMatchObject({ status: 'busy', current_rollout_id: b!.rollout_id })
    await store.updateAttempt({ ...keyOf(a!), status: 'unresponsive' })
    expect(await store.dequeueRollout({ workerId: 'w' })).toBeNull()
    expect(await worker()).toMatchObject({ status: 'busy', current_rollout_id: b!.rollout_id })
    await store.updateAttempt({ ...keyOf(b!), status: 'failed' })
    expect(await worker()).toMatchObject({ status: 'idle', current_rollout_id: null })
  })

  check('WORKER-04', 'finding nothing makes it idle once', async () => {
    const { store } = await open()
    await store.dequeueRollout({ workerId: 'w' })
    const first = await store.getWorkerById({ workerId: 'w' })
    expect(first).toMatchObject({ status: 'idle', last_idle_time: first!.last_dequeue_time })
    await store.dequeueRollout({ workerId: 'w' })
    const second = await store.getWorkerById({ workerId: 'w' })
    expect(second!.last_idle_time).toBe(first!.last_idle_time)
    expect(second!.last_dequeue_time).toBeGreaterThan(first!.last_dequeue_time!)
  })

  check('WORKER-05', 'an attempt may pass to another worker', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store, {}, { workerId: 'old' })
    await store.updateAttempt({ ...keyOf(claimed), workerId: 'new' })
    expect(await store.getWorkerById({ workerId: 'old' })).toMatchObject({ status: 'idle', current_attempt_id: null })
    expect(await store.getWorkerById({ workerId: 'new' })).toMatchObject({
      status: 'busy',
      current_rollout_id: claimed.rollout_id,
    })
  })

  check('WORKER-06', 'a revived attempt is its worker’s again', async () => {
    const { store, advance } = await open()
    const claimed = await enqueueAndClaim(store, {}, { workerId: 'w', leaseMs: 1000 })
    await advance(1100)
    expect(await store.getWorkerById({ workerId: 'w' })).toMatchObject({ status: 'unknown' })
    await store.heartbeat({ workerId: 'w', attempts: [keyOf(claimed)] })
    expect(await store.getWorkerById({ workerId: 'w' })).toMatchObject({
      status: 'busy',
      current_rollout_id: claimed.rollout_id,
    })
  })

  check('WORKER-07', 'queries', async () => {
    const { store } = await open()
    await store.enqueueRollout({ input: 1 })
    await claimNext(store, { workerId: 'worker-2' })
    await store.dequeueRollout({ workerId: 'worker-1' })
    await store.updateWorker({ workerId: 'other' })
    const ids = async (query: object): Promise<unknown> => (await store.queryWorkers(query)).items.map((item) => item.worker_id)
    expect(await ids({})).toEqual(['worker-2', 'worker-1', 'other'])
    expect(await ids({ statusIn: ['busy', 'idle'], sortBy: 'worker_id' })).toEqual(['worker-1', 'worker-2'])
    expect(await ids({ statusIn: ['busy'], workerIdContains: 'oth', filterLogic: 'or' })).toEqual(['worker-2', 'other'])
    expect(await ids({ filterLogic: 'or', limit: 1, offset: 2 })).toEqual(['other'])
    expect(await ids({ workerIdContains: 'ORKER' })).toEqual([])
    expect(await ids({ workerIdContains: '' })).toEqual(['worker-2', 'worker-1', 'other'])
    expect(await ids({ statusIn: [] })).toEqual([])
    expect(await store.queryWorkers()).toMatchObject({ limit: -1, offset: 0, total: 3 })
    const page = await store.queryWorkers({ workerIdContains: 'worker', limit: 1, offset: 1 })
    expect(page).toMatchObject({ items: [{ worker_id: 'worker-1' }], limit: 1, offset: 1, total: 2 })
    expect(await store.queryWorkers({ offset: 9 })).toMatchObject({ items: [], offset: 9, total: 3 })
    expect(await ids({ sortBy: 'last_idle_time', sortOrder: 'desc' })).toEqual(['worker-2', 'other', 'worker-1'])
  })

  check('WORKER-08', 'work that was started, not claimed, makes it busy too, without a time of a claim', async () => {
    const { store } = await open()
    const started = await store.startRollout({ rollout: { input: 1 }, workerId: 'w' })
    const worker = await store.getWorkerById({ workerId: 'w' })
    expect(worker).toMatchObject({
      status: 'busy',
      last_busy_time: expect.any(Number),
      last_dequeue_time: null,
      current_attempt_id: started.attempt.attempt_id,
    })
    const next = await store.startAttempt({ rolloutId: started.rollout_id, workerId: 'w' })
    expect(await store.getWorkerById({ workerId: 'w' })).toMatchObject({ current_attempt_id: next.attempt.attempt_id })
  })
}
