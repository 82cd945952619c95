import { AglError, type Algorithm, type AlgorithmContext, type JsonValue } from '@agl/types'
import { hashDataset } from '../data/hash-dataset.ts'
import type { KnownTask } from '../run/evaluate.ts'
import { cutMiddle } from '../run/transcript.ts'
import { type Estimate, estimateGain, estimateMean, pairsOf } from '../statistics.ts'
import { breed, type Brood, chooseParents } from './breed.ts'
import type { ApoCandidate } from './candidate.ts'
import { type ApoOptions, resolveApoOptions, type ResolvedApoOptions } from './options.ts'
import { artifactKey, type Comparison } from '../artifact/artifact.ts'
import { callsOfRound, costOfEnds, costOfRound, tellPlan } from './plan.ts'
import { makeFolder } from '../artifact/files.ts'
import type { ApoResult, ApoRound } from './result.ts'
import { type Claims, type Found, replayThroughRunners, toArtifact, withSave } from './save.ts'
import { orLowest } from './race.ts'
import { frontPlaces, joinFront, raceFinalists, raceForBeam, type Survivor } from './select.ts'
import { openSession, type Scores, type Session } from './session.ts'

/**
 * Automatic prompt optimization: run a prompt on tasks, let a model criticize what went wrong and another change the prompt, and keep
 * what proves better on validation tasks (Pryzant et al. 2023, ProTeGi; parents by Pareto front: Agrawal et al. 2025, GEPA). All that
 * can be done at the same time is. Nothing is paid for twice, also when the run is killed and begun again with its state; equal
 * seeds and equal answers find equal prompts. Test tasks take no part in any choice.
 */
export function createApo<Task>(options: ApoOptions<Task>): Algorithm<ApoResult, Task> {
  const resolved = resolveApoOptions(options)
  return Object.freeze({
    name: 'apo',
    brings: [],
    async run(context: AlgorithmContext<Task>) {
      requireTasks(context)
      const failed = new AbortController()
      const own = { ...context, signal: AbortSignal.any([context.signal, failed.signal]) }
      const session = await openSession(own, resolved)
      try {
        return await search(own, session, resolved as ResolvedApoOptions<unknown>)
      } catch (error) {
        // Much goes on at the same time: what has not failed must not run on behind the error, and leaves no rollouts in the store.
        failed.abort(error)
        await session.settled()
        throw error
      }
    },
  })
}

