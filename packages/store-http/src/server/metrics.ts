import { errorMessage, type LightningStore, type Logger, type Rollout } from '@agl/types'
import { Counter, Histogram, Registry } from 'prom-client'

/** What the server measures, in the names of the reference. */
export interface Metrics {
  observe(request: {
    /** The route, not the path asked for: what callers choose must not become a label. */
    readonly path: string
    readonly method: string
    readonly status: number
    readonly milliseconds: number
  }): void
  /** In Prometheus' text format. From the first time on, rollouts that finish are counted too. */
  read(): Promise<{ readonly contentType: string; readonly text: string }>
}

/** From 1 µs to 300 s, in seconds. */
const buckets: readonly number[] = [
  1e-6, 1e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300,
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
  const requestLabels = ['path', 'method', 'status'] as const
  const total = new Counter({ name: 'agl_http_total', help: 'Requests', labelNames: requestLabels, registers })
  const latency = new Histogram({
    name: 'agl_http_latency',
    help: 'Seconds from the head of a request to the end of its answer',
    labelNames: requestLabels,
    buckets: [...buckets],
    registers,
  })
  const rolloutLabels = ['status', 'mode'] as const
  const rollouts = new Counter({
    name: 'agl_rollouts_total',
    help: 'Rollouts that have finished',
    labelNames: rolloutLabels,
    registers,
  })
  const duration = new Histogram({
    name: 'agl_rollouts_duration',
    help: 'Seconds from enqueueing to the end',
    labelNames: rolloutLabels,
    buckets: [...buckets],
    registers,
  })

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
    observe({ path, method, status, milliseconds }) {
      const labels = { path, method, status: String(status) }
      total.inc(labels)
      latency.observe(labels, milliseconds / 1000)
    },
    async read() {
      void countRollouts()
      return { contentType: registry.contentType, text: await registry.metrics() }
    },
  }
}

/** Finished rollouts that are told apart from new ones; an older one that changes once more is counted again. */
const mostRemembered = 10_000
