import type { AttemptedRollout, EnqueueRolloutRequest, LightningStore, NamedResources, NewSpan, RolloutConfig } from '@agl/types'

let spanCounter = 0

/** A valid span of an attempt, with an id of its own. */
export function spanOf(claimed: AttemptedRollout, fields: Partial<NewSpan> = {}): NewSpan {
  return {
    rollout_id: claimed.rollout_id,
    attempt_id: claimed.attempt.attempt_id,
    trace_id: 'trace',
    span_id: `span-${++spanCounter}`,
    parent_id: null,
    name: 'step',
    status: { status_code: 'OK', description: null },
    attributes: { answer: 42 },
    events: [],
    links: [],
    start_time: 1,
    end_time: 2,
    context: null,
    parent: null,
    resource: { attributes: {}, schema_url: '' },
    ...fields,
  }
}

/** A span that carries a reward. */
export function rewardOf(claimed: AttemptedRollout, value: number = 1): NewSpan {
  return spanOf(claimed, {
    name: 'agentlightning.annotation',
    attributes: { 'agentlightning.reward.0.name': 'primary', 'agentlightning.reward.0.value': value },
  })
}

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
