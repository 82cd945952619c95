import type { Agent, Runner } from '@agl/runner'
import {
  type Algorithm,
  type AlgorithmContext,
  childLogger,
  type Dataset,
  errorMessage,
  type Logger,
  type RunEvent,
  type RunState,
} from '@agl/types'
import type { AgentModule } from './agent-module.ts'
import type { CallSite } from './call-site.ts'
import { checkResources } from './check-resources.ts'
import type { Components } from './components.ts'
import { describeRunners } from './describe-runners.ts'
import type { LiveConcurrency } from './live-concurrency.ts'
import { listOf, type TrainerParts } from './make-parts.ts'
import type { TrainerOptions, trainerDefaults } from './options.ts'
import type { AlgorithmSide } from './strategy.ts'

/** One `fit` or `dev`. */
export interface Run<Task = unknown> {
  readonly callee: 'fit' | 'dev'
  /** Of `callee`. */
  readonly callSite: CallSite | null
  readonly agent: Agent<Task> | AgentModule
  readonly trainDataset: Dataset<Task>
  readonly valDataset: Dataset<Task>
  readonly signal: AbortSignal
  /** Null: it is elsewhere. */
  readonly algorithm: Algorithm<unknown, Task> | null
  readonly state: RunState
  report(event: RunEvent): void
  /** Told when the algorithm has ended, and with which error; null = well. Never rejects. */
  onEnd(error: unknown): Promise<void>
}

/** What the trainer has for every run. */
export interface RunContext<Task> extends TrainerParts {
  readonly options: TrainerOptions<unknown, Task> & typeof trainerDefaults & { readonly logger: Logger }
  readonly components: Components
  readonly concurrency: LiveConcurrency
}

/** Resolves to the algorithm's result; undefined where it is elsewhere. */
export async function runOnce<Task>(run: Run<Task>, context: RunContext<Task>): Promise<unknown> {
  const { options, components, store, llmProxy, strategy, settings, initialResources } = context
  const { logger, metrics = null, registry = null } = options
  const { agent, callee, callSite, signal } = run
  const runners: Runner[] = []
  const forget = context.concurrency.onChange((concurrency) => {
    for (const runner of runners) runner.setConcurrency(concurrency)
  })
  let isProxyStarted = false
  const algorithm: AlgorithmSide = {
    ...sideOf(run, context),
    async start() {
      isProxyStarted = true
      await llmProxy?.start({ sink: store })
      if (Object.keys(initialResources).length > 0) await store.addResources({ resources: initialResources })
    },
  }
  try {
    return await strategy.execute({
      algorithm,
      agent: agent as Agent | AgentModule,
      store,
      ...describeRunners(agent, {
        settings,
        tracer: options.tracer ?? null,
        hooks: listOf(options.hooks),
        scorers: listOf(options.scorers),
        components,
        registry,
        store,
        logger,
        metrics,
        strategy: strategy.name,
        callSite,
        callee,
        onRunner(runner) {
          runners.push(runner)
          if (context.concurrency.value !== null) runner.setConcurrency(context.concurrency.value)
        },
        check: (loaded) => checkResources(loaded, { algorithm: run.algorithm, initialResources, store, logger }),
      }),
      nRunners: options.nRunners,
      concurrency: context.concurrency,
      signal,
      abortGraceMs: options.abortGraceMs,
      logger: childLogger(logger, 'strategy'),
      metrics,
    })
  } finally {
    forget()
    // The run has its outcome; a gateway that does not close well is told to the log only.
    if (isProxyStarted) {
      await llmProxy?.close().catch((error: unknown) => logger.error('The gateway did not close', { error: errorMessage(error) }))
    }
  }
}

function sideOf<Task>(
  { algorithm, trainDataset, valDataset, state, report, onEnd }: Run<Task>,
  { adapter, llmProxy, initialResources, options: { logger } }: RunContext<Task>,
): Pick<AlgorithmSide, 'name' | 'isElsewhere' | 'run'> {
  if (algorithm === null) return { name: 'elsewhere', isElsewhere: true, run: ({ signal }) => untilAborted(signal) }
  const own: Omit<AlgorithmContext<Task>, 'store' | 'signal'> = {
    adapter,
    llmProxy,
    trainDataset,
    valDataset,
    initialResources,
    logger: childLogger(logger, 'algorithm'),
    state,
    report,
  }
  return {
    name: algorithm.name,
    isElsewhere: false,
    async run(parts) {
      try {
        const result = await algorithm.run({ ...parts, ...own })
        await onEnd(null)
        return result
      } catch (error) {
        await onEnd(error)
        throw error
      }
    },
  }
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
