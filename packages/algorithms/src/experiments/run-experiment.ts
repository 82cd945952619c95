import { AglError, type AlgorithmContext, type LightningStore, type Rollout } from '@agl/types'
import { collectConfig } from '../collect.ts'
import { knownTask } from '../run/evaluate.ts'
import { hashJson, randomFor } from '../run/hash.ts'
import { createJudge, type ExperimentComparison } from './judge.ts'
import { createLedger, fillFinished, isFinished, type Ledger, listRollouts, type Observation, observe } from './ledger.ts'
import { type LiveExperiment, openLive } from './live.ts'
import type { ExperimentSettings } from './options.ts'
import { planExperiment } from './plan.ts'
import type { ExperimentState } from './record.ts'
import { placesOf, requestOf } from './route.ts'

/** What a run of an experiment came to. */
export interface ExperimentResult extends ExperimentComparison {
  /** The experiment as the run left it. */
  readonly state: ExperimentState
  /** Where the alias points; null = nowhere. */
  readonly alias: { readonly alias: string; readonly resourcesId: string; readonly version: number } | null
}

/** A rollout that is to be. */
interface Job<Task> {
  readonly task: Task
  /** The same whenever the run is resumed; the key of a task that has no other. */
  readonly id: string
}

/**
 * Runs the tasks, in an order drawn by the seed, until the verdict is clear or all are run. What was run before, by this process or another, is
 * counted and not run again.
 */
export async function runExperiment<Task>(
  settings: ExperimentSettings<Task>,
  context: AlgorithmContext<Task>,
): Promise<ExperimentResult> {
  const { store, logger, signal } = context
  signal.throwIfAborted()
  const live = await openLive(settings, { store, logger, change: { by: 'run', reason: 'as the program has it' } })
  try {
    if (live.state.phase !== 'trial') throw isOverAlready(live.state, settings.name)
    return await conclude(settings, live, await runTrial(settings, context, live), store)
  } finally {
    await live.close()
  }
}

async function runTrial<Task>(
  settings: ExperimentSettings<Task>,
  context: AlgorithmContext<Task>,
  live: LiveExperiment<Task>,
): Promise<ExperimentComparison> {
  const { store, signal, report } = context
  const jobs = jobsOf(settings, context.trainDataset)
  const isByTask = settings.assign.by === 'task'
  const available = isByTask ? jobs.length : countKeys(settings, live.state, jobs)
  const plan = planExperiment(settings, available)
  const total = jobs.reduce((sum, { task, id }) => sum + placesOf(settings, live.state, task, () => id).length, 0)
  report({ type: 'plan', limits: { rollouts: total }, lines: describePlan(settings, plan, isByTask) })

  const ledger = createLedger(settings, { isLive: false })
  const before = await readBefore(settings, context, live, jobs, ledger)
  const seen: Observation[] = []
  let [judge, revision] = [createJudge(settings, live.history(), available), live.state.revision]
  const failed = new AbortController()
  const stop = AbortSignal.any([signal, failed.signal])
  const underWay = new Map<string, Promise<void>>()
  let [done, step, nextMetrics] = [0, 0, metricsEvery]

  function count(): void {
    const told = ledger.drain()
    seen.push(...told)
    const isNew = live.state.revision !== revision
    // Arms were changed meanwhile: what was run with those that stand still counts.
    if (isNew) [judge, revision] = [createJudge(settings, live.history(), available), live.state.revision]
    for (const observation of isNew ? seen : told) {
      // What was under way when the verdict was clear is none of the trial's.
      if (!isClear()) judge.add(observation)
    }
  }

  function isClear(): boolean {
    const { kind } = judge.verdict()
    return kind !== 'undecided' && kind !== 'not_comparable'
  }

  async function run(request: TrialRequest): Promise<void> {
    const { rollout_id: rolloutId, labels } = request
    ledger.note({ rollout_id: rolloutId, labels, start_time: Date.now() / 1000 })
    await store.enqueueRollout(request)
    const observation = await observe(store, stop, settings, rolloutId)
    if (observation !== null) ledger.fill(observation)
    count()
    done += 1
    report({ type: 'phase', phase: 'trial', step: 0, done, total, reward: null })
    if (done < nextMetrics) return
    nextMetrics = Math.ceil(done * metricsGrowth) + metricsEvery
    report({ type: 'metrics', step, metrics: metricsOf(judge.compare(ledger)) })
    step += 1
  }

  try {
    for (const job of jobs) {
      count()
      if (isClear()) break
      for (const request of requestsFor(settings, live, job, before)) {
        if (request === null) {
          done += 1
          continue
        }
        const work = run(request).finally(() => underWay.delete(request.rollout_id))
        work.catch((error: unknown) => failed.abort(error))
        underWay.set(request.rollout_id, work)
        if (underWay.size >= settings.concurrency) await Promise.race(underWay.values())
        stop.throwIfAborted()
      }
    }
    while (underWay.size > 0 && !isClear()) await Promise.race(underWay.values())
    // Those that are under way when the verdict is clear are not needed.
    if (underWay.size > 0) await store.cancelRollouts({ rolloutIds: [...underWay.keys()] })
    await Promise.all(underWay.values())
  } catch (error) {
    failed.abort(error)
    await store.cancelRollouts({ rolloutIds: [...underWay.keys()] }).catch(() => {})
    throw error
  }
  report({ type: 'metrics', step, metrics: metricsOf(judge.compare(ledger)) })
  return judge.compare(ledger, true)
}

