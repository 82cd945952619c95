import type { Random } from '../random.ts'
import type { ApoCandidate } from './candidate.ts'

/** A candidate that is the best on some validation tasks, and on how many. */
export interface FrontMember {
  readonly candidate: ApoCandidate
  readonly wins: number
}

/**
 * Those that nobody beats on at least one validation task that all were run on, and are not matched everywhere by another one: the Pareto
 * front over tasks of GEPA (Agrawal et al. 2025, algorithm 2). Who was left out on a task (null) does not win it, and keeps nobody else
 * from it.
 */
export function frontOf(
  candidates: readonly ApoCandidate[],
  scoresOf: (candidate: ApoCandidate) => readonly (number | null | undefined)[],
): readonly FrontMember[] {
  const scores = candidates.map(scoresOf)
  const length = Math.max(0, ...scores.map((each) => each.length))
  const tasks = Array.from({ length }, (_, task) => task).filter(
    (task) => scores.every((each) => each[task] !== undefined) && scores.some((each) => each[task] !== null),
  )
  if (tasks.length === 0) return candidates.map((candidate) => ({ candidate, wins: 1 }))
  const winners = tasks.map((task) => {
    const best = Math.max(...scores.map((each) => each[task] ?? Number.NEGATIVE_INFINITY))
    return new Set(candidates.flatMap((_, index) => (scores[index]![task] === best ? [index] : [])))
  })
  const places = candidates.map((_, index) => new Set(winners.flatMap((each, task) => (each.has(index) ? [task] : []))))
  const isMatched = (index: number): boolean =>
    places.some((other, place) => {
      if (place === index || ![...places[index]!].every((task) => other.has(task))) return false
      return other.size > places[index]!.size || place < index
    })
  return candidates.flatMap((candidate, index) =>
    places[index]!.size > 0 && !isMatched(index) ? [{ candidate, wins: places[index]!.size }] : [],
  )
}

/** Draws members, the more often they win the likelier; different ones as long as there are any. */
export function drawParents(front: readonly FrontMember[], count: number, random: Random): readonly ApoCandidate[] {
  const drawn: ApoCandidate[] = []
  let left = [...front]
  while (drawn.length < count && front.length > 0) {
    if (left.length === 0) left = [...front]
    const total = left.reduce((sum, { wins }) => sum + wins, 0)
    let point = random.next() * total
    const found = left.findIndex(({ wins }) => (point -= wins) < 0)
    drawn.push(...left.splice(found === -1 ? left.length - 1 : found, 1).map(({ candidate }) => candidate))
  }
  return drawn
}
