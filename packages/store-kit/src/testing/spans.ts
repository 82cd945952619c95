import type { AttemptedRollout, NewSpan } from '@agl/types'

let spanCounter = 0

/** A valid span of an attempt, with an id of its own within this process; `fields` replace what it has by default. */
export function spanOf(
  { rollout_id, attempt }: Pick<AttemptedRollout, 'rollout_id'> & { readonly attempt: { readonly attempt_id: string } },
  fields: Partial<NewSpan> = {},
): NewSpan {
  return {
    rollout_id,
    attempt_id: attempt.attempt_id,
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

/** A span that carries a reward, under the name `primary`. */
export function rewardOf(claimed: Parameters<typeof spanOf>[0], value: number = 1): NewSpan {
  return spanOf(claimed, {
    name: 'agentlightning.annotation',
    attributes: { 'agentlightning.reward.0.name': 'primary', 'agentlightning.reward.0.value': value },
  })
}
