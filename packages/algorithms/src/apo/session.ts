import {
  AglError,
  type AlgorithmContext,
  type Dataset,
  type JsonValue,
  type NamedResources,
  type ResourcesUpdate,
  type RolloutMode,
  type RunEvent,
  type Spend,
} from '@agl/types'
import { type Budget, createBudget } from '../run/budget.ts'
import { createPaidChat } from '../run/chat.ts'
import { createEvaluator, type EvaluatedCandidate, type Evaluation, type KnownTask, knownTask } from '../run/evaluate.ts'
import { hashJson, randomFor } from '../run/hash.ts'
import { type Estimate, estimateMean } from '../statistics.ts'
import { type ApoCandidate, type Draft, findTargets, keyOfTemplates } from './candidate.ts'
import { createNursery, type Nursery } from './children.ts'
import type { ResolvedApoOptions } from './options.ts'

export interface RunRequest {
  readonly mode: RolloutMode
  readonly step: number
  readonly phase: string
  readonly repetition?: number
  readonly withTranscripts?: boolean
}

/** By task; null = left out, undefined = not run. */
export type Scores = readonly (number | null | undefined)[]

/** As many a process that is killed may forget. */
const minutesToLose = 0.1

/** The candidates of one APO run, and all that is known of them. */
export interface Session {
  readonly train: readonly KnownTask[]
  readonly val: readonly KnownTask[]
  readonly test: readonly KnownTask[]
  readonly targets: readonly string[]
  readonly budget: Budget
  readonly nursery: Nursery
  /** In the order they were made; `p0` is the first prompt. */
  readonly candidates: readonly ApoCandidate[]
  /** Evaluations without a score, by how they ended. */
  readonly leftOut: Readonly<Record<string, number>>
  readonly first: ApoCandidate
  /** Null for one that is there already. */
  add(draft: Draft): ApoCandidate | null
  run(candidate: ApoCandidate, tasks: readonly KnownTask[], request: RunRequest): Promise<readonly Evaluation[]>
  /** The same with resources that are no candidate. @param name tells them from a candidate that is equal */
  runResources(
    name: string,
    resources: NamedResources,
    tasks: readonly KnownTask[],
    request: RunRequest,
  ): Promise<readonly Evaluation[]>
  /** Scores on validation tasks, in the order of `places`; what was run before is not run again. */
  runVal(candidate: ApoCandidate, places: readonly number[], step: number, phase: string): Promise<readonly (number | null)[]>
  /** Training rollouts that a critic may see: those that there are, and more until there are `count`. */
  runTrials(candidate: ApoCandidate, count: number, step: number): Promise<readonly Evaluation[]>
  /** The training tasks that {@link runTrials} would run in addition to those that there are. */
  nextTrials(candidate: ApoCandidate, count: number, step: number): readonly number[]
  /**
   * The training tasks that a race for the front begins with, at most half of it: its parents have been run on them by
   * {@link runTrials}.
   */
  sharedTrials(step: number): readonly number[]
  /** The training tasks that a candidate has been run on. */
  trialPlaces(candidate: ApoCandidate): readonly number[]
  runOnTrials(candidate: ApoCandidate, places: readonly number[], step: number): Promise<readonly Evaluation[]>
  /** By training task. */
  trialScores(candidate: ApoCandidate): Scores
  /** By validation task. */
  valScores(candidate: ApoCandidate): Scores
  /** Over what it was run on; null = on nothing. */
  valEstimate(candidate: ApoCandidate): Estimate | null
  resourcesOf(candidate: ApoCandidate): NamedResources
  stored(candidate: ApoCandidate): Promise<Pick<ResourcesUpdate, 'resources_id' | 'version'>>
  /** What so many calls of critic and editor are expected to take. */
  expectedOf(calls: number): Partial<Spend>
  /**
   * How long the run had taken when its first process came to this place: a later one, which comes there sooner, decides the same by it.
   */
  minutesAt(place: string): Promise<number>
  keepMinutes(): Promise<void>
  /** Resolves when nothing is under way any more. */
  settled(): Promise<void>
  /** Counts pieces of work of a part of a step, and tells of them. */
  progress(phase: string, step: number): { expect(count: number): void; done(score: number | null): void }
}

