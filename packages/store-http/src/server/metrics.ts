import type { ServerResponse } from 'node:http'
import { errorMessage, type LightningStore, type Logger, type Rollout } from '@agl/types'
import { Counter, Histogram, Registry } from 'prom-client'
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

/** The reference's, from 1 µs to 300 s, in seconds. */
const buckets: readonly number[] = [
  1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 7e-3, 0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1,
  0.2, 0.3, 0.5, 0.7, 1, 2, 3, 5, 7, 10, 12, 15, 20, 25, 30, 40, 50, 60, 90, 120, 180, 240, 300,
]

/**
 * @param parts.signal ends the counting of rollouts
 */
export function createMetrics(parts: {
  readonly store: LightningStore
  readonly logger: Logger
  readonly signal: AbortSignal
}): Metrics {
  const { store, logger, signal } = parts
  const registry = new Registry()
  const registers = [registry]
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> =>
    new Counter({ name, help, labelNames, registers })
  const histogram = <Label extends string>(name: string, help: string, labelNames: readonly Label[]): Histogram<Label> =>
    new Histogram({ name, help, labelNames, buckets: [...buckets], registers })

  const requestLabels = ['path', 'method', 'status'] as const
  const requests = counter('agl_http_total', 'Requests', requestLabels)
  const requestLatency = histogram(
    'agl_http_latency',
    'Seconds from the head of a request to the end of its answer',
    requestLabels,
  )
  // The reference tells here which verb has called another one; verbs of ours do not call each other.
  const callLabels = ['method', 'store_pubmeth', 'status'] as const
  const calls = counter('agl_store_total', 'Calls of the store', callLabels)
  const callLatency = histogram('agl_store_latency', 'Seconds of a call of the store, parked time included', callLabels)
  const rolloutLabels = ['status', 'mode'] as const
  const rollouts = counter('agl_rollouts_total', 'Rollouts that have finished', rolloutLabels)
  const duration = histogram('agl_rollouts_duration', 'Seconds from enqueueing to the end', rolloutLabels)

  const countRollout = ({ status, mode, start_time: start, end_time: end }: Rollout): void => {
    if (end === null) return
    const labels = { status, mode: mode ?? 'unknown' }
    rollouts.inc(labels)
    duration.observe(labels, Math.max(0, end - start))
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
      calls.inc(labels)
      callLatency.observe(labels, milliseconds / 1000)
    }),
    observe({ path, method, status, milliseconds }) {
      const labels = { path, method, status: String(status) }
      requests.inc(labels)
      requestLatency.observe(labels, milliseconds / 1000)
    },
    async read() {
      void countRollouts()
      return { contentType: registry.contentType, text: await registry.metrics() }
    },
  }
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
