import {
  attemptNotFound,
  isFinished,
  pageOf as checkedPage,
  parseEnqueueRequest,
  rolloutItemNotFound,
  sortFields,
} from '@agl/store-kit'
import {
  AglError,
  type Attempt,
  type AttemptedRollout,
  type AttemptUpdate,
  type EnqueueRolloutRequest,
  type Page,
  type PageRequest,
  type Rollout,
  type RolloutQuery,
  type RolloutUpdate,
  type StartRolloutRequest,
} from '@agl/types'
import { z } from 'zod'
import { type Client, keyHeader, needOurs, needOursFor, type RequestOf } from './client.ts'
import type { ApiRequest } from './connection.ts'
import { anAttempt, anAttemptedRollout, aRollout, aRolloutOrAttempted, listOf, pageOf, read } from './replies.ts'
import { emptyPage, isRoutable, named, path, secondsOf, toWire } from './requests.ts'

const rollouts = listOf(aRollout)
const rolloutOrNull = aRolloutOrAttempted.nullable()
const rolloutPage = pageOf(aRolloutOrAttempted)
const attemptOrNull = anAttempt.nullable()
const attemptPage = pageOf(anAttempt)
const texts = listOf(z.string())

/** @throws AglError `not_supported_by_server` for what the reference's rollouts do not have */
function checkRollout(client: Client, verb: string, request: EnqueueRolloutRequest): void {
  if (client.connection.isOurs) return
  const { priority, labels, rollout_id: id, resources_version: version, idempotency_key: key, config } = request
  needOursFor(client, verb, {
    priority: priority === 0 ? null : priority,
    labels: Object.keys(labels ?? {}).length === 0 ? null : labels,
    rollout_id: id,
    resources_version: version,
    idempotency_key: key,
    'config.retry_outcomes': config?.retry_outcomes?.length ? config.retry_outcomes : null,
  })
}

/** As it is sent: our servers take an id, which makes the request harmless when it comes twice. */
function prepare(client: Client, verb: string, request: EnqueueRolloutRequest): EnqueueRolloutRequest {
  checkRollout(client, verb, request)
  return client.connection.isOurs ? named(request, client.ids.rolloutId) : request
}

async function enqueue(client: Client, verb: string, requests: readonly EnqueueRolloutRequest[]): Promise<readonly Rollout[]> {
  const body = { rollouts: requests.map((request) => prepare(client, verb, request)) }
  const { isOurs } = client.connection
  const request: ApiRequest = { method: 'POST', path: '/queues/rollouts/enqueue', body, isRepeatable: isOurs }
  return read(await client.connection.call(request), rollouts)
}

export async function enqueueRollout(client: Client, request: EnqueueRolloutRequest): Promise<Rollout> {
  const reply = await enqueue(client, 'enqueueRollout', [parseEnqueueRequest(request)])
  return reply[0]!
}

export async function enqueueManyRollouts(
  client: Client,
  request: RequestOf<'enqueueManyRollouts'>,
): Promise<readonly Rollout[]> {
  const parsed = request.rollouts.map((rollout, index) => parseEnqueueRequest(rollout, `rollouts[${index}]`))
  return parsed.length === 0 ? [] : enqueue(client, 'enqueueManyRollouts', parsed)
}

export async function startRollout(client: Client, request: StartRolloutRequest): Promise<AttemptedRollout> {
  const { rollout, workerId = null, leaseMs } = request
  needOursFor(client, 'startRollout', { leaseMs })
  const body = {
    ...prepare(client, 'startRollout', parseEnqueueRequest(rollout, 'rollout')),
    worker_id: workerId,
    ...(leaseMs === undefined ? {} : { lease_seconds: secondsOf(leaseMs) }),
  }
  const { isOurs } = client.connection
  const reply = await client.connection.call({ method: 'POST', path: '/rollouts', body, isRepeatable: isOurs })
  return read(reply, anAttemptedRollout)
}

export async function startAttempt(client: Client, request: RequestOf<'startAttempt'>): Promise<AttemptedRollout> {
  const { rolloutId, workerId = null, leaseMs, idempotencyKey } = request
  needOursFor(client, 'startAttempt', { leaseMs })
  const body = { worker_id: workerId, ...(leaseMs === undefined ? {} : { lease_seconds: secondsOf(leaseMs) }) }
  const reply = await client.connection.call({
    method: 'POST',
    path: path`/rollouts/${rolloutId}/attempts`,
    body,
    headers: keyHeader(client, 'startAttempt', idempotencyKey),
    isRepeatable: client.connection.isOurs,
  })
  return read(reply, anAttemptedRollout)
}

export async function releaseAttempt(client: Client, request: RequestOf<'releaseAttempt'>): Promise<Rollout> {
  needOurs(client, 'releaseAttempt')
  const { rolloutId, attemptId } = request
  const route = path`/rollouts/${rolloutId}/attempts/${attemptId}/release`
  return read(await client.connection.call({ method: 'POST', path: route }), aRollout)
}

export async function cancelRollouts(client: Client, request: RequestOf<'cancelRollouts'>): Promise<readonly Rollout[]> {
  const { rolloutIds } = request
  if (!client.connection.isOurs) return cancelOneByOne(client, rolloutIds)
  const body = { rollout_ids: rolloutIds }
  return read(await client.connection.call({ method: 'POST', path: '/cancellations/rollouts', body }), rollouts)
}

