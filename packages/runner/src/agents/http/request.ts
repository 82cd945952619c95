import type { JsonObject, NamedResources, RolloutMode } from '@agl/types'
import { type AgentContext, missingResources } from '../../agent.ts'

/** What a deployed agent is sent: the body of a POST, in JSON. */
export interface HttpAgentRequest<Task = unknown> {
  readonly task: Task
  readonly rollout_id: string
  /** Also the header `idempotency-key`: the same attempt is never to be run twice. */
  readonly attempt_id: string
  readonly mode: RolloutMode | null
  readonly seed: number
  /** The model to call, at the base URL of this very attempt: every call is recorded for it. Null: there is none. */
  readonly llm: {
    readonly base_url: string
    readonly model: string
    readonly api_key: string | null
    readonly sampling_parameters: JsonObject
  } | null
  /** All resources by name, with the keys that they hold. */
  readonly resources: NamedResources
  /** Where it may write spans and a reward by itself, with a key that opens this attempt only. */
  readonly store: { readonly url: string; readonly api_key: string | null } | null
}

export function toHttpAgentRequest<Task>(task: Task, context: AgentContext, storeUrl: string | null): HttpAgentRequest<Task> {
  const { rollout, resources, seed } = context
  const llm = missingResources({ needs: ['llm'] }, resources).length > 0 ? null : context.llm
  return {
    task,
    rollout_id: rollout.rollout_id,
    attempt_id: rollout.attempt.attempt_id,
    mode: rollout.mode,
    seed,
    llm: llm && {
      base_url: llm.endpoint,
      model: llm.model,
      api_key: llm.api_key,
      sampling_parameters: llm.sampling_parameters,
    },
    resources,
    store: storeUrl === null ? null : { url: storeUrl.replace(/\/$/, ''), api_key: rollout.attempt_token ?? null },
  }
}
