import type { AttemptedRollout, Emitter, Llm, NamedResources, PromptTemplate } from '@agl/types'

/** What an agent is given besides its task. */
export interface AgentContext {
  /** The snapshot that this rollout is pinned to; gateway models already carry the rollout's own base URL. */
  readonly resources: NamedResources
  /** The first model among the resources; throws `not_found` when there is none. */
  readonly llm: Llm
  /** The first prompt template among the resources; throws `not_found` when there is none. */
  readonly promptTemplate: PromptTemplate
  readonly rollout: AttemptedRollout
  /** Aborted when the attempt is cancelled, is over its deadline, or the runner shuts down. Hand it to every call. */
  readonly signal: AbortSignal
  /** Records rewards (and more) into this attempt. */
  readonly emit: Emitter
  /**
   * A whole number of 32 bits, the same in every attempt of the rollout: `metadata.seed` when the algorithm gave one,
   * otherwise made from the rollout's id. An agent that draws from it (and hands it to its model) can be repeated.
   */
  readonly seed: number
}

/** A reward, or nothing when rewards are emitted or come later. */
export type AgentResult = number | boolean | null | undefined | void

/** Something that can be run on a task. */
export interface Agent<Task = unknown> {
  rollout(task: Task, context: AgentContext): Promise<AgentResult>
}

/** Makes an agent of a function: `rollout(async (task, { llm, signal }) => reward)`. */
export function rollout<Task = unknown>(
  run: (task: Task, context: AgentContext) => AgentResult | Promise<AgentResult>,
): Agent<Task> {
  return Object.freeze({
    async rollout(task: Task, context: AgentContext) {
      return await run(task, context)
    },
  })
}