export async function openSession<Task>(context: AlgorithmContext<Task>, options: ResolvedApoOptions<Task>): Promise<Session> {
  const { store, logger, state, initialResources } = context
  const { seed } = options
  const templates = findTargets(initialResources, options.targets)
  const [train, val, test] = [context.trainDataset, context.valDataset, options.testDataset].map(toTasks) as [
    KnownTask[],
    KnownTask[],
    KnownTask[],
  ]
  const budget = createBudget(options.budget, Date.now, Number((await state.load('minutes')) ?? 0))
  const chat = createPaidChat(context, { budget, prices: options.prices, concurrency: options.concurrency })
  const evaluator = createEvaluator(context, {
    algorithm: 'apo',
    runId: await runIdOf(context),
    seed,
    budget,
    prices: options.prices,
    worstReward: options.worstReward,
    timeoutMs: options.rolloutBatchTimeoutMs,
    experimentCharacters: options.experimentCharacters,
  })
  const candidates: ApoCandidate[] = []
  const publications = new Map<string, Promise<EvaluatedCandidate>>()
  const valScores = new Map<string, (number | null)[]>()
  const trials = new Map<string, number[]>()
  const trialScores = new Map<string, (number | null)[]>()
  const leftOut: Record<string, number> = {}
  const progress = createProgress(context.report)
  let isAnythingScored = false
  let keptMinutes = budget.spent().minutes
  const { mode, beamWidth, branchFactor, gradientBatchSize, valBatchSize } = options
  /** Another search over the same state comes to other places. */
  const places = hashJson([seed, mode, beamWidth, branchFactor, gradientBatchSize, valBatchSize]).slice(0, 8)

  const session: Session = {
    train,
    val,
    test,
    targets: Object.keys(templates),
    budget,
    nursery: createNursery(chat, options as ResolvedApoOptions<unknown>, logger),
    candidates,
    leftOut,
    get first() {
      return candidates[0]!
    },
    add(draft) {
      const key = keyOfTemplates(draft.templates)
      if (candidates.some((candidate) => candidate.key === key)) return null
      const candidate = { id: `p${candidates.length}`, key, ...draft }
      candidates.push(candidate)
      return candidate
    },
    run: async (candidate, tasks, request) => evaluate(await publishOnce(candidate), tasks, request),
    async runResources(name, resources, tasks, request) {
      const key = `${name}-${hashJson(resources as unknown as JsonValue).slice(0, 16)}`
      return await evaluate({ key, resources: await publish(resources, name) }, tasks, request)
    },
    async runVal(candidate, places, step, phase) {
      const tasks = places.map((place) => val[place]!)
      const evaluations = await session.run(candidate, tasks, { mode: 'val', step, phase })
      const scores = valScores.get(candidate.key) ?? []
      valScores.set(candidate.key, scores)
      for (const [index, place] of places.entries()) scores[place] = evaluations[index]!.score
      return evaluations.map(({ score }) => score)
    },
    async runTrials(candidate, count, step) {
      const more = session.nextTrials(candidate, count, step)
      return await session.runOnTrials(candidate, [...session.trialPlaces(candidate), ...more], step)
    },
    nextTrials(candidate, count, step) {
      const there = session.trialPlaces(candidate)
      const isNew = (place: number): boolean => !there.includes(place)
      if (mode === 'beam') {
        const order = randomFor(seed, 'trials', candidate.key).shuffle(train.map((_, place) => place))
        return order.filter(isNew).slice(0, Math.max(0, count - there.length))
      }
      const shared = session.sharedTrials(step).filter(isNew).length
      return trialOrder(step)
        .filter(isNew)
        .slice(0, Math.max(shared, count - there.length))
    },
    sharedTrials: (step) => trialOrder(step).slice(0, Math.min(gradientBatchSize, Math.floor(valBatchSize / 2))),
    trialPlaces: (candidate) => trials.get(candidate.key) ?? [],
    async runOnTrials(candidate, places, step) {
      trials.set(candidate.key, [...new Set([...session.trialPlaces(candidate), ...places])])
      const tasks = places.map((place) => train[place]!)
      const evaluations = await session.run(candidate, tasks, { mode: 'train', step, phase: 'trials', withTranscripts: true })
      const scores = trialScores.get(candidate.key) ?? []
      trialScores.set(candidate.key, scores)
      for (const [index, place] of places.entries()) scores[place] = evaluations[index]!.score
      return evaluations
    },
    trialScores: (candidate) => trialScores.get(candidate.key) ?? [],
    valScores: (candidate) => valScores.get(candidate.key) ?? [],
    valEstimate(candidate) {
      const known = session.valScores(candidate).filter((score) => typeof score === 'number')
      return known.length === 0 ? null : estimateMean(known)
    },
    resourcesOf: (candidate) => ({ ...initialResources, ...candidate.templates }),
    stored: async (candidate) => (await publishOnce(candidate)).resources,
    expectedOf: chat.expectedOf,
    async minutesAt(place) {
      const key = `clock/${places}/${place}`
      const there = await state.load(key)
      if (typeof there === 'number') return there
      const { minutes } = budget.spent()
      await state.save(key, minutes)
      return minutes
    },
    async keepMinutes() {
      keptMinutes = budget.spent().minutes
      await state.save('minutes', keptMinutes)
    },
    settled: evaluator.settled,
    progress,
  }
  session.add({ templates, parents: [], round: 0, target: null, critique: null, rationale: null })
  return session

  /** The same for all candidates; each round begins with other training tasks. */
  function trialOrder(step: number): readonly number[] {
    const shuffled = randomFor(seed, 'trials').shuffle(train.map((_, place) => place))
    const start = ((step - 1) * gradientBatchSize) % shuffled.length
    return [...shuffled.slice(start), ...shuffled.slice(0, start)]
  }

  async function evaluate(
    candidate: EvaluatedCandidate,
    tasks: readonly KnownTask[],
    request: RunRequest,
  ): Promise<readonly Evaluation[]> {
    const told = progress(request.phase, request.step)
    told.expect(evaluator.missing(candidate, tasks, request))
    const evaluations = await evaluator.evaluate(candidate, tasks, {
      ...request,
      onDone({ score, outcome }) {
        if (score === null) leftOut[outcome] = (leftOut[outcome] ?? 0) + 1
        told.done(score)
      },
    })
    isAnythingScored ||= evaluations.some(({ score }) => score !== null)
    if (!isAnythingScored && evaluations.length > 0) throw nothingScored(evaluations, leftOut)
    if (budget.spent().minutes - keptMinutes > minutesToLose) await session.keepMinutes()
    return evaluations
  }

  async function publishOnce(candidate: ApoCandidate): Promise<EvaluatedCandidate> {
    const { key } = candidate
    const there = publications.get(key) ?? publish(session.resourcesOf(candidate)).then((resources) => ({ key, resources }))
    publications.set(key, there)
    return await there
  }

  /** Under an id made of its content, so that a later process finds it. */
  async function publish(resources: NamedResources, name: string = 'apo'): Promise<EvaluatedCandidate['resources']> {
    const resourcesId = `${name}-${hashJson(resources as unknown as JsonValue).slice(0, 20)}`
    return (await store.getResourcesById({ resourcesId })) ?? (await store.updateResources({ resourcesId, resources }))
  }
}

