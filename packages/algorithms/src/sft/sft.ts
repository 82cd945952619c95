import {
  AglError,
  type Algorithm,
  type AlgorithmContext,
  type Dataset,
  type EnqueueRolloutRequest,
  type JsonValue,
} from '@agl/types'
import { countFindings, type Finding } from '../adapters/findings.ts'
import type { TokenRow } from '../adapters/token-rows.ts'
import { type CollectedRollout, collectRollouts, countOutcomes, reasonOf } from '../collect.ts'
import { createRandom, type Random } from '../random.ts'
import { type Estimate, estimateGain, estimateMean, pairsOf } from '../statistics.ts'
import { selectRows, trainOnRows } from './learn.ts'
import { type ResolvedSftOptions, resolveSftOptions, type SftOptions } from './options.ts'
import { type SftIteration, type SftPhase, toRunEvent } from './progress.ts'
import { createPublisher, nextVersionNumber, type ServedVersion } from './serve.ts'

/** What an SFT run found. */
export interface SftResult {
  /** The version that was kept, by the rule `keep`; the earlier one wins a tie. */
  readonly version: string
  readonly model: string
  readonly resourcesId: string
  readonly resourcesVersion: number
  /** The first version on the validation tasks. */
  readonly firstValReward: Estimate
  readonly iterations: readonly SftIteration[]
  /** The first and the kept version on the test tasks, and their paired difference; null without a test dataset. */
  readonly test: { readonly before: Estimate; readonly after: Estimate; readonly gain: Estimate } | null
}

/**
 * Supervised fine-tuning on the agent's own good rollouts (expert iteration): serve → roll out → keep what scored → train →
 * serve the next version, and in the end keep the version that is best on the validation tasks, if that is more than
 * chance. Each round trains the first version anew on all that was kept so far (as ReST-EM does, Singh et al. 2023), so that
 * what a round gets wrong is not built upon. The test tasks take no part in any choice, so their scores are not inflated.
 */
export function createSft<Task>(options: SftOptions<Task>): Algorithm<SftResult, Task> {
  const resolved = resolveSftOptions(options)
  return Object.freeze({
    name: 'sft',
    brings: ['llm'],
    run: (context: AlgorithmContext<Task>) => runSft(context, resolved),
  })
}

async function runSft<Task>(context: AlgorithmContext<Task>, given: ResolvedSftOptions<Task>): Promise<SftResult> {
  requireTasks(context)
  const options: ResolvedSftOptions<Task> = {
    ...given,
    onProgress(event) {
      given.onProgress(event)
      const shared = toRunEvent(event)
      if (shared !== null) context.report(shared)
    },
  }
  const { signal, trainDataset, valDataset } = context
  const { iterations, samplesPerTask, testDataset, onProgress } = options
  const random = createRandom(options.seed)
  const publish = createPublisher(context, options)
  const drawTasks = createTaskDrawer(trainDataset.length, random)
  const tasksPerIteration = Math.min(options.tasksPerIteration, trainDataset.length)
  onProgress({
    type: 'plan',
    iterations,
    rollouts: iterations * tasksPerIteration * samplesPerTask + (iterations + 1) * valDataset.length + 2 * testDataset.length,
  })

  const collect = async (phase: SftPhase, iteration: number, served: ServedVersion, requests: readonly EnqueueRolloutRequest[]) =>
    await collectRollouts(
      context,
      requests.map((request) => pinned(request, phase, iteration, served)),
      {
        worstReward: options.worstReward,
        onFinished: (done, total) => onProgress({ type: 'rollouts', phase, iteration, done, total }),
      },
    )

  // The same seed for a task in every evaluation: versions are compared under the same luck.
  const evaluationSeeds = { val: random.seed(), test: random.seed() }
  const evaluate = async (phase: 'val' | 'test', iteration: number, served: ServedVersion, dataset: Dataset<Task>) => {
    const seeds = createRandom(evaluationSeeds[phase])
    const requests = Array.from(dataset, (task) => ({ input: task as JsonValue, metadata: { seed: seeds.seed() } }))
    const collected = await collect(phase, iteration, served, requests)
    requireScored(phase, collected)
    const scores = collected.map(({ score }) => score)
    const reward = estimateMean(scores.filter((score) => score !== null))
    onProgress({ type: 'evaluation', phase, iteration, version: served.version, reward })
    return { scores, reward }
  }

  const start = await nextVersionNumber(options)
  const publishNumber = (number: number): Promise<ServedVersion> => publish(`${options.versionPrefix}-${start + number}`)
  const first = await publishNumber(0)
  const firstVal = await evaluate('val', 0, first, valDataset)
  const versions: EvaluatedVersion[] = [{ served: first, ...firstVal }]
  const history: SftIteration[] = []
  const replay: TokenRow[] = []
  let current = first
  for (let iteration = 1; iteration <= iterations; iteration += 1) {
    signal.throwIfAborted()
    const requests = drawTasks(tasksPerIteration).flatMap((index) =>
      Array.from({ length: samplesPerTask }, () => ({
        input: trainDataset[index] as JsonValue,
        metadata: { seed: random.seed(), task_index: index },
      })),
    )
    const collected = await collect('train', iteration, current, requests)
    requireScored('train', collected)
    const { kept, untrainable, rows, findings } = await selectRows(collected, context, options, random)
    warnOfFindings(context, iteration, findings)
    replay.push(...rows)
    if (replay.length > 0) await options.backend.loadState({ version: first.version }, { signal })
    const loss = await trainOnRows(replay, options, random, iteration, signal)
    const next = await publishNumber(iteration)
    const evaluated = await evaluate('val', iteration, next, valDataset)
    const summary: SftIteration = {
      iteration,
      sampledFrom: current.version,
      version: next.version,
      trainReward: estimateMean(knownScores(collected)),
      rollouts: collected.length,
      kept,
      untrainable,
      rows: rows.length,
      findings: countFindings(findings),
      outcomes: countOutcomes(collected),
      loss,
      valReward: evaluated.reward,
    }
    history.push(summary)
    onProgress({ type: 'iteration', summary })
    versions.push({ served: next, ...evaluated })
    current = next
  }

  const best = chooseVersion(versions, options.keep)
  const { resources_id: resourcesId } = best.resources
  await options.backend.loadState({ version: best.version }, { signal })
  // The kept version becomes the latest resources, so that whoever asks for those gets it.
  const kept = await context.store.updateResources({ resourcesId, resources: best.resources.resources })
  return {
    version: best.version,
    model: best.model,
    resourcesId,
    resourcesVersion: kept.version,
    firstValReward: firstVal.reward,
    iterations: history,
    test: testDataset.length === 0 ? null : await compare(first, best),
  }

  async function compare(before: ServedVersion, after: ServedVersion): Promise<NonNullable<SftResult['test']>> {
    const a = await evaluate('test', 0, before, testDataset)
    const b = await evaluate('test', iterations, after, testDataset)
    const gain = estimateGain(...pairsOf(a.scores, b.scores))
    return { before: a.reward, after: b.reward, gain }
  }
}

