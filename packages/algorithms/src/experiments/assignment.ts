import { hash } from 'node:crypto'

/**
 * Who gets which arm in the trial. A `key` tells of whom or what a task is (a customer, a session): all its tasks get the same arm, and it counts
 * once. Where `key` is optional it is for the roll-out, which shares out keys; without one it draws anew for each task.
 */
export type Assignment<Task, Arm extends string = string> =
  /** By a stable hash of the key, in proportion to the weights. */
  | { readonly by: 'key'; readonly key: Key<Task> }
  /** Each rollout by itself, in proportion to the weights. */
  | { readonly by: 'weight'; readonly key?: Key<Task> }
  /** Every task is run with every arm, so that what is hard for all of them cancels out. */
  | { readonly by: 'task'; readonly repetitions?: number; readonly key?: Key<Task> }
  /**
   * By what a task or its user is like: the value of `feature` names the arm in `arms`. Nobody draws lots, so that arms differ by more than
   * their resources, and no winner can be told.
   */
  | {
      readonly by: 'feature'
      readonly feature: (task: Task) => string
      readonly arms: Readonly<Record<string, Arm>>
      readonly otherwise: Arm
      readonly key?: Key<Task>
    }
  /** All to one arm. */
  | { readonly by: 'fixed'; readonly arm: Arm; readonly key?: Key<Task> }

/** A text or a whole number by which a task is assigned, for example that of its customer. */
export type Key<Task> = (task: Task) => string | number

/** How large a share of the keys an arm gets is its weight by the sum of all. */
export type Weights = Readonly<Record<string, number>>

/**
 * The arm of a key: of all arms the one whose exponential clock, set by a hash of experiment, arm and key, rings first; the clock of an arm
 * runs as fast as its weight (weighted rendezvous hashing: Thaler and Ravishankar 1998, Schindelhauer and Schomaker 2005). An arm that is
 * added, or gets more weight, takes keys from others and moves no other; one that is taken away leaves its own to the rest. That is what a
 * gradual roll-out needs: whoever has the new version at 5 % keeps it at 25 %.
 *
 * The hash is SHA-256 of `experiment NUL arm NUL key` in UTF-8; its first 52 bits, plus one half, by 2^52 are the uniform number u, and the
 * clock rings at −ln(u) / weight. Anybody can compute it, in any language and version.
 */
export function armOf(experiment: string, weights: Weights, key: string): string {
  let [first, soonest] = ['', Number.POSITIVE_INFINITY]
  const arms = Object.keys(weights).filter((arm) => weights[arm]! > 0)
  if (arms.length === 1) return arms[0]!
  for (const arm of arms) {
    const bits = Number.parseInt(hash('sha256', `${experiment}\0${arm}\0${key}`, 'hex').slice(0, 13), 16)
    const ringsAt = -Math.log((bits + 0.5) / 2 ** 52) / weights[arm]!
    if (ringsAt < soonest) [first, soonest] = [arm, ringsAt]
  }
  return first
}
