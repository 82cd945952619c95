import type { AlgorithmContext } from '@agl/types'
import { trialsFor } from './breed.ts'
import type { ApoCandidate } from './candidate.ts'
import type { ResolvedApoOptions } from './options.ts'
import { costOfRace } from './race.ts'
import { replaySample } from './save.ts'
import type { Session } from './session.ts'

/** The most rollouts that the first and the last part of the run take. */
export function costOfEnds(
  { val, test }: Session,
  options: ResolvedApoOptions<unknown>,
): { readonly first: number; readonly last: number } {
  const size = Math.min(options.valBatchSize, val.length)
  // Finalists have been run on a part of the tasks already.
  const finalists = options.finalists * (val.length - size)
  const tests = test.length * options.testRepetitions * 2
  const replay = options.saveTo === null ? 0 : Math.min(replaySample, (test.length === 0 ? val : test).length)
  return {
    first: options.runInitialValidation ? val.length : options.mode === 'pareto' ? size : 0,
    last: finalists + tests + replay,
  }
}

/** The most that a round takes from here on. */
export function costOfRound(
  session: Session,
  options: ResolvedApoOptions<unknown>,
  survivors: readonly ApoCandidate[],
  parents: readonly ApoCandidate[],
  round: number,
): number {
  const { mode, beamWidth, gradientBatchSize } = options
  const tasks = Math.min(options.valBatchSize, session.val.length)
  const children = parents.length
  const trials = [...new Set(parents)].map((parent) => {
    const own = parents.filter((each) => each === parent).length
    return Math.max(0, trialsFor(parent, own, options, session, round) - session.trialPlaces(parent).length)
  })
  const trialCost = trials.reduce((sum, count) => sum + count, 0)
  if (mode === 'pareto') {
    // Of a merge also the other parent is run where the first was.
    const merge = survivors.length > 1 ? 4 * gradientBatchSize + tasks : 0
    return trialCost + children * (2 * gradientBatchSize + tasks) + merge
  }
  return trialCost + costOfRace({ candidates: survivors.length + children, keep: beamWidth, tasks })
}

/** The most calls of critic and editor: a critique, an edit, a repair; a merge has no critique. */
export function callsOfRound(children: number, merges: number): number {
  return children * 3 + merges * 2
}

export function tellPlan<Task>({ report }: AlgorithmContext<Task>, session: Session, options: ResolvedApoOptions<unknown>): void {
  const { beamRounds, beamWidth, branchFactor, model } = options
  const { first, last } = costOfEnds(session, options)
  const children = beamWidth * branchFactor
  const beam = Array.from({ length: beamWidth }, () => ({ ...session.first }))
  const parents = Array.from({ length: children }, (_, place) => beam[place % beamWidth]!)
  const rollouts = first + beamRounds * costOfRound(session, options, beam, parents, beamRounds) + last
  const merges = options.mode === 'pareto' ? 1 : 0
  const calls = beamRounds * callsOfRound(children, merges)
  const names = [...new Set([model.critique.name, model.edit.name])].join(' and ')
  report({
    type: 'plan',
    // How many models the agent calls shows only when it runs.
    limits: { ...options.budget, rollouts: Math.min(rollouts, options.budget.rollouts ?? Number.POSITIVE_INFINITY) },
    lines: [
      `${beamRounds} rounds of at most ${children + merges} new prompts from ${beamWidth} parents, by at most ${calls} calls of ${names}`,
      `at most ${rollouts} rollouts on ${session.train.length} training, ${session.val.length} validation and ${session.test.length} test tasks`,
    ],
  })
}
