import { AglError } from '@agl/types'
import type { Agent, AgentContext, AgentNeed, AgentResult } from '../agent.ts'

/**
 * An agent for those who like to subclass: override `rollout`, or `trainingRollout` and `validationRollout` where the two
 * differ. Each of these falls back to `rollout` by itself: overriding one does not change the other.
 */
export abstract class LitAgent<Task = unknown> implements Agent<Task> {
  readonly needs: readonly AgentNeed[] = []

  rollout(_task: Task, { rollout }: AgentContext): AgentResult | Promise<AgentResult> {
    const mode = rollout.mode === 'train' ? 'trainingRollout' : 'validationRollout'
    throw new AglError({
      code: 'not_supported',
      message: `${this.constructor.name} has no rollout for mode ${rollout.mode ?? 'none'}: override rollout or ${mode}.`,
    })
  }

  trainingRollout(task: Task, context: AgentContext): AgentResult | Promise<AgentResult> {
    return this.rollout(task, context)
  }

  validationRollout(task: Task, context: AgentContext): AgentResult | Promise<AgentResult> {
    return this.rollout(task, context)
  }
}