/** Searching on would spend a whole budget on nothing, and call it "no significant difference" in the end. */
function nothingScored(evaluations: readonly Evaluation[], leftOut: Readonly<Record<string, number>>): AglError {
  const outcomes = Object.entries(leftOut).map(([outcome, count]) => `${count} ${outcome}`)
  const { rolloutId } = evaluations[0]!
  const rollouts = Object.values(leftOut).reduce((sum, count) => sum + count, 0)
  return new AglError({
    code: 'training_failed',
    message:
      `None of the first ${rollouts} rollouts has a score (${outcomes.join(', ')}), so there is nothing to improve by. ` +
      `infra_error and unresponsive: what the agent calls is away, and the same run goes on once it is back; completed: the agent gives no reward. ` +
      `Each attempt keeps its reason in metadata.error, for example that of rollout ${rolloutId}.`,
    data: { leftOut, rolloutId },
  })
}

/** Names the rollouts of this run and of no other: kept, so that a later process finds them again. */
async function runIdOf({ state }: Pick<AlgorithmContext, 'state'>): Promise<string> {
  const there = await state.load('apo/run')
  if (typeof there === 'string') return there
  const runId = globalThis.crypto.randomUUID()
  await state.save('apo/run', runId)
  return runId
}

function toTasks(dataset: Dataset): KnownTask[] {
  return Array.from(dataset, (input) => knownTask(input as JsonValue))
}

function createProgress(report: (event: RunEvent) => void): Session['progress'] {
  const phases = new Map<string, { total: number; done: number; sum: number; scored: number }>()
  return (phase, step) => {
    const key = `${step}/${phase}`
    const counts = phases.get(key) ?? { total: 0, done: 0, sum: 0, scored: 0 }
    phases.set(key, counts)
    return {
      expect: (count) => void (counts.total += count),
      done(score) {
        counts.done += 1
        counts.sum += score ?? 0
        counts.scored += score === null ? 0 : 1
        const reward = counts.scored === 0 ? null : counts.sum / counts.scored
        report({ type: 'phase', phase, step, done: counts.done, total: counts.total, reward })
      },
    }
  }
}
