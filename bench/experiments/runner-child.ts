// A runner that writes down itself what it has served.
import { appendFileSync } from 'node:fs'
import { createRunner, rollout } from '@agl/runner'
import { openAccess } from '../faults/open-access.ts'
import type { Access } from '../faults/plan.ts'
import { untilDone } from '../soak/parts.ts'
import { type Ask, serveAsk } from './desk.ts'

/** What a runner is told. */
export interface RunnerPlan {
  readonly access: Access
  readonly journal: string
  readonly workerId: string
  /** The ask that it never gets done with; null = none. */
  readonly stuckAt: number | null
}

/** A line of the journal. */
export type Noted =
  | { readonly kind: 'stuck'; readonly rolloutId: string }
  | ({ readonly kind: 'served'; readonly rolloutId: string; readonly template: string; readonly reward: number } & Ask)

const { access, journal, workerId, stuckAt } = JSON.parse(process.argv[2]!) as RunnerPlan
const store = await openAccess(access)

function note(line: Noted): void {
  appendFileSync(journal, `${JSON.stringify(line)}\n`)
}

const agent = rollout<Ask>(async (ask, { rollout: { rollout_id: rolloutId }, promptTemplate: { template } }) => {
  if (ask.number === stuckAt) {
    note({ kind: 'stuck', rolloutId })
    await new Promise(() => {})
  }
  const reward = serveAsk(template, ask)
  note({ kind: 'served', rolloutId, template, reward, ...ask })
  return reward
})

const runner = createRunner({ store, agent, workerId, concurrency: 4, leaseMs: 1_500, waitMs: 5_000 })
for (;;) await untilDone(() => runner.run())
