import { AglError, errorMessage } from '@agl/types'
import type { Evaluation } from '../run/evaluate.ts'
import { randomFor } from '../run/hash.ts'
import type { ApoCandidate } from './candidate.ts'
import type { Birth, Skip, Slot } from './children.ts'
import type { ResolvedApoOptions } from './options.ts'
import { drawParents, frontOf } from './pareto.ts'
import type { Session } from './session.ts'

/** The new candidates of a round, and why there are not more. */
export interface Brood {
  readonly children: readonly ApoCandidate[]
  readonly skipped: Readonly<Partial<Record<Skip, number>>>
}

/** Makes the children of a round, all at the same time. @param parents of each child, as {@link chooseParents} answers them */
export async function breed(
  session: Session,
  options: ResolvedApoOptions<unknown>,
  survivors: readonly ApoCandidate[],
  parents: readonly ApoCandidate[],
  round: number,
): Promise<Brood> {
  const { seed } = options
  const slots = parents.map((parent, place) => ({ parent, slot: slotOf(place, targetOf(parent, place)) }))
  const trials = new Map<string, Promise<readonly Evaluation[]>>()
  const told = session.progress('changes', round)
  told.expect(slots.length)
  const births = await Promise.all(
    slots.map(async ({ parent, slot }) => {
      const birth = await session.nursery.mutate(parent, await trialsOf(parent), slot)
      told.done(null)
      return birth
    }),
  )
  return settle(session, options.mode === 'pareto' ? [...births, ...(await merge())] : births)

  function slotOf(name: string | number, target: string): Slot {
    return { name: `${round}/${name}`, round, target }
  }

  /** Each child of a parent changes another one, and each parent begins with another: also the best gets all of them changed in time. */
  function targetOf(parent: ApoCandidate, place: number): string {
    const first = parents.indexOf(parent) + round - 1
    const before = parents.slice(0, place).filter((each) => each === parent).length
    return session.targets[(first + before) % session.targets.length]!
  }

  async function trialsOf(parent: ApoCandidate): Promise<readonly Evaluation[]> {
    const children = slots.filter((each) => each.parent === parent).length
    const there = trials.get(parent.key) ?? session.runTrials(parent, trialsFor(parent, children, options, session, round), round)
    trials.set(parent.key, there)
    return await there
  }

  /** Of two that are both the best somewhere; one that was made of the other holds it already. */
  async function merge(): Promise<readonly Birth[]> {
    const front = frontOf(survivors, session.valScores)
    const random = randomFor(seed, 'merge', round)
    const [one] = drawParents(front, 1, random)
    if (one === undefined) return []
    const strangers = front.filter(({ candidate }) => candidate !== one && !areKin(candidate, one))
    const [other] = drawParents(strangers, 1, random)
    if (other === undefined) return []
    // There is nothing to merge in those that are the same.
    const differing = session.targets.filter((target) => one.templates[target]!.template !== other.templates[target]!.template)
    return [await session.nursery.merge(one, other, slotOf('merge', differing[(round - 1) % differing.length]!))]
  }

  function areKin(one: ApoCandidate, other: ApoCandidate): boolean {
    return comesFrom(one, other) || comesFrom(other, one)
  }

  function comesFrom({ parents: own }: ApoCandidate, ancestor: ApoCandidate): boolean {
    const direct = session.candidates.filter(({ id }) => own.includes(id))
    return direct.some((parent) => parent === ancestor || comesFrom(parent, ancestor))
  }
}

/**
 * The parent of each child of a round: every parent in turn, so that also the first few children have different ones. `pareto`: the first of
 * the survivors, and others of the front.
 */
export function chooseParents(
  session: Session,
  { mode, beamWidth, branchFactor, seed }: ResolvedApoOptions<unknown>,
  survivors: readonly ApoCandidate[],
  round: number,
): readonly ApoCandidate[] {
  const parents =
    mode === 'beam' ? Array.from({ length: beamWidth }, (_, index) => survivors[index % survivors.length]!) : leaderAndFront()
  return Array.from({ length: beamWidth * branchFactor }, (_, place) => parents[place % parents.length]!)

  function leaderAndFront(): readonly ApoCandidate[] {
    const leader = survivors[0]!
    const others = frontOf(survivors, session.valScores).filter(({ candidate }) => candidate !== leader)
    return [leader, ...drawParents(others, Math.min(others.length, beamWidth - 1), randomFor(seed, 'parents', round))]
  }
}

/** How many rollouts of a parent its children need to see different ones: half of what each would take for itself, and more each round. */
export function trialsFor(
  parent: ApoCandidate,
  children: number,
  { gradientBatchSize }: Pick<ResolvedApoOptions<unknown>, 'gradientBatchSize'>,
  session: Pick<Session, 'train'>,
  round: number,
): number {
  const count = gradientBatchSize * Math.ceil(children / 2) * Math.max(1, round - parent.round)
  return Math.min(count, session.train.length)
}

/** In the order of their places, so that who answered first decides nothing. */
function settle(session: Session, births: readonly Birth[]): Brood {
  const skipped: Partial<Record<Skip, number>> = {}
  const children: ApoCandidate[] = []
  const errors: AglError[] = []
  for (const birth of births) {
    const child = 'draft' in birth ? session.add(birth.draft) : null
    if (child !== null) children.push(child)
    else {
      const reason = 'skip' in birth ? birth.skip : 'duplicate'
      skipped[reason] = (skipped[reason] ?? 0) + 1
      if ('skip' in birth && birth.error !== undefined) errors.push(birth.error)
    }
  }
  if (errors.length > 0 && errors.length === births.length) {
    throw new AglError({
      code: 'training_failed',
      message: `No prompt could be changed in this round. ${errorMessage(errors[0])}`,
      cause: errors[0],
    })
  }
  return { children, skipped }
}