/**
 * What the store has of the experiment already, by id. Of what is not finished only the rollouts of this run get a place in the order, and wait from now on: nobody
 * here hears of the end of others, such as those that a service records meanwhile, and all that follow would wait for them.
 */
async function readBefore<Task>(
  settings: ExperimentSettings<Task>,
  { store, signal }: Pick<AlgorithmContext<Task>, 'store' | 'signal'>,
  live: LiveExperiment<Task>,
  jobs: readonly Job<Task>[],
  ledger: Ledger,
): Promise<ReadonlyMap<string, Rollout>> {
  const rollouts: Rollout[] = []
  for await (const page of listRollouts(store, signal, settings)) rollouts.push(...page)
  const before = new Map(rollouts.map((rollout) => [rollout.rollout_id, rollout]))
  const isOwn = new Set(
    before.size === 0
      ? []
      : jobs.flatMap((job) => requestsFor(settings, live, job, before).map((request) => request?.rollout_id)),
  )
  for (const { rollout_id: rolloutId, labels, ...rollout } of rollouts) {
    if (!isFinished(rollout) && !isOwn.has(rolloutId)) continue
    ledger.note({ rollout_id: rolloutId, labels, start_time: Date.now() / 1000 })
  }
  await fillFinished(store, signal, settings, ledger, rollouts)
  return before
}

/** Rollouts from one line of metrics to the next: the more there are, the less one more changes, and the more it costs. */
const [metricsEvery, metricsGrowth] = [20, 1.05]

/** In an order drawn by the seed; a task that is there twice is two tasks. */
function jobsOf<Task>({ seed, name }: ExperimentSettings<Task>, tasks: ArrayLike<Task>): readonly Job<Task>[] {
  const times = new Map<string, number>()
  const jobs = Array.from(tasks, (task) => {
    const { hash } = knownTask(task as never)
    const turn = times.get(hash) ?? 0
    times.set(hash, turn + 1)
    return { task, id: `${hash}/${turn}` }
  })
  return randomFor(seed, 'experiment', name).shuffle(jobs)
}

/** Of the arm that gets the fewest. */
function countKeys<Task>(settings: ExperimentSettings<Task>, state: ExperimentState, jobs: readonly Job<Task>[]): number {
  const places = jobs.flatMap(({ task, id }) => placesOf(settings, state, task, () => id))
  const keys = Map.groupBy(places, ({ arm }) => arm)
  return Math.min(...settings.order.map((arm) => new Set(keys.get(arm)?.map(({ key }) => key)).size))
}

type TrialRequest = ReturnType<typeof requestOf> & { readonly rollout_id: string }

