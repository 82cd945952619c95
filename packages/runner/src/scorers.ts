import {
  AglError,
  type AttemptedRollout,
  type Emitter,
  errorMessage,
  graderTag,
  type LightningStore,
  type Logger,
  type NamedResources,
  type Span,
  spanNames,
  type TracedAttempt,
  type Tracer,
} from '@agl/types'
import { infraError } from './agents/infra-error.ts'
import { readSpansOf } from './read-spans.ts'

/** What a scorer sees: what the agent left, and nothing of the agent's own tools. */
export interface ScoreContext<Task = unknown> {
  readonly task: Task
  readonly rollout: AttemptedRollout
  /** What the rollout was pinned to, as it is stored: models of the gateway carry no rollout, so calls to them are not the agent's. */
  readonly resources: NamedResources
  /**
   * Records what is to be said beside the number, such as why it is low: `emit.annotation({ 'agl.feedback': '…' })` is shown to who improves
   * the agent. The reward is what `score` returns.
   */
  readonly emit: Omit<Emitter, 'reward'>
  /** The spans of the attempt, all of them, in order. */
  readSpans(): Promise<readonly Span[]>
  readonly signal: AbortSignal
  readonly logger: Logger
}

/** Judges a finished run of the agent, out of its reach. */
export interface Scorer<Task = unknown> {
  /** The dimension of the reward that it gives. */
  readonly name: string
  /** A finite number. A throw makes the attempt an `infra_error`: a judge that fails is not the agent's fault. */
  score(context: ScoreContext<Task>): number | Promise<number>
}

/**
 * Runs the scorers and records one reward with a dimension of each, the first one primary. They run in a trace of their own, inside an
 * operation that is named and tagged as a grader's, so that adapters take none of their model calls for the agent's.
 */
export async function runScorers<Task>(
  scorers: readonly Scorer<Task>[],
  parts: {
    readonly tracer: Tracer
    readonly attempt: TracedAttempt
    readonly store: LightningStore
    readonly context: Omit<ScoreContext<Task>, 'readSpans' | 'emit'>
  },
): Promise<void> {
  const { tracer, attempt, store, context } = parts
  await tracer.trace(attempt, async (emit) => {
    const dimensions: Record<string, number> = {}
    for (const scorer of scorers) {
      const options = { name: spanNames.reward, tags: [graderTag], attributes: { scorer: scorer.name } }
      dimensions[scorer.name] = await emit.operation(options, async (scope) => {
        const value = await score(scorer, { ...context, emit, readSpans: () => readSpansOf(store, attempt) })
        scope.setOutput(value)
        return value
      })
    }
    emit.reward(dimensions, { primary: scorers[0]!.name, tags: [graderTag] })
  })
}

async function score<Task>(scorer: Scorer<Task>, context: ScoreContext<Task>): Promise<number> {
  let value: unknown
  try {
    value = await scorer.score(context)
  } catch (error) {
    throw infraError({ code: 'internal', message: `Scorer "${scorer.name}" failed: ${errorMessage(error)}`, cause: error })
  }
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new AglError({
    code: 'invalid_argument',
    message: `Scorer "${scorer.name}" must give a finite number; it gave ${String(value)}.`,
  })
}
