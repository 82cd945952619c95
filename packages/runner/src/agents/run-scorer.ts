import { AglError, errorMessage } from '@agl/types'
import type { AgentContext, AgentResult } from '../agent.ts'
import { infraError } from './infra-error.ts'

/** Runs a function of the user's that scores what an agent did: what it throws is not the agent's fault, unless it says so. */
export async function runScorer(
  score: () => AgentResult | Promise<AgentResult>,
  { signal }: Pick<AgentContext, 'signal'>,
): Promise<AgentResult> {
  try {
    return await score()
  } catch (error) {
    if (AglError.isInstance(error, 'agent_failed') || signal.aborted) throw error
    throw infraError({
      code: 'scoring_failed',
      message: `The function that scores the agent failed: ${errorMessage(error)}. For what the agent did wrong it returns a low reward.`,
      cause: error,
    })
  }
}
