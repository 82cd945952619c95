import { mulberry32 } from '../lib/random.ts'

/*
 * What can go wrong, as a grid: who is hit, how, and at which phase of a run. A seed is a cell of the grid of its strategy and store, in
 * an order that is shuffled once, so that so many seeds as there are cells visit each of them.
 */

export const strategies: readonly ['shm', 'ipc', 'cs'] = ['shm', 'ipc', 'cs']
export type StrategyName = (typeof strategies)[number]

export const stores: readonly ['memory', 'sqlite', 'redis'] = ['memory', 'sqlite', 'redis']
export type StoreName = (typeof stores)[number]

/**
 * `program`: the process of `fit`, with the algorithm. `runner`: a process of runners. `server`: the process that serves the store,
 * where it is not the program. `connection`: between runners and the store's server, or between the program and Redis.
 */
export const victims: readonly ['program', 'runner', 'server', 'redis', 'connection'] = [
  'program',
  'runner',
  'server',
  'redis',
  'connection',
]
export type Victim = (typeof victims)[number]

/**
 * `kill`: SIGKILL. `stall`: SIGSTOP for longer than a lease, then SIGCONT; of a connection: nothing passes meanwhile. `terminate`:
 * SIGTERM. `block`: the agent keeps its event loop busy for longer than a lease. `cut`: every connection is lost, and new ones are
 * refused for a while.
 */
export const ways: readonly ['kill', 'stall', 'terminate', 'block', 'cut'] = ['kill', 'stall', 'terminate', 'block', 'cut']
export type Way = (typeof ways)[number]

/**
 * | phase | the gate is |
 * |---|---|
 * | `before-claim` | in the program: before the first task is enqueued, while runners wait; in a runner: before it has asked for work |
 * | `claim-reply` | in what serves the store: the claim is stored, its answer is held back |
 * | `claimed` | in a runner: it has the claim, and its agent has not begun |
 * | `running` | in the agent |
 * | `spans` | in a runner: the first half of the spans is stored |
 * | `before-settle` | in a runner: all spans are stored, the end is not |
 * | `settling` | in what serves the store: the end is stored, its answer is held back |
 * | `waiting` | in the program: the algorithm waits for its rollouts |
 * | `drain` | after the algorithm has ended, while one rollout still runs |
 */
export const phases: readonly [
  'before-claim',
  'claim-reply',
  'claimed',
  'running',
  'spans',
  'before-settle',
  'settling',
  'waiting',
  'drain',
] = ['before-claim', 'claim-reply', 'claimed', 'running', 'spans', 'before-settle', 'settling', 'waiting', 'drain']
export type Phase = (typeof phases)[number]

/** Where a gate may stand. `store`: in the process that serves the store, or that of the program where nothing serves it. */
export type Site = 'program' | 'runner' | 'store'

export interface Cell {
  readonly victim: Victim
  readonly way: Way
  readonly phase: Phase
}

export interface Place {
  readonly strategy: StrategyName
  readonly store: StoreName
}

/** Where the gate of this cell stands. */
export function siteOf({ victim, phase }: Pick<Cell, 'victim' | 'phase'>): Site {
  switch (phase) {
    case 'before-claim':
      return victim === 'runner' ? 'runner' : 'program'
    case 'claim-reply':
    case 'settling':
      return 'store'
    case 'claimed':
    case 'running':
    case 'spans':
    case 'before-settle':
      return 'runner'
    case 'waiting':
    case 'drain':
      return 'program'
    default:
      return phase satisfies never
  }
}

/** Why there is nothing to be hit so, or nothing to be learnt from it; null when there is. */
export function reasonAgainst({ strategy, store }: Place, cell: Cell): string | null {
  const { victim, way, phase } = cell
  if (victim === 'runner' && strategy === 'shm') return 'under shm the runners are in the program, which is hit by itself'
  if (victim === 'server' && strategy !== 'cs') return 'only cs may have its store in a process of its own'
  if (victim === 'server' && store === 'memory' && way !== 'stall')
    return 'a memory store is gone with its server, and nobody is left to say what was in it'
  if (victim === 'redis' && store !== 'redis') return 'there is no Redis'
  if (victim === 'connection' && store !== 'redis' && strategy !== 'cs') return 'no TCP connection is used'
  if (way === 'cut' && victim !== 'connection') return 'only connections are cut'
  if (victim === 'connection' && way !== 'cut' && way !== 'stall') return 'a connection takes no signals'
  if (way === 'block') {
    if (victim !== (strategy === 'shm' ? 'program' : 'runner')) return 'agents block the loop that they run on'
    if (siteOf(cell) !== 'runner' || phase === 'before-claim') return 'no agent is at work to block the loop'
  }
  return null
}

/** Every cell that makes sense, in the order of their names. */
export function cellsOf(place: Place): readonly Cell[] {
  return everyCell().filter((cell) => reasonAgainst(place, cell) === null)
}

/** The others, counted by reason. */
export function excludedOf(place: Place): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const cell of everyCell()) {
    const reason = reasonAgainst(place, cell)
    if (reason !== null) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  return counts
}

/** The cell of a seed: each of them once, before any comes again. */
export function cellOf(place: Place, seed: number): Cell {
  const cells = [...cellsOf(place)]
  const random = mulberry32(20_261_120)
  for (let last = cells.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[cells[last], cells[other]] = [cells[other]!, cells[last]!]
  }
  return cells[seed % cells.length]!
}

function everyCell(): readonly Cell[] {
  return victims.flatMap((victim) => ways.flatMap((way) => phases.map((phase) => ({ victim, way, phase }))))
}
