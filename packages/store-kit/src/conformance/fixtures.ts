import type { AttemptedRollout, EnqueueRolloutRequest, LightningStore, NamedResources, RolloutConfig } from '@agl/types'

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

/** Resources of one prompt. */
export function promptOf(template: string): NamedResources {
  return { prompt: { resource_type: 'prompt_template', template, engine: 'f-string' } }
}