/** On the Python server, where a cancelled rollout is one whose status was set. */
async function cancelOneByOne(client: Client, rolloutIds: readonly string[]): Promise<readonly Rollout[]> {
  const cancelled: Rollout[] = []
  for (const rolloutId of new Set(rolloutIds)) {
    const present = await getRolloutById(client, { rolloutId })
    if (present === null || isFinished(present.status)) continue
    cancelled.push(await updateRollout(client, { rolloutId, status: 'cancelled' }))
  }
  return cancelled
}

export async function deleteRollouts(client: Client, request: RequestOf<'deleteRollouts'>): Promise<readonly string[]> {
  needOurs(client, 'deleteRollouts')
  const body = { rollout_ids: request.rolloutIds }
  return read(await client.connection.call({ method: 'POST', path: '/deletions/rollouts', body }), texts)
}

/** The Python server refuses a page without rows: one row is asked for and left out. */
export async function askPage<Item>(
  client: Client,
  request: PageRequest<string>,
  schema: z.ZodType<Page<Item>>,
  ask: (page: { readonly limit?: number }) => ApiRequest,
): Promise<Page<Item>> {
  if (request.limit !== 0 || client.connection.isOurs) return read(await client.connection.call(ask({})), schema)
  const page = read(await client.connection.call(ask({ limit: 1 })), schema)
  return { ...page, items: [], limit: 0 }
}

export async function queryRollouts(client: Client, query: RolloutQuery): Promise<Page<Rollout | AttemptedRollout>> {
  checkedPage([], null, query, sortFields.rollouts)
  needOursFor(client, 'queryRollouts', { modeIn: query.modeIn, labels: query.labels })
  return askPage(client, query, rolloutPage, (page) => ({
    method: 'POST',
    path: '/rollouts/search',
    body: toWire({ ...query, ...page }),
  }))
}

export async function getRolloutById(
  client: Client,
  request: RequestOf<'getRolloutById'>,
): Promise<Rollout | AttemptedRollout | null> {
  const { rolloutId } = request
  if (!isRoutable(rolloutId)) return null
  try {
    return read(await client.connection.call({ method: 'GET', path: path`/rollouts/${rolloutId}` }), rolloutOrNull)
  } catch (error) {
    if (isUnknownToPython(error)) return null
    throw error
  }
}

/** The Python server stumbles over a rollout that it does not have. */
function isUnknownToPython(error: unknown): boolean {
  const { data } = error as { readonly data?: { readonly errorType?: unknown } }
  return data?.errorType === 'ResponseValidationError'
}

export async function queryAttempts(client: Client, query: RequestOf<'queryAttempts'>): Promise<Page<Attempt>> {
  checkedPage([], null, query, sortFields.attempts)
  const { rolloutId, ...rest } = query
  if (!isRoutable(rolloutId)) return emptyPage(query)
  return askPage(client, query, attemptPage, (page) => ({
    method: 'POST',
    path: path`/rollouts/${rolloutId}/attempts/search`,
    body: toWire({ ...rest, ...page }),
  }))
}

export async function getLatestAttempt(client: Client, request: RequestOf<'getLatestAttempt'>): Promise<Attempt | null> {
  const { rolloutId } = request
  if (!isRoutable(rolloutId)) return null
  return read(await client.connection.call({ method: 'GET', path: path`/rollouts/${rolloutId}/attempts/latest` }), attemptOrNull)
}

export async function updateRollout(client: Client, update: RolloutUpdate): Promise<Rollout> {
  const { rolloutId, idempotencyKey, ...change } = update
  // Its path is that of a query.
  if (rolloutId === 'search') throw rolloutItemNotFound(rolloutId)
  needOursFor(client, 'updateRollout', {
    'config.retry_outcomes': update.config?.retry_outcomes.length ? update.config.retry_outcomes : null,
  })
  // Sent again after somebody has claimed it, a rollout that is put into the queue would be run twice.
  const mayUndo = update.status === 'queuing' || update.status === 'requeuing'
  const isKeyed = mayUndo || idempotencyKey !== undefined
  const write = () =>
    client.connection.call({
      method: 'POST',
      path: path`/rollouts/${rolloutId}`,
      body: toWire(change),
      headers: isKeyed ? keyHeader(client, 'updateRollout', idempotencyKey) : {},
      isRepeatable: client.connection.isOurs || !mayUndo,
    })
  return read(client.connection.isOurs ? await write() : await client.turns(rolloutId, write), aRollout)
}

export async function updateAttempt(client: Client, update: AttemptUpdate): Promise<Attempt> {
  const { rolloutId, attemptId, outcome, ...change } = update
  if (attemptId === 'search') throw attemptNotFound(rolloutId, attemptId)
  needOursFor(client, 'updateAttempt', { outcome })
  const body = toWire({ ...change, outcome })
  const named = attemptId === 'latest' ? await latestOf(client, rolloutId) : attemptId
  return read(
    await client.connection.call({ method: 'POST', path: path`/rollouts/${rolloutId}/attempts/${named}`, body }),
    anAttempt,
  )
}

/** The attempt that is the latest now: were the request sent again, the word might mean another. */
async function latestOf(client: Client, rolloutId: string): Promise<string> {
  try {
    // Where there is none, the server says so in its own words.
    return (await getLatestAttempt(client, { rolloutId }))?.attempt_id ?? 'latest'
  } catch (error) {
    if (AglError.isInstance(error, 'not_found')) return 'latest'
    throw error
  }
}
