import type { Age, Counter, Gauge, Histogram, Metrics } from '@agl/types'

/** What a runner counts; `docs/observe.md` is for those who read it. Runners of one process share the series. */
export interface Measures {
  /** By the outcome of the attempt; `handed_back`, `superseded` and `unsettled` are those that have none. */
  readonly attempts: Counter<'outcome' | 'mode'>
  readonly attemptSeconds: Histogram<'outcome' | 'mode'>
  readonly running: Gauge
  readonly claims: Counter<'result'>
  readonly claimSeconds: Histogram<'result'>
  readonly heartbeatAge: Age<'worker_id'>
  readonly heartbeatFailures: Counter
  readonly hookFailures: Counter<'hook'>
  readonly storeRetries: Counter<'call'>
  readonly resourcesSeconds: Histogram
}

export function createMeasures(metrics: Metrics): Measures {
  return {
    attempts: metrics.counter({
      name: 'agl_runner_attempts_total',
      help: 'Attempts that have ended, by outcome',
      labels: ['outcome', 'mode'],
    }),
    attemptSeconds: metrics.histogram({
      name: 'agl_runner_attempt_seconds',
      help: 'Seconds from the claim of an attempt to its settlement',
      labels: ['outcome', 'mode'],
    }),
    running: metrics.gauge({ name: 'agl_runner_running', help: 'Attempts that are running' }),
    claims: metrics.counter({
      name: 'agl_runner_claims_total',
      help: 'Claims that were answered: with work (claimed), without (empty), or not at all (failed)',
      labels: ['result'],
    }),
    claimSeconds: metrics.histogram({
      name: 'agl_runner_claim_seconds',
      help: 'Seconds from asking for work to the answer, parked time included',
      labels: ['result'],
    }),
    heartbeatAge: metrics.age({
      name: 'agl_runner_heartbeat_age_seconds',
      help: 'Seconds since the store answered a heartbeat of this runner',
      labels: ['worker_id'],
    }),
    heartbeatFailures: metrics.counter({ name: 'agl_runner_heartbeat_failures_total', help: 'Heartbeats that failed' }),
    hookFailures: metrics.counter({
      name: 'agl_runner_hook_failures_total',
      help: 'Hooks that threw or took too long',
      labels: ['hook'],
    }),
    storeRetries: metrics.counter({
      name: 'agl_runner_store_retries_total',
      help: 'Calls of the store that failed and were made again',
      labels: ['call'],
    }),
    resourcesSeconds: metrics.histogram({
      name: 'agl_runner_resources_load_seconds',
      help: 'Seconds until the resources of an attempt were there, retries included',
    }),
  }
}
