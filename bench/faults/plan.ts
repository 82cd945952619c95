import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mulberry32 } from '../lib/random.ts'
import type { Cell, Place } from './cells.ts'

/** The variable by which every process of a case finds its folder; child processes inherit it. */
export const folderVariable = 'FAULTS_FOLDER'

/** How a process reaches the store. */
export type Access =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'redis'; readonly url: string; readonly namespace: string }
  | { readonly kind: 'http'; readonly url: string }

/** What is done wrong on purpose, to see that the judge finds it. */
export type Plant = 'drop-settle' | 'no-release'

/** Everything that the processes of one case have to agree on. */
export interface Plan extends Place, Cell {
  readonly folder: string
  /** Which passage of the gate is held up; null = none, and nobody is hit. */
  readonly nth: number | null
  readonly seed: number
  readonly rollouts: number
  readonly leaseMs: number
  /** What the program gives to its trainer. */
  readonly programAccess: Access
  /** What stands behind the server; null = the store is not in a process of its own. */
  readonly serverAccess: Access | null
  readonly serverPort: number | null
  /** Where the server of the strategy `cs` listens, and where its runners look for it. */
  readonly listenPort: number | null
  readonly connectPort: number | null
  readonly plant: Plant | null
}

export function writePlan(plan: Plan): void {
  writeFileSync(join(plan.folder, 'plan.json'), JSON.stringify(plan))
}

export function readPlan(): Plan {
  const folder = process.env[folderVariable]
  if (folder === undefined) throw new Error(`Expected ${folderVariable} in the environment: a folder with plan.json.`)
  return JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8')) as Plan
}

/** What an agent is asked to do, and so how its rollout has to end. */
export type TaskKind =
  /** Returns the reward that its task names. */
  | 'score'
  /** Throws. */
  | 'throw'
  /** Runs on past the time that its rollout has. */
  | 'slow'
  /** Runs on until it is cancelled. */
  | 'cancel'
  /** Returns its reward; the first time, only long after the algorithm has ended. */
  | 'straggle'

export interface Task {
  readonly rolloutId: string
  readonly kind: TaskKind
  readonly reward: number
}

/** Most tasks score; the last one of a plan that is hit while it drains straggles. */
export function tasksOf({ seed, rollouts, phase }: Pick<Plan, 'seed' | 'rollouts' | 'phase'>): readonly Task[] {
  const random = mulberry32(seed)
  const tasks = Array.from({ length: rollouts }, (_, index): Task => {
    const draw = random()
    const kind = draw < 0.75 ? 'score' : draw < 0.85 ? 'throw' : draw < 0.93 ? 'slow' : 'cancel'
    return { rolloutId: `task-${String(index).padStart(4, '0')}`, kind, reward: Math.round(random() * 1000) / 1000 }
  })
  return phase === 'drain' ? [...tasks, { rolloutId: 'straggler', kind: 'straggle', reward: 0.5 }] : tasks
}

/** Seconds that a slow task has. */
export const slowSeconds = 0.5
