import type { AttemptOutcome, LightningStore, Rollout } from '@agl/types'
import { collectRollout } from '../collect.ts'
import { experimentNames, measure, placementOf } from './metrics.ts'
import type { ExperimentSettings } from './options.ts'
import type { Target } from './record.ts'

/** What an experiment has seen of one rollout. */
export interface Observation extends Target {
  readonly rolloutId: string
  readonly arm: string
  readonly key: string
  /** Of the record, when the arm was chosen. */
  readonly revision: number
  readonly values: Readonly<Record<string, number | null>>
  readonly outcome: AttemptOutcome | null
}

/**
 * Brings what rollouts say into the order in which they were begun, arm by arm: those that are finished wait for the ones before them. Results
 * taken as they come would be those of the quick first, and where failures are quicker than successes a good arm would begin with all its
 * failures.
 */
export interface Ledger {
  /** A rollout of the experiment, whatever its status; one that is known already changes nothing. */
  note(rollout: Pick<Rollout, 'rollout_id' | 'labels' | 'start_time'>): void
  /**
   * What a finished rollout said; false where a reward may yet come and this ledger waits for such, so that it is to be told again.
   */
  fill(observation: Observation): boolean
  /** Those whose turn has come. */
  drain(): readonly Observation[]
  /** That were not finished in time. */
  readonly leftOut: number
}

interface Slot {
  readonly rolloutId: string
  readonly since: number
  observation: Observation | null
}

/**
 * @param options `isLive`: a service goes on for ever, so that no arm waits for another, and an unrewarded rollout for its reward. A run of tasks has one order of
 *   all arms instead: what it finds does not depend on who was quicker.
 */
export function createLedger(
  { stragglersMs, primary }: Pick<ExperimentSettings, 'stragglersMs' | 'primary'>,
  { isLive }: { readonly isLive: boolean },
): Ledger {
  /** Null: its turn is over; of what is told no more than the id is kept, since a guard goes on for as long as its service. */
  const slots = new Map<string, Slot | null>()
  const queues = new Map<string, Slot[]>()
  let leftOut = 0

  return {
    note(rollout) {
      const arm = rollout.labels[experimentNames.arm]
      if (arm === undefined || slots.has(rollout.rollout_id)) return
      const slot = { rolloutId: rollout.rollout_id, since: rollout.start_time, observation: null }
      slots.set(rollout.rollout_id, slot)
      const place = isLive ? arm : ''
      const queue = queues.get(place)
      if (queue === undefined) queues.set(place, [slot])
      else queue.push(slot)
    },
    fill(observation) {
      const slot = slots.get(observation.rolloutId)
      if (slot === undefined || slot === null || slot.observation !== null) return true
      const mayBeRewarded = observation.outcome === 'completed' && observation.values[primary.name] === null
      if (isLive && mayBeRewarded) return false
      slot.observation = observation
      return true
    },
    drain() {
      const oldest = (Date.now() - stragglersMs) / 1000
      const told: Observation[] = []
      for (const queue of queues.values()) {
        let count = 0
        for (const { rolloutId, observation, since } of queue) {
          if (observation === null && since > oldest) break
          slots.set(rolloutId, null)
          if (observation === null) leftOut += 1
          else told.push(observation)
          count += 1
        }
        queue.splice(0, count)
      }
      return told
    },
    get leftOut() {
      return leftOut
    },
  }
}

const finished: ReadonlySet<Rollout['status']> = new Set(['succeeded', 'failed', 'cancelled'])

export function isFinished({ status }: Pick<Rollout, 'status'>): boolean {
  return finished.has(status)
}

/** Reads what a finished rollout has to say. */
export async function observe(
  store: LightningStore,
  signal: AbortSignal,
  { metrics }: Pick<ExperimentSettings, 'metrics'>,
  rolloutId: string,
): Promise<Observation | null> {
  const collected = await collectRollout({ store, signal }, rolloutId, 0)
  const { rollout, attempt } = collected
  const placement = placementOf(rollout)
  const arm = rollout.labels[experimentNames.arm]
  if (placement === null || arm === undefined || rollout.resources_id === null) return null
  return {
    rolloutId,
    arm,
    key: placement.key,
    revision: placement.revision,
    resourcesId: rollout.resources_id,
    version: rollout.resources_version ?? 0,
    values: measure(metrics, collected),
    outcome: attempt?.outcome ?? null,
  }
}

const pageSize = 500
const readersAtOnce = 32

/** Everything the store has of an experiment, page by page, in the order in which it was begun. */
export async function* listRollouts(
  store: LightningStore,
  signal: AbortSignal,
  { name }: Pick<ExperimentSettings, 'name'>,
): AsyncGenerator<readonly Rollout[]> {
  for (let offset = 0; ; offset += pageSize) {
    signal.throwIfAborted()
    const { items } = await store.queryRollouts({ labels: { [experimentNames.experiment]: name }, offset, limit: pageSize })
    yield items
    if (items.length < pageSize) return
  }
}

/** Reads what those that are finished have to say. */
export async function fillFinished(
  store: LightningStore,
  signal: AbortSignal,
  settings: ExperimentSettings,
  ledger: Ledger,
  rollouts: readonly Rollout[],
): Promise<void> {
  const rest = rollouts.filter(isFinished).values()
  const read = async (): Promise<void> => {
    for (const { rollout_id: rolloutId } of rest) {
      const observation = await observe(store, signal, settings, rolloutId)
      if (observation !== null) ledger.fill(observation)
    }
  }
  await Promise.all(Array.from({ length: readersAtOnce }, read))
}

/** Everything the store has of an experiment, into a ledger. */
export async function scan(
  store: LightningStore,
  signal: AbortSignal,
  settings: ExperimentSettings,
  ledger: Ledger,
): Promise<void> {
  for await (const page of listRollouts(store, signal, settings)) {
    for (const rollout of page) ledger.note(rollout)
    await fillFinished(store, signal, settings, ledger, page)
  }
}
