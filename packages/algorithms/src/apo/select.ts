import { randomFor } from '../run/hash.ts'
import type { ApoCandidate } from './candidate.ts'
import type { ResolvedApoOptions } from './options.ts'
import { orLowest, race } from './race.ts'
import { estimateMean, pairsOf } from '../statistics.ts'
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

/** Lets those children join that beat their parents on the training tasks of the first of these. Nobody leaves. */
export async function joinFront(
  session: Session,
  options: ResolvedApoOptions<unknown>,
  members: readonly ApoCandidate[],
  children: readonly ApoCandidate[],
  round: number,
): Promise<readonly Survivor[]> {
  const beating = await Promise.all(children.map((child) => beatsParents(session, options, child, round)))
  const joined = [...members, ...children.filter((_, index) => beating[index])]
  const places = frontPlaces(session, options)
  await Promise.all(joined.map((candidate) => session.runVal(candidate, places, round, 'validation')))
  // The first prompt may have been run on more tasks than these.
  const meanOf = (candidate: ApoCandidate): number | null => {
    const known = places.flatMap((place) => session.valScores(candidate)[place] ?? [])
    return known.length === 0 ? null : estimateMean(known).mean
  }
  return joined
    .map((candidate) => ({ candidate, mean: meanOf(candidate), tasks: places.length }))
    .toSorted((a, b) => orLowest(b.mean) - orLowest(a.mean))
}

/** The validation tasks that the front is made of: the same for all. */
export function frontPlaces(session: Session, { valBatchSize, seed }: ResolvedApoOptions<unknown>): readonly number[] {
  const shuffled = randomFor(seed, 'val').shuffle(session.val.map((_, place) => place))
  return shuffled.slice(0, valBatchSize)
}

async function beatsParents(
  session: Session,
  { gradientBatchSize }: ResolvedApoOptions<unknown>,
  child: ApoCandidate,
  round: number,
): Promise<boolean> {
  const parents = child.parents.map((id) => session.candidates.find((candidate) => candidate.id === id)!)
  const places = session.trialPlaces(parents[0]!).slice(0, 2 * gradientBatchSize)
  const [own = [], ...others]: readonly Scores[] = await Promise.all(
    [child, ...parents].map(async (candidate) => {
      const trials = await session.runOnTrials(candidate, places, round)
      return trials.map(({ score }) => score)
    }),
  )
  // Over the tasks that both have a score for: none given is not a bad one.
  return others.every((other) => {
    const [before, after] = pairsOf(other, own)
    return before.length > 0 && estimateMean(after).mean > estimateMean(before).mean
  })
}