async function search<Task>(
  context: AlgorithmContext<Task>,
  session: Session,
  options: ResolvedApoOptions<unknown>,
): Promise<ApoResult> {
  const { signal, state, report } = context
  const { budget, first, val, test } = session
  const rounds: ApoRound[] = []
  const costs = costOfEnds(session, options)
  let survivors: readonly Survivor[] = [{ candidate: first, mean: null, tasks: 0 }]
  const testScoresOf = new Map<ApoCandidate, Scores>()
  let endedEarly: ApoResult['endedEarly'] = null

  tellPlan(context, session, options)
  tellShared()
  if (options.saveTo !== null) await makeFolder(options.saveTo)
  await requireWhatMustBe()
  // The children of the first round need no scores of the first prompt; where calls are limited, they need to know what a rollout costs.
  let isFirstDue = costs.first > 0
  const giveBack = budget.hold({ rollouts: costs.first })
  if (options.mode === 'pareto' || isPriced()) await runFirstIfDue()

  for (let round = 1; round <= options.beamRounds && endedEarly === null; round += 1) {
    signal.throwIfAborted()
    const members = survivors.map(({ candidate }) => candidate)
    const parents = await affordable(chooseParents(session, options, members, round), members, round)
    if (parents.length === 0) {
      endedEarly = 'budget'
      break
    }
    const [brood] = await Promise.all([breed(session, options, members, parents, round), runFirstIfDue()])
    survivors =
      options.mode === 'beam'
        ? await raceForBeam(session, options, [...members, ...brood.children], round)
        : await joinFront(session, options, { members, parents, children: brood.children }, round)
    await endRound(round, brood)
    if (brood.skipped.no_flaw === parents.length && brood.children.length === 0) endedEarly = 'nothing_to_improve'
  }
  await runFirstIfDue()
  return await conclude()

  async function runFirstIfDue(): Promise<void> {
    if (!isFirstDue) return
    isFirstDue = false
    const places = options.runInitialValidation ? [...val.keys()] : frontPlaces(session, options)
    await session.runVal(first, places, 0, 'first prompt')
    giveBack()
  }

  function isPriced(): boolean {
    const { modelCalls, tokens, usd } = budget.limits
    return [modelCalls, tokens, usd].some((limit) => limit !== undefined)
  }

  /** What was chosen by a task is not tested by it. */
  function tellShared(): void {
    const seen = new Set([...session.train, ...val].map(({ hash }) => hash))
    const shared = test.filter(({ hash }) => seen.has(hash)).length
    if (shared === 0) return
    const text = `${shared} of ${test.length} test tasks are training or validation tasks as well, so the test flatters: see splitDataset and findSharedTasks.`
    context.logger.warn('The test tasks are not held out', { shared, test: test.length })
    report({ type: 'note', text })
  }

  /** A round that the budget has no room for is made with fewer children. */
  async function affordable(
    parents: readonly ApoCandidate[],
    members: readonly ApoCandidate[],
    round: number,
  ): Promise<readonly ApoCandidate[]> {
    const minutes = await session.minutesAt(`round ${round}`)
    const merges = options.mode === 'pareto' && members.length > 1 ? 1 : 0
    const count = [...parents.keys(), parents.length].findLast((some) => {
      const rollouts = costOfRound(session, options, members, parents.slice(0, some), round)
      return budget.passed({ rollouts, ...session.expectedOf(callsOfRound(some, merges)) }, minutes) === null
    })
    return parents.slice(0, count ?? 0)
  }

  /**
   * The first and the final evaluation have to be affordable before the run begins. What a rollout costs in calls, tokens and money shows
   * only when some have been run: a few that the first round runs anyway.
   */
  async function requireWhatMustBe(): Promise<void> {
    const pilot = isPriced() ? Math.min(options.gradientBatchSize, session.train.length) : 0
    const needed = costs.first + costs.last
    const what = 'the first and the final evaluation'
    budget.require({ rollouts: pilot + needed }, what, await session.minutesAt('begin'))
    if (pilot > 0) {
      await session.runTrials(first, pilot, 1)
      budget.require({ rollouts: needed }, what, await session.minutesAt('pilot'))
    }
    budget.hold({ rollouts: costs.last })
  }

  async function endRound(round: number, { children, skipped }: Brood): Promise<void> {
    const spent = budget.spent()
    const standing = survivors.map(({ candidate: { id }, mean, tasks }) => ({ id, mean, tasks }))
    const leader = session.valEstimate(survivors[0]!.candidate)
    rounds.push({ round, survivors: standing, leader, children: children.map(({ id }) => id), skipped, spent })
    report({ type: 'note', text: describeRound(round, survivors[0]!.candidate, leader, children.length) })
    report({ type: 'spent', spend: spent })
    const { minutes: _, modelCalls, ...counts } = spent
    const best = { best_val_reward: survivors[0]?.mean ?? Number.NaN }
    report({
      type: 'metrics',
      step: round - 1,
      metrics: { ...best, children: children.length, model_calls: modelCalls, ...counts },
    })
  }

  async function conclude(): Promise<ApoResult> {
    // Where the budget had no room for a round, what the final evaluation has kept of it is for the tests.
    const leader = rounds.length === 0 ? first : await raceFinalists(session, options, chooseFinalists(), rounds.length)
    const gained = options.runInitialValidation ? compareOnVal(leader) : null
    const best = options.keep === 'significant' && gained !== null && gained.gain.low <= 0 ? first : leader
    const onVal = best === leader ? gained : compareOnVal(first)
    const onTest = test.length === 0 ? null : await compareOnTest(best)
    const found: Omit<Found, 'spent' | 'replay'> = {
      verdict: verdictOf(onTest ?? onVal),
      best,
      first,
      val: onVal,
      test: onTest,
      rounds,
      lineage: session.candidates.map((candidate) => ({ ...candidate, val: session.valEstimate(candidate) })),
      leftOut: session.leftOut,
      seed: options.seed,
      dataHash: { train: hashOf(session.train), val: hashOf(val), test: hashOf(test) },
      endedEarly,
    }
    const claims: Claims =
      onTest === null
        ? { tasks: val, scores: session.valScores(best), candidates: triedCount() }
        : { tasks: test, scores: testScoresOf.get(best)!, candidates: 1 }
    const isScored = claims.scores.some((score) => typeof score === 'number')
    const { saveTo } = options
    const unsaved = { ...found, spent: budget.spent(), replay: null }
    const replay = saveTo === null || !isScored ? null : await replayThroughRunners(context, session, saveTo, unsaved, claims)
    const kept = await keep(context, session, best)
    const result = withSave({ ...found, ...kept, spent: budget.spent(), replay }, claims)
    // In the store, if that is where the state is kept: `agl export` reads it there.
    await state.save(artifactKey, toArtifact(result, new Date()) as unknown as JsonValue)
    if (saveTo !== null) await result.save(saveTo)
    await session.keepMinutes()
    report({ type: 'spent', spend: result.spent })
    return result
  }

  /** The first prompt is among them, so that what is kept is no worse than it on the validation tasks. */
  function chooseFinalists(): readonly ApoCandidate[] {
    const best = survivors.map(({ candidate }) => candidate)
    // Those of a beam come in the order of their last race, and are known by all.
    if (options.mode === 'beam') {
      best.sort((a, b) => orLowest(session.valEstimate(b)?.mean) - orLowest(session.valEstimate(a)?.mean))
    }
    const chosen = best.slice(0, options.finalists)
    return options.runInitialValidation && !chosen.includes(first) ? [first, ...chosen] : chosen
  }

  function compareOnVal(candidate: ApoCandidate): Comparison {
    return compare(session.valScores(first), session.valScores(candidate), triedCount())
  }

  /** How many prompts the best was picked from. */
  function triedCount(): number {
    return Math.max(1, session.candidates.length - 1)
  }

  async function compareOnTest(best: ApoCandidate): Promise<Comparison> {
    const before = await testScores(first)
    const after = best === first ? before : await testScores(best)
    testScoresOf.set(best, after)
    return compare(before, after, 1)
  }

  /** A task is one observation, however often it is run. */
  async function testScores(candidate: ApoCandidate): Promise<readonly (number | null)[]> {
    const repetitions = await Promise.all(
      Array.from({ length: options.testRepetitions }, (_, repetition) =>
        session.run(candidate, test, { mode: 'test', step: options.beamRounds, phase: 'test', repetition }),
      ),
    )
    return test.map((_, place) => {
      const known = repetitions.flatMap((evaluations) => evaluations[place]!.score ?? [])
      return known.length === 0 ? null : estimateMean(known).mean
    })
  }
}

