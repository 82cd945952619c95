import { type Agent, llmRollout } from '@agl/runner'

export const needing: Agent = llmRollout(() => 1)
