import { AglError, type LightningStore, type StoreEvent } from '@agl/types'
import { isFinished, type Ledger, observe, type Observation, scan } from './ledger.ts'
import { experimentNames } from './metrics.ts'
import type { ExperimentSettings } from './options.ts'

/**
 * What the rollouts of an experiment say, in their order, from the first one on and as they come; a batch may be empty, and the first one tells
 * that all the store had was read. Ends only by the signal or an error.
 */
export async function* followObservations(
  store: LightningStore,
  settings: ExperimentSettings,
  ledger: Ledger,
  signal: AbortSignal,
): AsyncGenerator<readonly Observation[]> {
  /** Finished, and waiting for a reward. */
  const unrewarded = new Set<string>()

  async function take(event: StoreEvent): Promise<void> {
    const rolloutId =
      event.type === 'rollout' ? event.rollout.rollout_id : event.type === 'attempt' ? event.attempt.rollout_id : null
    if (rolloutId === null) return
    if (event.type === 'rollout') {
      if (event.rollout.labels[experimentNames.experiment] !== settings.name) return
      ledger.note(event.rollout)
      if (!isFinished(event.rollout)) return
    } else if (!unrewarded.has(rolloutId)) return
    const observation = await observe(store, signal, settings, rolloutId)
    if (observation === null) return
    if (ledger.fill(observation)) unrewarded.delete(rolloutId)
    else unrewarded.add(rolloutId)
  }

  for (;;) {
    const opened = Promise.withResolvers<void>()
    const feed = store.watch({ signal, onOpen: () => opened.resolve() })[Symbol.asyncIterator]()
    let next = feed.next()
    next.catch(() => {})
    try {
      await Promise.race([opened.promise, next])
      await scan(store, signal, settings, ledger)
      yield ledger.drain()
      for (;;) {
        const { done, value: event } = await next
        if (done === true) return
        next = feed.next()
        next.catch(() => {})
        await take(event)
        const told = ledger.drain()
        if (told.length > 0) yield told
      }
    } catch (error) {
      // Too much has happened: what is in the store tells all of it.
      if (!AglError.isInstance(error, 'cursor_expired')) throw error
    } finally {
      await feed.return?.()
    }
  }
}
