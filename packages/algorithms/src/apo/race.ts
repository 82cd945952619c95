/** How a candidate did in a race. */
export interface Standing {
  /** Place among the candidates that raced. */
  readonly index: number
  /** Mean over the tasks that those still in the race have run; null = none of them counts. */
  readonly mean: number | null
  /** On how many tasks it got. */
  readonly tasks: number
}

export interface RaceOptions {
  readonly candidates: number
  /** How many are to be left. */
  readonly keep: number
  readonly tasks: number
  /** On how many tasks all have been run already: nobody falls out by fewer. Default 0. */
  readonly first?: number
  /** Scores on the first `tasks` tasks, in their order; null = left out. What was run before is not run again. */
  run(index: number, tasks: number): Promise<readonly (number | null)[]>
}

/** A first judgement on fewer tasks than this is luck. */
const fewestTasks = 4

/**
 * Successive halving (Jamieson and Talwalkar 2016): all run the first few tasks, the better half some more, and so on, so that
 * most is spent on those that are hard to tell apart. Means are compared over the same tasks. The earlier candidate wins a tie.
 * @returns those that are left, the best first, and behind them those that fell out, the last first
 */
export async function race({ candidates, keep, tasks, first = 0, run }: RaceOptions): Promise<readonly Standing[]> {
  const stages = stagesOf({ candidates, keep, tasks, first })
  let alive = Array.from({ length: candidates }, (_, index) => index)
  let fallen: readonly Standing[] = []
  for (const { size, staying } of stages.slice(0, -1)) {
    const standings = await rank(alive, size, run)
    alive = standings.slice(0, staying).map(({ index }) => index)
    fallen = [...standings.slice(staying), ...fallen]
  }
  return [...(await rank(alive, tasks, run)), ...fallen]
}

/** How many rollouts a race takes at most. @param options.free so many of the candidates have been run on all tasks already */
export function costOfRace({
  free = 0,
  ...options
}: Pick<RaceOptions, 'candidates' | 'keep' | 'tasks' | 'first'> & { readonly free?: number }): number {
  let [cost, before, alive] = [0, Math.min(options.first ?? 0, options.tasks), options.candidates]
  for (const { size, staying } of stagesOf(options)) {
    cost += Math.min(alive, options.candidates - free) * (size - before)
    before = size
    alive = staying
  }
  return cost
}

/** From the fewest tasks to all, by equal factors, while the field is halved. */
function stagesOf({
  candidates,
  keep,
  tasks,
  first: known = 0,
}: Omit<RaceOptions, 'run'>): readonly { readonly size: number; readonly staying: number }[] {
  const halvings = Math.max(0, Math.ceil(Math.log2(candidates / Math.max(1, keep))))
  const first = Math.min(tasks, Math.max(known, fewestTasks))
  let staying = candidates
  return Array.from({ length: halvings + 1 }, (_, stage) => {
    staying = Math.min(staying, Math.max(keep, Math.ceil(staying / 2)))
    return { size: stage === halvings ? tasks : Math.round(first * (tasks / first) ** (stage / halvings)), staying }
  })
}

async function rank(alive: readonly number[], size: number, run: RaceOptions['run']): Promise<readonly Standing[]> {
  const scores = await Promise.all(alive.map(async (index) => (await run(index, size)).slice(0, size)))
  const all = Array.from({ length: size }, (_, task) => task)
  // A task that somebody has no score for tells nothing of the others. Who has hardly any would leave nothing to judge by: it comes last.
  const isKnown = scores.map((each) => 2 * each.filter((score) => score !== null).length >= size)
  const shared = all.filter((task) => scores.every((each, place) => !isKnown[place] || each[task] !== null))
  const standings = alive.map((index, place) => {
    const places = isKnown[place] && shared.length > 0 ? shared : all
    const known = places.flatMap((task) => scores[place]![task] ?? [])
    const mean = known.length === 0 ? null : known.reduce((sum, score) => sum + score, 0) / known.length
    return { rank: isKnown[place] ? 0 : 1, standing: { index, mean, tasks: size } }
  })
  return standings
    .toSorted(
      ({ standing: a, ...one }, { standing: b, ...other }) =>
        one.rank - other.rank || orLowest(b.mean) - orLowest(a.mean) || a.index - b.index,
    )
    .map(({ standing }) => standing)
}

/** For comparing: who has no mean comes last. */
export const orLowest = (mean: number | null | undefined): number => mean ?? Number.NEGATIVE_INFINITY
