import {
  AglError,
  type Algorithm,
  type AlgorithmContext,
  type EnqueueRolloutRequest,
  errorMessage,
  type JsonValue,
  type LlmProxy,
  type ResourcesUpdate,
} from '@agl/types'
import { type CollectedRollout, collectConfig, collectRollout, reasonOf } from '../collect.ts'
import { logRollout } from './log-rollout.ts'
import { type BaselineOptions, resolveBaselineOptions } from './options.ts'
import { openQueueGate } from './queue-gate.ts'
import { type BaselineResult, type BaselineRollout, summarize } from './result.ts'

/** A task of an epoch. */
interface Job {
  readonly epoch: number
  readonly mode: BaselineRollout['mode']
  readonly input: JsonValue
}

/**
 * Runs the agent once on every task and changes nothing: a smoke test of the wiring, and the scores to beat. What goes wrong
 * with one rollout (the agent, the reward, the adapter) is told in `problems` of the result and does not keep the others from
 * being run.
 */
export function createBaseline<Task = unknown>(options: BaselineOptions = {}): Algorithm<BaselineResult, Task> {
  const resolved = resolveBaselineOptions(options)
  return Object.freeze({
    name: 'baseline',
    isFast: true,
    brings: [],
    run: (context: AlgorithmContext<Task>) => runBaseline(context, resolved),
  })
}

async function runBaseline<Task>(context: AlgorithmContext<Task>, options: Required<BaselineOptions>): Promise<BaselineResult> {
  const { llmProxy, logger, report, trainDataset, valDataset, signal } = context
  signal.throwIfAborted()
  const perEpoch = trainDataset.length + valDataset.length
  const rollouts = options.epochs * perEpoch
  const lines = [
    `${options.epochs} × (${trainDataset.length} training + ${valDataset.length} validation tasks) = ${rollouts} rollouts`,
    `at most ${options.maxQueueLength} of them waiting at a time`,
  ]
  report({ type: 'plan', limits: { rollouts, modelCalls: 0 }, lines })
  if (perEpoch === 0) return conclude(context, [])

  const isStarted = llmProxy !== null && (await startGateway(llmProxy, context))
  try {
    return conclude(context, await runEpochs(context, options, await storeResources(context)))
  } finally {
    if (isStarted) {
      await llmProxy.close().catch((error: unknown) => logger.error('The gateway did not close', { error: errorMessage(error) }))
    }
  }
}

function conclude(
  { logger, report }: Pick<AlgorithmContext<never>, 'logger' | 'report'>,
  rollouts: readonly BaselineRollout[],
): BaselineResult {
  const result = summarize(rollouts)
  for (const text of result.problems) {
    logger.warn(text)
    report({ type: 'note', text })
  }
  return result
}

/** Whether it was started here, and so is to be closed here: the trainer starts the gateway itself. */
async function startGateway(llmProxy: LlmProxy, { store }: Pick<AlgorithmContext, 'store'>): Promise<boolean> {
  try {
    await llmProxy.start({ sink: store })
    return true
  } catch (error) {
    if (AglError.isInstance(error, 'conflict')) return false
    throw error
  }
}

/** What the rollouts are pinned to; null = the latest resources, if there are any. */
async function storeResources(
  context: Pick<AlgorithmContext<never>, 'store' | 'initialResources' | 'logger'>,
): Promise<ResourcesUpdate | null> {
  const { store, initialResources: resources, logger } = context
  if (Object.keys(resources).length > 0) return await store.updateResources({ resourcesId: 'default', resources })
  logger.warn('There are no initial resources: the rollouts take the latest of the store, if there are any')
  return null
}

/**
 * Epoch by epoch, training before validation, in order. Cut short, by the signal or an error, it cancels what it has enqueued and
 * is not finished.
 */
