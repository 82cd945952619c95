import { setTimeout } from 'node:timers/promises'
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

/**
 * Puts batches together so that no more than one comes in `everyMs`; what came last is told as well, when its time has come.
 * @param stop ends what is gathered from: it may wait for its next batch when nobody wants that any more
 */
export async function* gather<Item>(
  batches: AsyncIterable<readonly Item[]>,
  everyMs: number,
  stop: () => void,
): AsyncGenerator<readonly Item[]> {
  const source = batches[Symbol.asyncIterator]()
  let gathered: Item[] | null = null
  let toldAt = Number.NEGATIVE_INFINITY
  try {
    let next = source.next()
    next.catch(() => {})
    for (;;) {
      const result = gathered === null ? await next : await within(next, toldAt + everyMs - performance.now())
      if (result === null || result.done === true) {
        if (gathered !== null) yield gathered
        if (result !== null) return
        gathered = null
        toldAt = performance.now()
        continue
      }
      gathered ??= []
      gathered.push(...result.value)
      next = source.next()
      next.catch(() => {})
    }
  } finally {
    stop()
    await source.return?.()
  }
}

/** Null when the time is over first. */
async function within<Result>(result: Promise<Result>, ms: number): Promise<Result | null> {
  const timer = new AbortController()
  try {
    return await Promise.race([result, setTimeout(Math.max(0, ms), null, { signal: timer.signal })])
  } finally {
    timer.abort()
  }
}