/** All that a job is run with. */
function requestsFor<Task>(
  settings: ExperimentSettings<Task>,
  live: LiveExperiment<Task>,
  job: Job<Task>,
  before: ReadonlyMap<string, Rollout>,
): readonly (TrialRequest | null)[] {
  const turns = new Map<string, number>()
  return placesOf(settings, live.state, job.task, () => job.id).map((place) => {
    const turn = turns.get(place.arm) ?? 0
    turns.set(place.arm, turn + 1)
    return requestFor(settings, live, job, place, turn, before)
  })
}

/** Null: it has been run, and is counted. What was cancelled when an earlier process was stopped is run under the next id. */
function requestFor<Task>(
  { name }: ExperimentSettings<Task>,
  { state }: LiveExperiment<Task>,
  { task, id }: Job<Task>,
  place: { readonly arm: string; readonly key: string },
  /** Which of the repetitions with this arm: the number of arms and their order may change. */
  turn: number,
  before: ReadonlyMap<string, Rollout>,
): TrialRequest | null {
  for (let spoiled = 0; ; spoiled += 1) {
    const made = hashJson([name, id, place.arm, { ...state.arms[place.arm]! }, turn, spoiled])
    const rolloutId = `ro-${made.slice(0, 24)}`
    const there = before.get(rolloutId)
    if (there?.status === 'cancelled') continue
    if (there !== undefined && isFinished(there)) return null
    const labels = { algorithm: 'experiment' }
    return { ...requestOf(name, state, place, task, { labels, mode: 'val', config: collectConfig }), rollout_id: rolloutId }
  }
}

async function conclude<Task>(
  { promote }: ExperimentSettings<Task>,
  live: LiveExperiment<Task>,
  comparison: ExperimentComparison,
  store: LightningStore,
): Promise<ExperimentResult> {
  const { verdict } = comparison
  if (promote && verdict.kind === 'better') {
    const { mean } = comparison.differences.find(
      ({ arm, metric }) => arm === verdict.arm && metric === comparison.primary,
    )!.difference
    const reason = `${comparison.primary} differs by ${mean.toPrecision(3)} from ${comparison.control}`
    await live.promote({ arm: verdict.arm, by: 'run', reason })
  }
  const { alias } = live.state
  const target = await store.getResourcesByAlias({ alias })
  return {
    ...comparison,
    state: live.state,
    alias: target === null ? null : { alias, resourcesId: target.resources_id, version: target.version },
  }
}

function metricsOf({ arms, differences, primary }: ExperimentComparison): Readonly<Record<string, number>> {
  const means = arms.flatMap(({ arm, keys, metrics }) => [
    [`${arm}.keys`, keys] as const,
    ...Object.entries(metrics).map(([name, { mean }]) => [`${arm}.${name}`, mean] as const),
  ])
  const decided = differences.flatMap(({ arm, metric, anytime }) =>
    metric === primary && anytime !== null
      ? ([
          [`${arm}.low`, anytime.low],
          [`${arm}.high`, anytime.high],
        ] as const)
      : [],
  )
  return Object.fromEntries([...means, ...decided].filter(([, value]) => Number.isFinite(value)))
}

function describePlan<Task>(
  { primary, errorRate, power, isRandomized }: ExperimentSettings<Task>,
  { detect, perArm, perArmLookingOnce, available, detectable }: ReturnType<typeof planExperiment>,
  isByTask: boolean,
): readonly string[] {
  if (!isRandomized) return ['arms are not drawn by lot: what each shows is told, and no winner']
  const unit = isByTask ? 'tasks' : 'keys of each arm'
  const percent = (share: number): string => `${Math.round(share * 100)} %`
  return [
    `a difference of ${detect} in ${primary.name} is found with ${percent(power)} by ${perArm} ${unit}, looking after each (${perArmLookingOnce} if one looked once)`,
    `one is told where there is none with at most ${percent(errorRate)}`,
    `there are ${available}: ${detectable === null ? 'too few for any difference' : `enough for one of ${detectable.toPrecision(2)}`}`,
  ]
}

function isOverAlready({ phase, candidate }: ExperimentState, name: string): AglError {
  return new AglError({
    code: 'conflict',
    message: `The experiment "${name}" is not in its trial any more (${phase}${candidate === null ? '' : ` ${candidate}`}): give a new trial another name.`,
    data: { phase },
  })
}
