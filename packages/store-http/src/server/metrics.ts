import type { ServerResponse } from 'node:http'
import { errorMessage, type LightningStore, type Logger, type ReadableMetrics, type Rollout } from '@agl/types'
import { measureStore } from './measure-store.ts'

/** One kind of request: a route, not the path asked for, because what callers choose must not become a label. */
export interface RequestKind {
  readonly path: string
  readonly method: string
}

/** What the server measures, in the names of the reference. */
export interface Metrics {
  /** What requests are served from: the store, each call of which is counted. */
  readonly store: LightningStore
  observe(request: RequestKind & { readonly status: number; readonly milliseconds: number }): void
  /** In Prometheus' text format. From the first time on, rollouts that finish are counted too. */
  read(): Promise<{ readonly contentType: string; readonly text: string }>
}

/**
 * @param parts.registry where everything is counted; others may count there as well
 * @param parts.signal ends the counting of rollouts
 */
export function createMetrics(parts: {
  readonly store: LightningStore
  readonly registry: ReadableMetrics
  readonly logger: Logger
  readonly signal: AbortSignal
}): Metrics {
  const { store, registry, logger, signal } = parts
  const requestLabels = ['path', 'method', 'status'] as const
  const requests = registry.counter({ name: 'agl_http_total', help: 'Requests', labels: requestLabels })
  const requestLatency = registry.histogram({
    name: 'agl_http_latency',
    help: 'Seconds from the head of a request to the end of its answer',
    labels: requestLabels,
  })
  // The reference tells here which verb has called another one; verbs of ours do not call each other.
  const callLabels = ['method', 'store_pubmeth', 'status'] as const
  const calls = registry.counter({ name: 'agl_store_total', help: 'Calls of the store', labels: callLabels })
  const callLatency = registry.histogram({
    name: 'agl_store_latency',
    help: 'Seconds of a call of the store, parked time included',
    labels: callLabels,
  })
  const rolloutLabels = ['status', 'mode'] as const
  const rollouts = registry.counter({ name: 'agl_rollouts_total', help: 'Rollouts that have finished', labels: rolloutLabels })
  const duration = registry.histogram({
    name: 'agl_rollouts_duration',
    help: 'Seconds from enqueueing to the end',
    labels: rolloutLabels,
  })

  const countRollout = ({ status, mode, start_time: start, end_time: end }: Rollout): void => {
    if (end === null) return
    const labels = { status, mode: mode ?? 'unknown' }
    rollouts.add(1, labels)
    duration.record(Math.max(0, end - start), labels)
  }

  const workers = registry.gauge({ name: 'agl_workers', help: 'Workers that the store knows, by status', labels: ['status'] })
  const silence = registry.gauge({
    name: 'agl_workers_heartbeat_age_seconds',
    help: 'Seconds since the last heartbeat of the busy worker that has been silent for longest; 0 when none is busy',
  })

  /** Looked up when somebody asks: two short queries, and no series for each worker, whose ids are as many as there were runners. */
  const lookAtWorkers = async (): Promise<void> => {
    try {
      for (const status of ['busy', 'idle'] as const) {
        const { items, total } = await store.queryWorkers({
          statusIn: [status],
          sortBy: 'last_heartbeat_time',
          sortOrder: 'asc',
          limit: 1,
        })
        workers.set(total, { status })
        if (status === 'busy') silence.set(ageOf(items[0]?.last_heartbeat_time ?? null))
      }
    } catch (error) {
      if (!signal.aborted) logger.warn('the workers could not be looked at for the metrics', { error: errorMessage(error) })
    }
  }

  let isCounting = false
  const countRollouts = async (): Promise<void> => {
    if (isCounting || !store.capabilities.features.includes('watch')) return
    isCounting = true
    // A rollout may be told several times after it has ended, for example when its metadata change.
    const ended = new Map<string, number>()
    try {
      for await (const event of store.watch({ signal })) {
        if (event.type === 'rollout_deleted') ended.delete(event.rollout_id)
        if (event.type !== 'rollout') continue
        const { rollout_id: id, end_time: end } = event.rollout
        if (end === null) ended.delete(id)
        else if (ended.get(id) !== end) {
          ended.set(id, end)
          if (ended.size > mostRemembered) ended.delete(ended.keys().next().value!)
          countRollout(event.rollout)
        }
      }
    } catch (error) {
      isCounting = false
      if (!signal.aborted) logger.warn('finished rollouts are not counted until the next look', { error: errorMessage(error) })
    }
  }

  return {
    store: measureStore(store, ({ method, status, milliseconds }) => {
      const labels = { method, store_pubmeth: method, status }
      calls.add(1, labels)
      callLatency.record(milliseconds / 1000, labels)
    }),
    observe({ path, method, status, milliseconds }) {
      const labels = { path, method, status: String(status) }
      requests.add(1, labels)
      requestLatency.record(milliseconds / 1000, labels)
    },
    async read() {
      void countRollouts()
      await lookAtWorkers()
      return await registry.read()
    },
  }
}

/** @param time epoch seconds; null = never */
function ageOf(time: number | null): number {
  return time === null ? 0 : Math.max(0, Date.now() / 1000 - time)
}

/** Finished rollouts that are told apart from new ones; an older one that changes once more is counted again. */
const mostRemembered = 10_000

/** Counts a request when its answer has ended, however it ends. */
export function countRequest(metrics: Metrics | null, kind: RequestKind, response: ServerResponse): void {
  if (metrics === null) return
  const start = performance.now()
  response.once('close', () => {
    metrics.observe({ ...kind, status: statusOf(response), milliseconds: performance.now() - start })
  })
}

const brokenOff = new WeakSet<ServerResponse>()

/** Ends an answer that has begun and cannot be finished, so that its reader cannot take it for a whole one. */
export function breakOff(response: ServerResponse): void {
  brokenOff.add(response)
  response.destroy()
}

/** As the reference says it: 520 for an answer that broke off here, 499 when the caller was gone before it had one. */
function statusOf(response: ServerResponse): number {
  if (response.writableFinished) return response.statusCode
  return brokenOff.has(response) ? 520 : 499
}
