import { isLive, pageOf as checkedPage, sortFields } from '@agl/store-kit'
import type {
  AttemptedRollout,
  HeartbeatReply,
  HeartbeatRequest,
  JsonObject,
  Page,
  Rollout,
  Worker,
  WorkerQuery,
} from '@agl/types'
import { z } from 'zod'
import { type Client, needOursFor, type RequestOf } from './client.ts'
import { aWorker, pageOf, read } from './replies.ts'
import { isRoutable, path, secondsOf, toWire } from './requests.ts'
import { askPage, getRolloutById, updateAttempt } from './rollouts.ts'

const workerOrNull = aWorker.nullable()
const workerPage = pageOf(aWorker)
const beat = z.object({
  worker: aWorker,
  stopped: z.array(
    z.object({
      rollout_id: z.string(),
      attempt_id: z.string(),
      reason: z.enum(['cancelled', 'superseded', 'settled', 'not_found', 'shutdown']),
    }),
  ),
})

type Stopped = HeartbeatReply['stopped'][number]

export async function queryWorkers(client: Client, query: WorkerQuery): Promise<Page<Worker>> {
  checkedPage([], null, query, sortFields.workers)
  return askPage(client, query, workerPage, (page) => ({
    method: 'POST',
    path: '/workers/search',
    body: toWire({ ...query, ...page }),
  }))
}

export async function getWorkerById(client: Client, { workerId }: RequestOf<'getWorkerById'>): Promise<Worker | null> {
  if (!isRoutable(workerId)) return null
  return read(await client.connection.call({ method: 'GET', path: path`/workers/${workerId}` }), workerOrNull)
}

export async function updateWorker(client: Client, { workerId, heartbeatStats }: RequestOf<'updateWorker'>): Promise<Worker> {
  // A worker without a name has no path; a heartbeat of nothing writes the same.
  if (workerId === '' && client.connection.isOurs) {
    return (await heartbeat(client, { workerId, ...(heartbeatStats === undefined ? {} : { stats: heartbeatStats }) })).worker
  }
  const body = heartbeatStats === undefined ? {} : { body: { heartbeat_stats: heartbeatStats } }
  return read(await client.connection.call({ method: 'POST', path: path`/workers/${workerId}`, ...body }), aWorker)
}

export async function heartbeat(client: Client, request: HeartbeatRequest): Promise<HeartbeatReply> {
  const { workerId, attempts, leaseMs, capacity, stats } = request
  if (!client.connection.isOurs) {
    needOursFor(client, 'heartbeat', { leaseMs, capacity })
    return beatPiecemeal(client, { workerId, attempts: attempts ?? [], stats })
  }
  const body = {
    worker_id: workerId,
    ...(attempts === undefined ? {} : { attempts: attempts.map(toWire) }),
    ...(leaseMs === undefined ? {} : { lease_seconds: secondsOf(leaseMs) }),
    ...toWire({ capacity, stats }),
  }
  const { worker, stopped } = read(await client.connection.call({ method: 'POST', path: '/heartbeats', body }), beat)
  const named = stopped.map(({ rollout_id: rolloutId, attempt_id: attemptId, reason }): Stopped => ({
    rolloutId,
    attemptId,
    reason,
  }))
  return Object.freeze({ worker, stopped: named })
}

interface PiecemealBeat {
  readonly workerId: string
  readonly attempts: readonly { readonly rolloutId: string; readonly attemptId: string }[]
  readonly stats: JsonObject | undefined
}

/**
 * On the Python server: the worker's record, and of each attempt what became of it. A sign of life gives the rollout the status of its
 * attempt there, which undoes a cancel that comes between the two: it is sent only where the rollout wants one.
 */
async function beatPiecemeal(client: Client, { workerId, attempts, stats }: PiecemealBeat): Promise<HeartbeatReply> {
  const worker = await updateWorker(client, { workerId, ...(stats === undefined ? {} : { heartbeatStats: stats }) })
  const stopped: Stopped[] = []
  for (const key of attempts) {
    const reason = await client.turns(key.rolloutId, () => showLife(client, key))
    if (reason !== null) stopped.push({ ...key, reason })
  }
  return Object.freeze({ worker, stopped })
}

/** Why the attempt must stop; null = it lives. */
async function showLife(client: Client, key: PiecemealBeat['attempts'][number]): Promise<Stopped['reason'] | null> {
  const rollout = await getRolloutById(client, key)
  const reason = stopReason(rollout, key.attemptId)
  if (reason === null && rollout!.config.unresponsive_seconds !== null) {
    await updateAttempt(client, { ...key, lastHeartbeatTime: Date.now() / 1000 })
  }
  return reason
}

function stopReason(rollout: Rollout | AttemptedRollout | null, attemptId: string): Stopped['reason'] | null {
  if (rollout === null || !('attempt' in rollout)) return 'not_found'
  if (rollout.status === 'cancelled') return 'cancelled'
  // In the queue it is anybody's.
  if (rollout.attempt.attempt_id !== attemptId || rollout.status === 'queuing' || rollout.status === 'requeuing')
    return 'superseded'
  return isLive(rollout.attempt.status) ? null : 'settled'
}
