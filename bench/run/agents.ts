import { type Agent, rollout } from '@agl/runner'

/** Does nothing, and says in which process. */
export const idle: Agent = rollout(() => process.pid)
