import type {
  AlgorithmContext,
  AttemptedRollout,
  AttemptOutcome,
  JsonObject,
  JsonValue,
  ResourcesUpdate,
  Rollout,
  RolloutMode,
  Spend,
} from '@agl/types'
import { type CollectedRollout, collectRollouts } from '../collect.ts'
import type { Budget } from './budget.ts'
import { type Transcript, toTranscript, usageOf } from './transcript.ts'
import { hashJson, seedFor } from './hash.ts'
import { type CallUsage, priceOf, type Prices } from './prices.ts'

/** A task with its hash, by which it is known wherever it stands in a dataset. */
export interface KnownTask {
  readonly input: JsonValue
  readonly hash: string
}

/** What is compared: a snapshot under a name by its content. */
export interface EvaluatedCandidate {
  /** Equal for equal candidates: a hash. */
  readonly key: string
  readonly resources: Pick<ResourcesUpdate, 'resources_id' | 'version'>
}

/** One task, run once with one candidate. */
export interface Evaluation {
  /** The reward by the policy of outcomes; null = left out. */
  readonly score: number | null
  /** `cancelled` also where nobody has claimed it in time. */
  readonly outcome: AttemptOutcome
  readonly rolloutId: string
  /** Null where it was not asked for. */
  readonly transcript: Transcript | null
}

export interface EvaluateOptions {
  readonly mode: RolloutMode
  readonly step: number
  /** For people. */
  readonly phase: string
  /** Tells runs of the same task with the same candidate apart. Default 0. */
  readonly repetition?: number
  /** Keeps what an optimizer may see of each. Default false. */
  readonly withTranscripts?: boolean
  readonly onDone?: (evaluation: Evaluation) => void
}

export interface EvaluatorOptions {
  readonly algorithm: string
  readonly runId: string
  readonly seed: number
  readonly budget: Budget
  /** Null: money is not counted. */
  readonly prices: Prices | null
  readonly worstReward: number
  /** Of one evaluation, in milliseconds; what is not done then is cancelled and left out. */
  readonly timeoutMs: number
  readonly experimentCharacters: number
}

export interface Evaluator {
  /** In the order of the tasks. What was paid for once, in this process or an earlier one of the run, is not run again. */
  evaluate(candidate: EvaluatedCandidate, tasks: readonly KnownTask[], options: EvaluateOptions): Promise<readonly Evaluation[]>
  /** How many of these this process has not asked for yet: so often `onDone` is told. */
  missing(
    candidate: EvaluatedCandidate,
    tasks: readonly KnownTask[],
    options: Pick<EvaluateOptions, 'repetition' | 'withTranscripts'>,
  ): number
  /** Resolves when no evaluation is under way any more, whether it went well or not. */
  settled(): Promise<void>
}

export function knownTask(input: JsonValue): KnownTask {
  return { input, hash: hashJson(input).slice(0, 16) }
}

/** What is kept of one evaluation. */
interface Kept extends Evaluation {
  readonly spend: Partial<Spend>
}

/**
 * Runs candidates on tasks by rollouts, each paid for once: its result is kept in the state of the run under candidate, task and
 * repetition, and its rollout has an id made of the same, so that a store that outlives the process also gives back what was in
 * flight. Rollouts of one task and repetition get one seed (`metadata.seed`), whatever the candidate: they are compared under
 * the same luck, as far as the agent's model heeds seeds.
 */