function describeRound(round: number, { id, critique }: ApoCandidate, leader: Estimate | null, children: number): string {
  const score =
    leader === null
      ? ''
      : ` at ${leader.mean.toFixed(3)} [${leader.low.toFixed(3)}, ${leader.high.toFixed(3)}] on ${leader.count} tasks`
  const reason = critique === null ? '' : `: ${cutMiddle(critique.replaceAll(/\s+/g, ' '), 120)}`
  return `Round ${round}: ${children} new prompts, ${id} leads${score}${reason}`
}

/** It becomes the latest resources, so that whoever asks for those gets it. */
async function keep<Task>(
  { store }: AlgorithmContext<Task>,
  session: Session,
  best: ApoCandidate,
): Promise<Pick<ApoResult, 'resourcesId' | 'resourcesVersion'>> {
  const { resources_id: resourcesId } = await session.stored(best)
  const { version } = await store.updateResources({ resourcesId, resources: session.resourcesOf(best) })
  if (store.capabilities.features.includes('aliases')) await store.setResourcesAlias({ alias: 'best', resourcesId, version })
  return { resourcesId, resourcesVersion: version }
}

function hashOf(tasks: readonly KnownTask[]): string {
  return hashDataset(tasks.map(({ input }) => input))
}

/** Over the tasks that both have a score for. */
function compare(before: Scores, after: Scores, candidates: number): Comparison {
  const [ones, others] = pairsOf(before, after)
  return { before: estimateMean(ones), after: estimateMean(others), gain: estimateGain(ones, others, { candidates }) }
}

function verdictOf(comparison: Comparison | null): ApoResult['verdict'] {
  if (comparison === null) return 'no_significant_difference'
  const { low, high } = comparison.gain
  return low > 0 ? 'improved' : high < 0 ? 'worse' : 'no_significant_difference'
}

function requireTasks<Task>({ trainDataset, valDataset }: AlgorithmContext<Task>): void {
  for (const [name, dataset, use] of [
    ['training', trainDataset, 'criticize'],
    ['validation', valDataset, 'choose by'],
  ] as const) {
    if (dataset.length > 0) continue
    throw new AglError({
      code: 'invalid_argument',
      message: `The ${name} dataset is empty; APO needs at least one task to ${use}: fit(agent, trainDataset, { valDataset }).`,
    })
  }
}
