import { setTimeout } from 'node:timers/promises'
import {
  AglError,
  type EnqueueRolloutRequest,
  errorMessage,
  implementing,
  type LightningStore,
  type Logger,
  type NamedResources,
  parseOptions,
  type Rollout,
  type RolloutConfig,
  silentLogger,
} from '@agl/types'
import { z } from 'zod'
import { collectConfig } from '../collect.ts'
import { createSteps, type ExperimentControl, type ExperimentSteps } from './control.ts'
import { definitionOf, resolveArms } from './define.ts'
import { followObservations, gather } from './follow.ts'
import { createJudge, type ExperimentComparison } from './judge.ts'
import { createLedger, type Observation, scan } from './ledger.ts'
import type { ExperimentSettings } from './options.ts'
import type { Authorship, Definition, ExperimentState } from './record.ts'
import { type GradualOptions, type GuardAlarm, keepGuard, type RollOutResult, rollOutGradually } from './roll-out.ts'
import { recordServed, type ServedResult } from './record-served.ts'
import { placesOf, requestOf, type Routable, type Route } from './route.ts'
import * as steps from './steps.ts'

export interface OpenExperimentOptions {
  readonly store: LightningStore
  readonly logger?: Logger
  /**
   * Allows that the arms or weights of the program are not those in the store, and says who changes them and why: a new trial begins with them. Without
   * it that is an error.
   */
  readonly change?: Authorship
}

/** What all rollouts of one call have in common. */
export type TaskOptions = Pick<EnqueueRolloutRequest, 'mode' | 'priority' | 'labels'> & {
  readonly config?: Partial<RolloutConfig>
}

/** An experiment in a store: it follows what others do to it, and keeps what it needs to route at hand. */
export interface LiveExperiment<Task = unknown> extends Routable<Task>, Omit<ExperimentControl, 'history'>, AsyncDisposable {
  readonly name: string
  readonly store: LightningStore
  /** As last seen; the store tells of changes by its feed. */
  readonly state: ExperimentState
  /** Every step since it was defined: who, when and why; as last seen. */
  history(): readonly ExperimentState[]
  /** Reads the state anew, for stores without a feed. */
  refresh(): Promise<void>
  /** The rollouts that tasks become, each pinned to the version of its arm; where every task is run with every arm, several of each. */
  enqueue(tasks: readonly Task[], options?: TaskOptions): Promise<readonly Rollout[]>
  /** Counts what was served by {@link routeResources} without a runner. */
  record(route: Route, result: ServedResult): Promise<Rollout>
  /** How it stands, read from the store. `isOver` says that nothing more will come: then it is decided. */
  compare(options?: { readonly signal?: AbortSignal; readonly isOver?: boolean }): Promise<ExperimentComparison>
  /** How it stands, again and again as results come, no more often than `everyMs` (default 1,000); ends with the signal or the experiment. */
  comparisons(options: { readonly signal: AbortSignal; readonly everyMs?: number }): AsyncIterable<ExperimentComparison>
  /** Step by step, each held until enough results are in; goes back when a guard tells. */
  rollOutGradually(options: GradualOptions): Promise<RollOutResult>
  /** Holds the candidate to its guards until one tells: then it has been rolled back. Null when the signal ended it. */
  keepGuard(options: { readonly signal: AbortSignal }): Promise<GuardAlarm | null>
  close(): Promise<void>
}

const openSchema = z.strictObject({
  store: implementing<LightningStore>('a store', 'startRollout', 'querySpans'),
  logger: implementing<Logger>('a Logger', 'debug', 'info', 'warn', 'error').optional(),
  change: z.strictObject({ by: z.string(), reason: z.string() }).optional(),
})

