// A program whose only agent keeps the loop that it runs on busy.
import { agentModule, createTrainer, type StrategyChoice } from '@agl/trainer'
import type { BlockedJob } from './blocked.ts'
import { openAccess } from './open-access.ts'

const { strategy, access, leaseMs } = JSON.parse(process.argv[2]!) as BlockedJob
const choice: StrategyChoice = strategy === 'cs' ? { type: 'cs', role: 'both', port: 0, drainMs: 200 } : strategy
const store = await openAccess(access)
const trainer = createTrainer({
  store,
  strategy: choice,
  algorithm: { name: 'blocked', run: ({ store, signal }) => store.waitForRollouts({ rolloutIds: ['blocking'], signal }) },
  runner: { leaseMs },
})
await trainer.fit(agentModule(new URL('blocked-agent.ts', import.meta.url), 'agent'), [])
await store.close()
process.disconnect()
