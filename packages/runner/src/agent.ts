import type { Prompt } from '@agl/prompts'
import type { AttemptedRollout, Emitter, Llm, Logger, NamedResources, NewSpan, RewardValue, SpanCoreFields } from '@agl/types'
import type { OtelSpan } from '@agl/types/spans'

/** What an agent is given besides its task. */
export interface AgentContext {
  /** The snapshot that this rollout is pinned to; gateway models already carry the rollout's own base URL. */
  readonly resources: NamedResources
  /** The first model among the resources; throws `not_found` when there is none. */
  readonly llm: Llm
  /**
   * The first prompt template among the resources, with `format(values)`, which renders it; throws `not_found` when there is none.
   * `formatPrompt` of `@agl/prompts` renders any other of the `resources`.
   */
  readonly promptTemplate: Prompt
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
  /** The runner's. */
  readonly logger: Logger
  /**
   * Waits until somebody else has written a reward into this attempt: a program elsewhere that does the work, or a grader.
   * Resolves to its primary value; rejects once `signal` (default: that of the attempt) is aborted. What this process emits does
   * not count before it is written.
   */
  waitForReward(options?: { readonly signal?: AbortSignal }): Promise<number>
}

/** A reward as an agent returns it; `primary` names the dimension that counts, where there are several. */
export interface ReturnedReward {
  readonly reward: RewardValue | boolean
  readonly primary?: string
}

/** A span as an agent returns it: its own of this attempt, one of OpenTelemetry, or what `collectSpans` collects. */
export type ReturnedSpan = NewSpan | SpanCoreFields | OtelSpan

/**
 * What a rollout may return. A reward comes after all that was emitted, so it is the final one; spans are added to the
 * attempt; nothing when rewards are emitted or come later. Anything else is an `agent_error`.
 */
export type AgentResult = number | boolean | ReturnedReward | readonly ReturnedSpan[] | null | undefined | void

/** A kind of resource that an agent cannot do without; a model behind the gateway is an `llm` too. */
export type AgentNeed = 'llm' | 'prompt_template' | `custom:${string}`

/** Something that can be run on a task. */
export interface Agent<Task = unknown> {
  /** What must be among the resources; checked when a rollout starts, and by {@link missingResources} before that. */
  readonly needs?: readonly AgentNeed[]
  rollout(task: Task, context: AgentContext): AgentResult | Promise<AgentResult>
  /** In place of `rollout` where the mode is `train`. */
  trainingRollout?(task: Task, context: AgentContext): AgentResult | Promise<AgentResult>
  /** In place of `rollout` where the mode is `val`, `test` or none. */
  validationRollout?(task: Task, context: AgentContext): AgentResult | Promise<AgentResult>
}

type Run<Task, Context> = (task: Task, context: Context) => AgentResult | Promise<AgentResult>

/** Makes an agent of a function: `rollout(async (task, { llm, signal }) => reward)`. */
export function rollout<Task = unknown>(
  run: Run<Task, AgentContext>,
  { needs = [] }: { readonly needs?: readonly AgentNeed[] } = {},
): Agent<Task> {
  return Object.freeze({
    needs: Object.freeze([...needs]),
    async rollout(task: Task, context: AgentContext) {
      return await run(task, context)
    },
  })
}

/** The same for a function that needs a model: without one its rollouts fail before they begin. */
export function llmRollout<Task = unknown>(run: Run<Task, AgentContext>): Agent<Task> {
  return rollout(run, { needs: ['llm'] })
}

/** What a {@link promptRollout} is given: the model is optional. */
export type PromptContext = Omit<AgentContext, 'llm'> & { readonly llm: Llm | null }

/** The same for a function that needs a prompt template, and takes a model if there is one. */
export function promptRollout<Task = unknown>(run: Run<Task, PromptContext>): Agent<Task> {
  return rollout(
    (task: Task, context) => {
      const hasModel = missingResources({ needs: ['llm'] }, context.resources).length === 0
      // By descriptors: reading a getter of what is not there throws.
      const parts = Object.getOwnPropertyDescriptors(context)
      return run(task, Object.defineProperties({}, hasModel ? parts : { ...parts, llm: { value: null } }) as PromptContext)
    },
    { needs: ['prompt_template'] },
  )
}

/** Which of the kinds that an agent needs are not among the resources. */
export function missingResources(agent: Pick<Agent<never>, 'needs'>, resources: NamedResources): readonly AgentNeed[] {
  const there = new Set<string>(Object.values(resources).map(({ resource_type: type }) => (type === 'proxy_llm' ? 'llm' : type)))
  return (agent.needs ?? []).filter((kind) => !there.has(kind))
}
