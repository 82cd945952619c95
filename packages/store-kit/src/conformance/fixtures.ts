import type { AttemptedRollout, EnqueueRolloutRequest, LightningStore, NamedResources, RolloutConfig } from '@agl/types'
import type { OtelSpan } from '@agl/types/spans'

export { rewardOf, spanOf } from '../testing/spans.ts'

export const retryAlways: Partial<RolloutConfig> = {
  max_attempts: 3,
  retry_condition: ['failed', 'timeout', 'unresponsive'],
}

/** Enqueues one rollout and claims it. */
export async function enqueueAndClaim(
  store: LightningStore,
  request: Partial<EnqueueRolloutRequest> = {},
  claim: { readonly workerId?: string; readonly leaseMs?: number } = {},
): Promise<AttemptedRollout> {
  await store.enqueueRollout({ input: 'task', ...request })
  return claimNext(store, claim)
}

/** Claims the next rollout; throws when there is none. */
export async function claimNext(
  store: LightningStore,
  claim: { readonly workerId?: string; readonly leaseMs?: number } = {},
): Promise<AttemptedRollout> {
  const claimed = await store.dequeueRollout(claim)
  if (claimed === null) throw new Error('expected work in the queue')
  return claimed
}

/** The key of a claimed attempt, as requests name it. */
export function keyOf(claimed: AttemptedRollout): { readonly rolloutId: string; readonly attemptId: string } {
  return { rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id }
}

export async function statusOf(store: LightningStore, rolloutId: string): Promise<string | undefined> {
  return (await store.getRolloutById({ rolloutId }))?.status
}

/** A span as OpenTelemetry makes it; its id is that number, in hexadecimal. */
export function otelSpanOf(id: number): OtelSpan {
  const context = { traceId: 'a'.repeat(32), spanId: id.toString(16).padStart(16, '0') }
  return {
    name: 'call',
    spanContext: () => context,
    parentSpanContext: { ...context, spanId: 'c'.repeat(16) },
    startTime: [1_800_000_000, 500_000_000],
    endTime: [1_800_000_001, 0],
    status: { code: 2, message: 'no' },
    attributes: { tokens: [1, 2] },
    events: [],
    links: [],
    resource: { attributes: { service: 'test' } },
  }
}

/** Text that no packing makes much smaller; the same one for the same length. */
export function noiseOf(length: number): string {
  let state = 1
  const letter = (): string => {
    state = (state * 48_271) % 2_147_483_647
    return String.fromCharCode(33 + (state % 90))
  }
  return Array.from({ length }, letter).join('')
}

/** Resources of one prompt. */
export function promptOf(template: string): NamedResources {
  return { prompt: { resource_type: 'prompt_template', template, engine: 'f-string' } }
}