async function runEpochs<Task>(
  context: AlgorithmContext<Task>,
  options: Required<BaselineOptions>,
  resources: ResourcesUpdate | null,
): Promise<readonly BaselineRollout[]> {
  const { store, trainDataset, valDataset, report } = context
  const failed = new AbortController()
  const signal = AbortSignal.any([context.signal, failed.signal])
  const gate = await openQueueGate(store, options.maxQueueLength, signal)
  const enqueued: string[] = []

  async function runEpoch(jobs: readonly Job[]): Promise<readonly BaselineRollout[]> {
    const progress = { train: { done: 0, scored: 0, sum: 0 }, val: { done: 0, scored: 0, sum: 0 } }

    async function follow(rolloutId: string, job: Job): Promise<BaselineRollout> {
      const collected = await collectRollout({ store, signal }, rolloutId, options.worstReward)
      const summary = await examine({ ...context, signal }, collected, job, options)
      const { epoch: step, mode: phase } = job
      const present = progress[phase]
      present.done += 1
      present.scored += summary.score === null ? 0 : 1
      present.sum += summary.score ?? 0
      const total = phase === 'train' ? trainDataset.length : valDataset.length
      const reward = present.scored === 0 ? null : present.sum / present.scored
      report({ type: 'phase', phase, step, done: present.done, total, reward })
      return summary
    }

    const followed: Promise<BaselineRollout>[] = []
    while (followed.length < jobs.length) {
      const batch = jobs.slice(followed.length, followed.length + (await gate.room()))
      const rollouts = await store.enqueueManyRollouts({ rollouts: batch.map((job) => toRequest(job, resources)) })
      enqueued.push(...rollouts.map(({ rollout_id: rolloutId }) => rolloutId))
      for (const [index, { rollout_id: rolloutId }] of rollouts.entries()) {
        const following = follow(rolloutId, batch[index]!)
        // It ends the run at once, also while there is no room for the next one.
        following.catch((error: unknown) => failed.abort(error))
        followed.push(following)
      }
    }
    return await Promise.all(followed)
  }

  try {
    const all: BaselineRollout[] = []
    for (let epoch = 0; epoch < options.epochs; epoch += 1) {
      const jobsOf = (mode: Job['mode'], dataset: ArrayLike<Task>): Job[] =>
        Array.from(dataset, (task) => ({ epoch, mode, input: task as JsonValue }))
      const done = await runEpoch([...jobsOf('train', trainDataset), ...jobsOf('val', valDataset)])
      report({ type: 'metrics', step: epoch, metrics: metricsOf(done) })
      all.push(...done)
    }
    return all
  } catch (error) {
    failed.abort(error)
    // A store that cannot be reached any more keeps them; the error that led here is the one to tell.
    await store.cancelRollouts({ rolloutIds: enqueued }).catch(() => {})
    throw error
  } finally {
    gate.close()
  }
}

function toRequest({ epoch, mode, input }: Job, resources: ResourcesUpdate | null): EnqueueRolloutRequest {
  return {
    input,
    mode,
    config: collectConfig,
    labels: { algorithm: 'baseline', phase: mode, iteration: String(epoch) },
    ...(resources !== null && { resources_id: resources.resources_id, resources_version: resources.version }),
  }
}

/** Gives its spans to the adapter, as a real run would, and writes everything down. */
async function examine<Task>(
  context: AlgorithmContext<Task>,
  collected: CollectedRollout,
  job: Job,
  { spanVerbosity }: Required<BaselineOptions>,
): Promise<BaselineRollout> {
  const { rollout, attempt, spans, reward, score } = collected
  let adapted: unknown = null
  let adapterError: string | null = null
  try {
    adapted = await context.adapter.adapt(spans)
  } catch (error) {
    adapterError = errorMessage(error)
  }
  const summary: BaselineRollout = {
    rolloutId: rollout.rollout_id,
    epoch: job.epoch,
    mode: job.mode,
    outcome: attempt?.outcome ?? null,
    reward,
    score,
    reason: reasonOf(attempt),
    attempts: attempt?.sequence_id ?? 0,
    durationMs: rollout.end_time === null ? null : Math.round((rollout.end_time - rollout.start_time) * 1000),
    spans: spans.length,
    adapterError,
  }
  await logRollout(context, summary, collected, adapted, spanVerbosity)
  return summary
}

/** What there is no mean of is left out. */
function metricsOf(rollouts: readonly BaselineRollout[]): Readonly<Record<string, number>> {
  const { reward, trainReward, valReward, outcomes } = summarize(rollouts)
  const means = Object.entries({ reward, trainReward, valReward }).flatMap(([name, { mean, count }]) =>
    count === 0 ? [] : [[name, mean] as const],
  )
  return { ...Object.fromEntries(means), rollouts: rollouts.length, scored: outcomes.scored ?? 0 }
}
