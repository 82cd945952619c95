import { randomFor } from '../run/hash.ts'
import type { ApoCandidate } from './candidate.ts'
import type { ResolvedApoOptions } from './options.ts'
import { orLowest, race } from './race.ts'
import { estimateMean } from '../statistics.ts'
import type { Scores, Session } from './session.ts'

/** A candidate that stays, with its mean over validation tasks; null = none of them counts. */
export interface Survivor {
  readonly candidate: ApoCandidate
  readonly mean: number | null
  /** On how many tasks. */
  readonly tasks: number
}

/** The best of the pool, by a race. */
export async function raceForBeam(
  session: Session,
  { seed, valBatchSize, beamWidth }: ResolvedApoOptions<unknown>,
  pool: readonly ApoCandidate[],
  round: number,
): Promise<readonly Survivor[]> {
  // Each round begins with other tasks: who was lucky on some does not stay for that.
  const shuffled = randomFor(seed, 'val').shuffle(session.val.map((_, place) => place))
  const start = ((round - 1) * valBatchSize) % shuffled.length
  const order = [...shuffled.slice(start), ...shuffled.slice(0, start)]
  const standings = await race({
    candidates: pool.length,
    keep: beamWidth,
    tasks: Math.min(valBatchSize, order.length),
    run: (index, tasks) => session.runVal(pool[index]!, order.slice(0, tasks), round, 'validation'),
  })
  return standings.slice(0, beamWidth).map(({ index, mean, tasks }) => ({ candidate: pool[index]!, mean, tasks }))
}

/** The best on all validation tasks: after a race, in which the earlier one wins a tie. */
export async function raceFinalists(
  session: Session,
  { seed }: ResolvedApoOptions<unknown>,
  finalists: readonly ApoCandidate[],
  round: number,
): Promise<ApoCandidate> {
  // First where most of them have been already.
  const known = (place: number): number =>
    finalists.filter((candidate) => session.valScores(candidate)[place] !== undefined).length
  const shuffled = randomFor(seed, 'finalists').shuffle(session.val.map((_, place) => place))
  const order = shuffled.toSorted((a, b) => known(b) - known(a))
  const [best] = await race({
    candidates: finalists.length,
    keep: 1,
    tasks: order.length,
    first: order.filter((place) => known(place) === finalists.length).length,
    run: (index, tasks) => session.runVal(finalists[index]!, order.slice(0, tasks), round, 'finalists'),
  })
  return finalists[best!.index]!
}

/**
 * Lets those children join that are among the best of a race with the parents of the round: on the training tasks that their parents
 * were run on in this round, which a child that becomes a parent is shown again, and then on the validation tasks of the front. Nobody
 * leaves. The order is by all that is known of each: a place in a race is a little luck, and a parent has been run on more since.
 */
export async function joinFront(
  session: Session,
  options: ResolvedApoOptions<unknown>,
  { members, parents, children }: { readonly [part in 'members' | 'parents' | 'children']: readonly ApoCandidate[] },
  round: number,
): Promise<readonly Survivor[]> {
  const pool = [...new Set([...parents, ...children])]
  const trials = session.sharedTrials(round)
  const places = frontPlaces(session, options)
  const standings = await race({
    candidates: pool.length,
    keep: options.beamWidth,
    tasks: trials.length + places.length,
    async run(index, tasks) {
      const own = await session.runOnTrials(pool[index]!, trials.slice(0, tasks), round)
      const front = places.slice(0, Math.max(0, tasks - trials.length))
      return [...own.map(({ score }) => score), ...(await session.runVal(pool[index]!, front, round, 'validation'))]
    },
  })
  const best = standings.slice(0, options.beamWidth).map(({ index }) => pool[index]!)
  // The first prompt may have been run on more tasks than these.
  const meanOf = (candidate: ApoCandidate): number | null =>
    meanOfKnown(places.map((place) => session.valScores(candidate)[place]))
  const evidence = new Map(
    [...new Set([...members, ...best])].map((candidate) => {
      const known = [...session.trialScores(candidate), ...session.valScores(candidate)]
      return [candidate, orLowest(meanOfKnown(known))]
    }),
  )
  return [...evidence]
    .toSorted(([, a], [, b]) => b - a || 0)
    .map(([candidate]) => ({ candidate, mean: meanOf(candidate), tasks: places.length }))
}

/** The validation tasks that the front is made of, the same for all: a race that begins on training tasks ends on these. */
export function frontPlaces(session: Session, { valBatchSize, seed }: ResolvedApoOptions<unknown>): readonly number[] {
  const shuffled = randomFor(seed, 'val').shuffle(session.val.map((_, place) => place))
  return shuffled.slice(0, frontSize(session, { valBatchSize }))
}

export function frontSize(
  session: Pick<Session, 'val' | 'sharedTrials'>,
  { valBatchSize }: Pick<ResolvedApoOptions<unknown>, 'valBatchSize'>,
): number {
  return Math.min(session.val.length, valBatchSize - session.sharedTrials(1).length)
}

function meanOfKnown(scores: Scores): number | null {
  const known = scores.flatMap((score) => score ?? [])
  return known.length === 0 ? null : estimateMean(known).mean
}
