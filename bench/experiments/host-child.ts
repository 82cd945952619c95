// A service on another host: it has the experiment open, routes, and takes steps when it is told.
import { type ExperimentState, type LiveExperiment, type Random, randomFor } from '@agl/algorithms'
import { AglError } from '@agl/types'
import { openAccess } from '../faults/open-access.ts'
import type { Access } from '../faults/plan.ts'
import { serveParent, type Verbs } from '../lib/child.ts'
import { nextTimer } from '../lib/loop-delay.ts'
import { type Ask, createDesk, type Routes, routesOf, type templates } from './desk.ts'

/** What it can be asked to do. */
export interface Host extends Verbs {
  open(request: { readonly access: Access; readonly version: keyof typeof templates }): Promise<void>
  routes(customers: readonly string[]): Routes
  /** Promotes an arm or rolls back, by a draw, so many times; answers the revisions that became its own. */
  takeSteps(request: { readonly by: string; readonly seed: number; readonly times: number }): Promise<readonly number[]>
  /** The state, once it has heard of this revision, or what it has by when that should have been. */
  hearsOf(revision: number): Promise<ExperimentState>
}

const patienceMs = 15_000

let live: LiveExperiment<Ask> | null = null

async function takeStep(random: Random, by: string): Promise<number | null> {
  const arms = Object.keys(live!.state.arms)
  const author = { by, reason: 'it was told to' }
  const step =
    random.below(3) === 0 ? live!.rollback(author) : live!.promote({ arm: arms[random.below(arms.length)]!, ...author })
  try {
    return (await step).revision
  } catch (error) {
    // What others did first leaves nothing to be done.
    if (AglError.isInstance(error, 'conflict')) return null
    throw error
  }
}

serveParent<Host>({
  async open({ access, version }) {
    live = await createDesk(version).open({ store: await openAccess(access) })
  },
  routes: (customers) => routesOf(live!, customers),
  async takeSteps({ by, seed, times }) {
    const random = randomFor(seed, by)
    const own: number[] = []
    for (let time = 0; time < times; time += 1) {
      const revision = await takeStep(random, by)
      if (revision !== null) own.push(revision)
    }
    return own
  },
  async hearsOf(revision) {
    const end = performance.now() + patienceMs
    while (live!.state.revision < revision && performance.now() < end) await nextTimer(5)
    return live!.state
  },
})
