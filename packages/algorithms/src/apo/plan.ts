import type { AlgorithmContext } from '@agl/types'
import { trialsFor } from './breed.ts'
import type { ApoCandidate } from './candidate.ts'
import type { ResolvedApoOptions } from './options.ts'
import { costOfRace } from './race.ts'
import { replaySample } from './save.ts'
import { frontSize } from './select.ts'
import type { Session } from './session.ts'

/** The most rollouts that the first and the last part of the run take. */
export function costOfEnds(
  session: Session,
  options: ResolvedApoOptions<unknown>,
): { readonly first: number; readonly last: number } {
  const { val, test } = session
  const isPareto = options.mode === 'pareto'
  const size = isPareto ? frontSize(session, options) : Math.min(options.valBatchSize, val.length)
  // Finalists have been run on a part of the tasks already, the first prompt on all of them or on none.
  const free = options.runInitialValidation ? 1 : 0
  const finalists = isPareto
    ? costOfRace({ candidates: options.finalists + free, keep: 1, tasks: val.length, first: size, free })
    : options.finalists * (val.length - size)
  const tests = test.length * options.testRepetitions * 2
  const replay = options.saveTo === null ? 0 : Math.min(replaySample, (test.length === 0 ? val : test).length)
  return {
    first: options.runInitialValidation ? val.length : isPareto ? size : 0,
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
  const { mode, beamWidth } = options
  const tasks = Math.min(options.valBatchSize, session.val.length)
  const children = parents.length
  const trials = [...new Set(parents)].map((parent) => {
    const own = parents.filter((each) => each === parent).length
    return session.nextTrials(parent, trialsFor(parent, own, options, session, round), round).length
  })
  const trialCost = trials.reduce((sum, count) => sum + count, 0)
  if (mode === 'pareto') {
    const merges = survivors.length > 1 ? 1 : 0
    // Parents are run on the tasks that the race begins with as their trials, and have been on the others.
    const free = trials.length
    const race = frontSize(session, options) + session.sharedTrials(round).length
    return trialCost + costOfRace({ candidates: free + children + merges, keep: beamWidth, tasks: race, free })
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
  // Of a front at least two may be merged, however few parents a round has.
  const survivors = options.mode === 'pareto' ? [...beam, session.first] : beam
  const rollouts = first + beamRounds * costOfRound(session, options, survivors, parents, beamRounds) + last
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