export function createEvaluator(
  context: Pick<AlgorithmContext, 'store' | 'signal' | 'state'>,
  options: EvaluatorOptions,
): Evaluator {
  const { store, state } = context
  const { budget } = options
  const known = new Map<string, Promise<Kept>>()

  async function evaluate(
    candidate: EvaluatedCandidate,
    tasks: readonly KnownTask[],
    request: EvaluateOptions,
  ): Promise<readonly Evaluation[]> {
    context.signal.throwIfAborted()
    const { repetition = 0, withTranscripts = false } = request
    const keys = tasks.map((task) => keyOf(candidate, task, repetition, withTranscripts))
    const fresh = new Map<string, { readonly task: KnownTask; readonly settle: Deferred<Kept> }>()
    for (const [index, key] of keys.entries()) {
      if (known.has(key)) continue
      const settle = defer<Kept>()
      known.set(key, settle.promise)
      fresh.set(key, { task: tasks[index]!, settle })
    }
    await runMissing(candidate, fresh, request)
    return await Promise.all(keys.map(async (key) => await known.get(key)!))
  }

  async function runMissing(
    candidate: EvaluatedCandidate,
    fresh: ReadonlyMap<string, { readonly task: KnownTask; readonly settle: Deferred<Kept> }>,
    request: EvaluateOptions,
  ): Promise<void> {
    const toRun: { readonly key: string; readonly task: KnownTask; readonly settle: Deferred<Kept> }[] = []
    const done = (settle: Deferred<Kept>, kept: Kept): void => {
      budget.add(kept.spend)
      request.onDone?.(kept)
      settle.resolve(kept)
    }
    try {
      for (const [key, entry] of fresh) {
        const kept = (await state.load(key)) as Kept | undefined
        if (kept === undefined) toRun.push({ key, ...entry })
        else done(entry.settle, kept)
      }
      const places = await freePlaces(toRun.map(({ key }) => key))
      await collectRollouts(
        context,
        toRun.map(({ task }, index) => ({
          input: task.input,
          mode: request.mode,
          rollout_id: places[index]!.id,
          resources_id: candidate.resources.resources_id,
          resources_version: candidate.resources.version,
          metadata: metadataOf(task, request.repetition ?? 0),
          labels: {
            algorithm: options.algorithm,
            run: options.runId,
            phase: request.phase,
            step: String(request.step),
            candidate: candidate.key,
          },
        })),
        {
          worstReward: options.worstReward,
          timeoutMs: options.timeoutMs,
          async onCollected(collected, index) {
            const { key, settle } = toRun[index]!
            const calls = await callsOf(collected, places[index]!.before)
            const kept = toKept(collected, calls, places[index]!.before, request.withTranscripts ?? false)
            if (!isOurFault(kept.outcome)) await state.save(key, kept as unknown as JsonValue)
            done(settle, kept)
          },
        },
      )
    } catch (error) {
      for (const [key, { settle }] of fresh) {
        known.delete(key)
        settle.reject(error)
      }
      throw error
    }
  }

  /** What was cancelled when an earlier process of the run was stopped, or failed through no fault of the agent, is run under the next id. */
  async function freePlaces(keys: readonly string[]): Promise<readonly Place[]> {
    const ids = keys.map((key) => idOf(key, 0))
    const ended = { rolloutIdIn: ids, statusIn: ['cancelled', 'failed'], limit: -1 } as const
    const there = ids.length === 0 ? [] : (await store.queryRollouts(ended)).items
    const spoiled = new Map(there.filter(isSpoiled).map((rollout) => [rollout.rollout_id, rollout]))
    return await Promise.all(
      ids.map(async (id, index) => {
        const first = spoiled.get(id)
        return first === undefined ? { id, before: [] } : await nextFree(keys[index]!, first)
      }),
    )
  }

  async function nextFree(key: string, first: Rollout): Promise<Place> {
    const before = [first]
    for (let turn = 1; ; turn += 1) {
      const id = idOf(key, turn)
      const there = await store.getRolloutById({ rolloutId: id })
      if (there === null || !isSpoiled(there)) return { id, before }
      before.push(there)
    }
  }

  /** All that was called for it, also by attempts that were in vain. */
  async function callsOf(
    { rollout, attempt, spans }: CollectedRollout,
    before: readonly Rollout[],
  ): Promise<readonly CallUsage[]> {
    if (before.length === 0 && (attempt?.sequence_id ?? 1) === 1) return usageOf(spans)
    const all = await Promise.all(
      [rollout, ...before].map(async ({ rollout_id: rolloutId }) => usageOf((await store.querySpans({ rolloutId })).items)),
    )
    return all.flat()
  }

  function idOf(key: string, turn: number): string {
    return `ro-${hashJson([options.runId, key, turn]).slice(0, 24)}`
  }

  function metadataOf(task: KnownTask, repetition: number): JsonObject {
    return { seed: seedFor(options.seed, 'rollout', task.hash, repetition), repetition }
  }

  function toKept(
    collected: CollectedRollout,
    calls: readonly CallUsage[],
    before: readonly Rollout[],
    withTranscript: boolean,
  ): Kept {
    const { rollout, attempt, score } = collected
    return {
      score,
      outcome: attempt?.outcome ?? 'cancelled',
      rolloutId: rollout.rollout_id,
      transcript: withTranscript ? toTranscript(collected, options.experimentCharacters) : null,
      spend: {
        // Those that were cut short with their process are run again, not once more.
        rollouts: 1 + before.filter((rollout) => outcomeOf(rollout) === 'infra_error').length,
        modelCalls: calls.length,
        tokens: calls.reduce((sum, { inputTokens, outputTokens }) => sum + (inputTokens ?? 0) + (outputTokens ?? 0), 0),
        usd: options.prices === null ? 0 : calls.reduce((sum, call) => sum + priceOf(call, options.prices!), 0),
      },
    }
  }

  return {
    evaluate,
    missing(candidate, tasks, { repetition = 0, withTranscripts = false }) {
      const keys = tasks.map((task) => keyOf(candidate, task, repetition, withTranscripts))
      return new Set(keys.filter((key) => !known.has(key))).size
    },
    settled: async () => void (await Promise.allSettled(known.values())),
  }
}

/** Those with a transcript are of other tasks (training), and kept under a name of their own. */
function keyOf({ key }: EvaluatedCandidate, { hash }: KnownTask, repetition: number, withTranscript: boolean): string {
  return `${withTranscript ? 'trial' : 'eval'}/${key}/${hash}/${repetition}`
}

/** It says nothing of the candidate, and may go well another time: it is left out, but a later process of the run tries again. */
function isOurFault(outcome: AttemptOutcome | null): boolean {
  return outcome === 'infra_error' || outcome === 'unresponsive'
}

function isSpoiled(rollout: Rollout): boolean {
  return rollout.status === 'cancelled' || isOurFault(outcomeOf(rollout))
}

function outcomeOf(rollout: Rollout): AttemptOutcome | null {
  return 'attempt' in rollout ? (rollout as AttemptedRollout).attempt.outcome : null
}

/** The id that an evaluation is run under, and the rollouts of it that came to nothing. */
interface Place {
  readonly id: string
  readonly before: readonly Rollout[]
}

interface Deferred<Value> {
  readonly promise: Promise<Value>
  resolve(value: Value): void
  reject(error: unknown): void
}

function defer<Value>(): Deferred<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>()
  // Whoever asked hears of it from the call that ran it; those who only share it hear of it by themselves.
  promise.catch(() => {})
  return { promise, resolve, reject }
}
