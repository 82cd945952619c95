import { AglError } from '@agl/types'
import { followObservations } from './follow.ts'
import { createDetector, type Detector } from './guard.ts'
import { createLedger, type Observation } from './ledger.ts'
import type { LiveExperiment } from './live.ts'
import type { Guard } from './options.ts'
import { type Authorship, type ExperimentState, isSameTarget } from './record.ts'

/** Options of `rollOutGradually`. */
export interface GradualOptions extends Authorship {
  readonly arm: string
  /** Shares of the keys, rising; the last one is 1. Default 0.05, 0.25, 1. */
  readonly shares?: readonly number[]
  /** Results of the candidate for which each share is held, the last one too. Default 100. */
  readonly resultsPerShare?: number
  readonly signal: AbortSignal
  /** Told of each step as it is taken. */
  readonly onStep?: (state: ExperimentState) => void
}

/** Why a candidate was rolled back. */
export interface GuardAlarm {
  readonly metric: string
  readonly bound: number
  readonly side: 'min' | 'max'
  /** Of the last `count` values: those since it got worse. */
  readonly mean: number
  readonly count: number
  readonly state: ExperimentState
}

export type RollOutResult =
  | { readonly kind: 'promoted'; readonly state: ExperimentState }
  | { readonly kind: 'rolled_back'; readonly alarm: GuardAlarm }
  /** Somebody else has rolled it back or changed the arms. */
  | { readonly kind: 'overtaken'; readonly state: ExperimentState }

const defaultShares: readonly number[] = Object.freeze([0.05, 0.25, 1])
const defaultResultsPerShare = 100

/** Holds the candidate of the present step to its guards. */
interface Watch {
  readonly revision: number
  readonly detectors: readonly { readonly guard: Guard; readonly detector: Detector }[]
  results: number
}

export async function rollOutGradually<Task>(live: LiveExperiment<Task>, options: GradualOptions): Promise<RollOutResult> {
  const { arm, shares = defaultShares, resultsPerShare = defaultResultsPerShare, onStep, by, reason } = options
  checkShares(shares)
  checkResults(resultsPerShare)
  const ended = new AbortController()
  const signal = AbortSignal.any([options.signal, ended.signal])
  // Gone on with after a restart: the share that stands is held anew.
  const { phase, candidate, weights } = live.state
  const standing = phase === 'rolling_out' && candidate === arm ? weights[arm]! : 0
  const rest = shares.filter((share) => share > standing).values()
  const take = async (): Promise<ExperimentState | null> => {
    const { done, value: share } = rest.next()
    if (done === true) return null
    const state = share < 1 ? await live.rollOut({ arm, share, by, reason }) : await live.promote({ arm, by, reason })
    onStep?.(state)
    return state
  }
  let state = standing > 0 ? live.state : (await take())!
  try {
    const alarm = await watch(live, signal, async (present) => {
      if (present.revision !== state.revision || present.results < resultsPerShare) return isOvertaken(live.state, state)
      const next = await take()
      if (next === null) return true
      state = next
      return false
    })
    options.signal.throwIfAborted()
    if (alarm !== null) return { kind: 'rolled_back', alarm }
    return isOvertaken(live.state, state) ? { kind: 'overtaken', state: live.state } : { kind: 'promoted', state }
  } finally {
    ended.abort()
  }
}

/** Before anything is done: percentages taken for shares would give all of them the candidate at once. */
function checkShares(shares: readonly number[]): void {
  const isRising = shares.every((share, index) => share > (shares[index - 1] ?? 0) && share <= 1)
  if (isRising && shares.at(-1) === 1) return
  throw new AglError({
    code: 'invalid_argument',
    message: `The shares of a roll-out are ${JSON.stringify(shares)}; expected them above 0, rising, and the last one 1, for example [0.05, 0.25, 1].`,
  })
}

function checkResults(count: number): void {
  if (Number.isSafeInteger(count) && count > 0) return
  throw new AglError({
    code: 'invalid_argument',
    message: `resultsPerShare is ${count}; expected a whole number of 1 or more: so many results of the candidate each share is held for.`,
  })
}

function isOvertaken(present: ExperimentState, own: ExperimentState): boolean {
  return present.revision > own.revision
}

export async function keepGuard<Task>(
  live: LiveExperiment<Task>,
  { signal }: { readonly signal: AbortSignal },
): Promise<GuardAlarm | null> {
  try {
    return await watch(live, signal, async () => false)
  } catch (error) {
    if (signal.aborted) return null
    throw error
  }
}

/** @param onResults told after each batch of results of the candidate; true ends it */
async function watch<Task>(
  live: LiveExperiment<Task>,
  signal: AbortSignal,
  onResults: (watch: Watch) => Promise<boolean>,
): Promise<GuardAlarm | null> {
  const { settings, store } = live
  const ledger = createLedger(settings, { isLive: true })
  let present = begin(live.state, settings.guards)
  for await (const batch of followObservations(store, settings, ledger, signal)) {
    for (const observation of batch) {
      if (live.state.revision < observation.revision) await live.refresh()
      if (live.state.revision !== present.revision) present = begin(live.state, settings.guards)
      if (!isOfCandidate(observation, live.state)) continue
      present.results += 1
      const broken = hold(present, observation)
      if (broken !== null) return await rollBack(live, broken)
    }
    if (live.state.revision !== present.revision) present = begin(live.state, settings.guards)
    if (await onResults(present)) return null
  }
  return null
}

function begin({ revision }: ExperimentState, guards: readonly Guard[]): Watch {
  return { revision, detectors: guards.map((guard) => ({ guard, detector: createDetector(guard) })), results: 0 }
}

/** Of the candidate, since the last step: those of the step before have been judged. */
function isOfCandidate(observation: Observation, { candidate, arms, revision }: ExperimentState): boolean {
  if (candidate === null || observation.arm !== candidate || observation.revision !== revision) return false
  return isSameTarget(arms[candidate]!, observation)
}

function hold({ detectors }: Watch, { values }: Observation): { readonly guard: Guard; readonly detector: Detector } | null {
  for (const each of detectors) {
    const value = values[each.guard.metric] ?? null
    if (value !== null && each.detector.add(value)) return each
  }
  return null
}

async function rollBack<Task>(
  live: LiveExperiment<Task>,
  { guard: { metric, bound, side }, detector: { mean, count } }: { readonly guard: Guard; readonly detector: Detector },
): Promise<GuardAlarm> {
  const than = side === 'min' ? 'below' : 'above'
  const reason = `${metric}: ${mean.toPrecision(4)} on average of the last ${count} results, ${than} its bound of ${bound}`
  const state = await live.rollback({ by: 'guard', reason }).catch(async (error: unknown) => {
    await live.refresh()
    // Another guard of the same experiment may have been faster.
    if (live.state.phase === 'rolled_back') return live.state
    throw error
  })
  return { metric, bound, side, mean, count, state }
}