export async function openLive<Task>(
  settings: ExperimentSettings<Task>,
  options: OpenExperimentOptions,
): Promise<LiveExperiment<Task>> {
  const { store, logger, change } = parseOptions(openSchema, options, { logger: silentLogger }, 'options of open')
  const { name } = settings
  const control = createSteps({ store, name, logger })
  let history = await defineExperiment(settings, store, control, change ?? null)
  let snapshots = await readSnapshots(history.at(-1)!)
  const closing = new AbortController()
  const following = follow()

  async function follow(): Promise<void> {
    const { signal } = closing
    while (!signal.aborted) {
      try {
        for await (const event of store.watch({ signal, onOpen: () => void refresh().catch(() => {}) })) {
          if (event.type === 'rollout' && event.rollout.rollout_id === control.rolloutId) await refresh()
        }
      } catch (error) {
        if (signal.aborted) return
        const hasNoFeed = AglError.isInstance(error, 'not_supported') || AglError.isInstance(error, 'not_supported_by_server')
        if (hasNoFeed || AglError.isInstance(error, 'closed')) return
        logger.warn('An experiment cannot follow its store for the moment', { experiment: name, error: errorMessage(error) })
        await setTimeout(retryMs, undefined, { signal }).catch(() => {})
      }
    }
  }

  async function refresh(): Promise<void> {
    const states = await control.history()
    const last = states.at(-1)
    if (last === undefined || last.revision <= history.at(-1)!.revision) return
    const read = await readSnapshots(last)
    if (last.revision <= history.at(-1)!.revision) return
    history = states
    snapshots = read
  }

  async function readSnapshots({ arms }: ExperimentState): Promise<ReadonlyMap<string, NamedResources>> {
    const entries = Object.entries(arms).map(async ([arm, { resourcesId, version }]) => {
      const found = await store.getResourcesById({ resourcesId, version })
      if (found !== null) return [arm, found.resources] as const
      throw new AglError({
        code: 'not_found',
        message: `The arm "${arm}" of the experiment "${name}" runs with version ${version} of "${resourcesId}", which is not in the store any more.`,
        data: { arm, resourcesId, version },
      })
    })
    return new Map(await Promise.all(entries))
  }

  async function seen(step: Promise<ExperimentState>): Promise<ExperimentState> {
    const state = await step
    await refresh()
    return state
  }

  function toRequests(task: Task, { config = collectConfig, labels, ...rest }: TaskOptions): readonly EnqueueRolloutRequest[] {
    const state = history.at(-1)!
    return placesOf(settings, state, task, () => globalThis.crypto.randomUUID()).map((place) =>
      requestOf(name, state, place, task, { ...rest, config, labels: labels ?? {} }),
    )
  }

  async function compare(signal: AbortSignal, isOver: boolean): Promise<ExperimentComparison> {
    await refresh()
    const ledger = createLedger(settings, { isLive: true })
    await scan(store, signal, settings, ledger)
    const judge = createJudge(settings, history, null)
    for (const observation of ledger.drain()) judge.add(observation)
    return judge.compare(ledger, isOver)
  }

  async function* comparisons(signal: AbortSignal, everyMs: number): AsyncGenerator<ExperimentComparison> {
    const told: Observation[] = []
    let [judge, revision] = [createJudge(settings, history, null), history.at(-1)!.revision]
    const ledger = createLedger(settings, { isLive: true })
    const left = new AbortController()
    const ended = AbortSignal.any([signal, left.signal])
    const batches = untilAborted(followObservations(store, settings, ledger, ended), ended)
    for await (const batch of gather(batches, everyMs, () => left.abort())) {
      told.push(...batch)
      const isNew = history.at(-1)!.revision !== revision
      if (isNew) [judge, revision] = [createJudge(settings, history, null), history.at(-1)!.revision]
      for (const observation of isNew ? told : batch) judge.add(observation)
      yield judge.compare(ledger)
    }
  }

  const live: LiveExperiment<Task> = {
    name,
    store,
    settings,
    get state() {
      return history.at(-1)!
    },
    history: () => history,
    resourcesOf: (arm) => snapshots.get(arm)!,
    refresh,
    enqueue: async (tasks, options = {}) =>
      await store.enqueueManyRollouts({ rollouts: tasks.flatMap((task) => toRequests(task, options)) }),
    record: async (route, result) => await recordServed(store, settings, route, result),
    compare: async ({ signal = closing.signal, isOver = false } = {}) => await compare(signal, isOver),
    comparisons: ({ signal, everyMs = 1_000 }) => comparisons(AbortSignal.any([signal, closing.signal]), everyMs),
    rollOut: async (step) => await seen(control.rollOut(step)),
    promote: async (step) => await seen(control.promote(step)),
    rollback: async (step) => await seen(control.rollback(step)),
    rollOutGradually: async (options) =>
      await rollOutGradually(live, { ...options, signal: AbortSignal.any([options.signal, closing.signal]) }),
    keepGuard: async ({ signal }) => await keepGuard(live, { signal: AbortSignal.any([signal, closing.signal]) }),
    async close() {
      closing.abort(new AglError({ code: 'closed', message: `The experiment "${name}" has been closed.` }))
      await following
    },
    [Symbol.asyncDispose]: () => live.close(),
  }
  return live
}

/** Ends where the signal does, instead of failing. */
async function* untilAborted<Item>(items: AsyncIterable<Item>, signal: AbortSignal): AsyncGenerator<Item> {
  try {
    yield* items
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Writes down what the program has, where the store has nothing, or something else and that may be changed. */
async function defineExperiment<Task>(
  settings: ExperimentSettings<Task>,
  store: LightningStore,
  control: ExperimentSteps,
  change: Authorship | null,
): Promise<readonly ExperimentState[]> {
  const definition = definitionOf(settings)
  const history = await control.history()
  const last = history.at(-1) ?? null
  const isKnown = (state: ExperimentState): boolean =>
    steps.describeDefinition(state.definition) === steps.describeDefinition(definition)
  if (last !== null && last.alias !== settings.alias) throw otherAlias(settings, last.alias)
  if (last !== null && isKnown(last)) {
    await control.moveAlias()
    return history
  }
  if (last !== null && change === null) throw changed(settings.name, last.definition, definition)
  const kept = Object.entries(last?.arms ?? {}).filter(([arm]) => last?.definition.sources[arm] === definition.sources[arm])
  const arms = await resolveArms(store, settings, Object.fromEntries(kept))
  const author = change ?? { by: 'program', reason: 'opened for the first time' }
  await control.take((state) => {
    if (state === null) return steps.define(arms, settings.alias, definition, author)
    // Another process was faster.
    if (isKnown(state)) return null
    if (change === null) throw changed(settings.name, state.definition, definition)
    return steps.change(state, arms, definition, author)
  })
  return await control.history()
}

const retryMs = 1_000

function changed(name: string, stored: Definition, given: Definition): AglError {
  const list = ({ weights }: Definition): string =>
    Object.entries(weights)
      .map(([arm, weight]) => `${arm} (${weight})`)
      .join(', ')
  return new AglError({
    code: 'conflict',
    message:
      `The experiment "${name}" is in the store with other arms or weights: ${list(stored)} there, ${list(given)} here` +
      `${list(stored) === list(given) ? ', with other resources' : ''}. Open it with change: { by, reason } to begin a new trial with these, or give this one another name.`,
    data: { experiment: name },
  })
}

function otherAlias({ name, alias }: Pick<ExperimentSettings, 'name' | 'alias'>, stored: string): AglError {
  return new AglError({
    code: 'conflict',
    message:
      `The experiment "${name}" moves the alias "${stored}" in the store, and "${alias}" here, where services would look in vain. ` +
      `Say alias: ${JSON.stringify(stored)}, or give this experiment another name.`,
    data: { experiment: name, alias: stored },
  })
}