/** A version with its validation scores, in the order of the tasks; null = left out. */
interface EvaluatedVersion {
  readonly served: ServedVersion
  readonly scores: readonly (number | null)[]
  readonly reward: Estimate
}

function chooseVersion(versions: readonly EvaluatedVersion[], keep: ResolvedSftOptions<unknown>['keep']): ServedVersion {
  const [first] = versions as [EvaluatedVersion]
  if (keep === 'last') return versions.at(-1)!.served
  const best = versions.reduce((leader, candidate) => (candidate.reward.mean > leader.reward.mean ? candidate : leader))
  if (best === first || keep === 'best') return best.served
  const gain = estimateGain(...pairsOf(first.scores, best.scores), { candidates: versions.length - 1 })
  return gain.low > 0 ? best.served : first.served
}

/** A model or an agent that is broken altogether looks like a bad one; say so instead of learning from zeros. */
function requireScored(phase: SftPhase, collected: readonly CollectedRollout[]): void {
  const outcomes = countOutcomes(collected)
  if ((outcomes.scored ?? 0) > 0) return
  const endings = Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`)
  const reason = collected.map(({ attempt }) => reasonOf(attempt)).find((text) => text !== null)
  throw new AglError({
    code: 'training_failed',
    message:
      `No ${phases[phase]} rollout has a reward (${endings.join(', ')})` +
      `${reason === undefined ? ': the agent must return its reward, or emit one' : `; one of them ended with: ${reason}`}.`,
    data: { outcomes },
  })
}

/** Says how much of what was kept cannot be learnt from, with one reason of each kind. */
function warnOfFindings({ logger }: Pick<AlgorithmContext, 'logger'>, iteration: number, findings: readonly Finding[]): void {
  const counts = countFindings(findings)
  if ((counts.call_not_trainable ?? 0) + (counts.reward_not_attached ?? 0) === 0) return
  const reasons = Object.fromEntries(findings.toReversed().map(({ kind, reason }) => [kind, reason]))
  logger.warn('Some model calls cannot be trained on, or some rewards belong to no call.', {
    iteration,
    findings: counts,
    reasons,
  })
}

const phases: Readonly<Record<SftPhase, string>> = { train: 'training', val: 'validation', test: 'test' }

function requireTasks<Task>({ trainDataset, valDataset }: AlgorithmContext<Task>): void {
  for (const [name, dataset, use] of [
    ['training', trainDataset, 'learn from'],
    ['validation', valDataset, 'choose the best version by'],
  ] as const) {
    if (dataset.length > 0) continue
    throw new AglError({
      code: 'invalid_argument',
      message: `The ${name} dataset is empty; SFT needs at least one task to ${use}.`,
    })
  }
}

function pinned(
  request: EnqueueRolloutRequest,
  phase: SftPhase,
  iteration: number,
  { version, resources }: ServedVersion,
): EnqueueRolloutRequest {
  return {
    ...request,
    mode: phase,
    resources_id: resources.resources_id,
    resources_version: resources.version,
    labels: { algorithm: 'sft', phase, iteration: String(iteration), model_version: version },
  }
}

function knownScores(collected: readonly CollectedRollout[]): readonly number[] {
  return collected.flatMap(({ score }) => (score === null ? [] : [score]))
}

/** Draws task indices in shuffled passes over the dataset: none comes again before all have come. */
function createTaskDrawer(length: number, random: Random): (count: number) => readonly number[] {
  let waiting: number[] = []
  return (count) => {
    while (waiting.length < count) waiting.push(...random.shuffle(Array.from({ length }, (_, index) => index)))
    return waiting.splice(0, count)
  }
}
