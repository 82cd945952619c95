import { AglError } from '@agl/types'
import type { Authorship, Definition, ExperimentState, Target } from './record.ts'

/*
 * What may follow on what, as pure functions: each makes the next state of an experiment or says why there is none.
 * See `ExperimentState` for the phases.
 */

/** What a step changes; revision, id and time are the record's. */
export type Step = Omit<ExperimentState, 'revision' | 'id' | 'time'>

export function define(arms: ExperimentState['arms'], alias: string, definition: Definition, author: Authorship): Step {
  const { control, weights } = definition
  const untouched = { candidate: null, alias, stable: null, previous: null }
  return { ...author, action: 'define', phase: 'trial', control, arms, weights, ...untouched, definition }
}

/** New arms or weights: a new trial. The alias stays where it is. */
export function change(state: ExperimentState, arms: ExperimentState['arms'], definition: Definition, author: Authorship): Step {
  const { control, weights } = definition
  return { ...state, ...author, action: 'change', phase: 'trial', control, arms, weights, candidate: null, definition }
}

/** @param share of the keys, above 0 and below 1 */
export function rollOut(state: ExperimentState, arm: string, share: number, author: Authorship): Step {
  checkCandidate(state, arm)
  if (!(share > 0 && share < 1)) {
    throw refuse(`A share of ${share} was asked for; expected a number above 0 and below 1 (0.05 is 5 %), and promote() for all.`)
  }
  if (state.phase === 'promoted') {
    throw conflict(`${state.candidate} has been promoted: roll it back first.`)
  }
  if (state.phase === 'rolling_out' && state.candidate !== arm) {
    throw conflict(`${state.candidate} is being rolled out: promote it or roll it back first.`)
  }
  const weights = { ...noWeights(state), [state.control]: 1 - share, [arm]: share }
  return { ...state, ...author, action: 'roll_out', phase: 'rolling_out', candidate: arm, weights }
}

/** @param present where the alias points; null = nowhere */
export function promote(state: ExperimentState, arm: string, present: Target | null, author: Authorship): Step {
  if (!Object.hasOwn(state.arms, arm)) throw refuse(`There is no arm "${arm}"; there are ${Object.keys(state.arms).join(', ')}.`)
  if (state.phase === 'promoted' && state.candidate === arm) throw conflict(`${arm} has been promoted already.`)
  if (state.phase === 'rolling_out' && state.candidate !== arm) {
    throw conflict(`${state.candidate} is being rolled out: promote it or roll it back first.`)
  }
  const weights = { ...noWeights(state), [arm]: 1 }
  const previous = present ?? state.arms[state.control]!
  return {
    ...state,
    ...author,
    action: 'promote',
    phase: 'promoted',
    candidate: arm,
    weights,
    stable: state.arms[arm]!,
    previous,
  }
}

/** All get the control again, and the alias points to where it did before. */
export function rollback(state: ExperimentState, author: Authorship): Step {
  if (state.phase === 'rolled_back') throw conflict('It has been rolled back already.')
  const weights = { ...noWeights(state), [state.control]: 1 }
  const stable = state.phase === 'promoted' ? state.previous : state.stable
  return { ...state, ...author, action: 'rollback', phase: 'rolled_back', candidate: null, weights, stable }
}

/** @throws AglError `invalid_argument` where nobody could tell later who it was, or why */
export function checkAuthor({ by, reason }: Authorship): void {
  if (by.trim() !== '' && reason.trim() !== '') return
  throw refuse(`A step was taken by "${by}" because of "${reason}"; expected who and why: both are kept for good.`)
}

function noWeights({ arms }: ExperimentState): Record<string, number> {
  return Object.fromEntries(Object.keys(arms).map((arm) => [arm, 0]))
}

function checkCandidate({ arms, control }: ExperimentState, arm: string): void {
  const candidates = Object.keys(arms).filter((name) => name !== control)
  if (!candidates.includes(arm))
    throw refuse(`"${arm}" cannot be rolled out; the arms beside the control are ${candidates.join(', ')}.`)
}

function refuse(message: string): AglError {
  return new AglError({ code: 'invalid_argument', message })
}

function conflict(message: string): AglError {
  return new AglError({ code: 'conflict', message })
}

/** One text for equal definitions, whatever the order of their arms. */
export function describeDefinition({ control, sources, weights }: Definition): string {
  const arms = Object.keys(sources).toSorted()
  return JSON.stringify([control, arms.map((arm) => [arm, sources[arm], weights[arm]])])
}
