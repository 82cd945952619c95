import { drawBetween } from './draw.ts'
import type { WorldSettings } from './options.ts'
import { drawInteractions, drawRules, type Interaction, type Rule, type Wording } from './rules.ts'
import { difficultyOf, levels, type TaskFeatures } from './tasks.ts'

/** Where the task goes in a prompt, as Python's `str.format` has it. */
export const placeholder = '{task}'

/** How prompts and tasks make success: numbers only, changed by copying. */
export interface Laws {
  readonly rules: readonly Rule[]
  readonly interactions: readonly Interaction[]
  readonly kinds: readonly {
    /** Their share of all tasks, up to a common factor. */
    readonly weight: number
    /** What the actor can do without any rule, log-odds. */
    readonly ability: number
  }[]
  /** Added to the log-odds of every task. */
  readonly base: number
  /** Added where a prompt stands between fences, which reads like a quotation of one. */
  readonly fence: number
  readonly noise: number
  readonly difficulty: number
}

export function drawLaws(settings: WorldSettings): Laws {
  const { seed, variant, kinds, noise, difficulty } = settings
  const rules = drawRules(settings)
  return {
    rules,
    interactions: variant === 'drawn' ? drawInteractions(rules, settings) : [],
    kinds: Array.from({ length: kinds }, (_, kind) => ({
      weight: drawBetween(0.6, 1.4, seed, 'weight', kind),
      ability: drawBetween(-0.5, 0.5, seed, 'ability', kind),
    })),
    base: 0,
    fence: variant === 'drawn' ? -1 : 0,
    noise,
    difficulty,
  }
}

/** A rule as it stands in a prompt. */
export interface PresentRule {
  readonly rule: Rule
  readonly wording: Wording
}

/** The rules in a text in the order of their first mention, each once and in its strongest wording there. */
export function findRules(rules: readonly Rule[], text: string): readonly PresentRule[] {
  return rules
    .flatMap((rule) => {
      const mentioned = rule.wordings
        .map((wording) => ({ wording, at: text.indexOf(wording.sentence) }))
        .filter(({ at }) => at !== -1)
      if (mentioned.length === 0) return []
      const { wording } = mentioned.reduce((best, one) => (one.wording.strength > best.wording.strength ? one : best))
      return [{ rule, wording, at: Math.min(...mentioned.map(({ at }) => at)) }]
    })
    .sort((left, right) => left.at - right.at)
    .map(({ rule, wording }) => ({ rule, wording }))
}

/** What a prompt adds to the log-odds of each kind; null for one that does not show the task. */
export function effectsOf({ rules, interactions, kinds, fence }: Laws, prompt: string): readonly number[] | null {
  if (!prompt.includes(placeholder)) return null
  const present = findRules(rules, prompt)
  const isThere = (rule: Rule): boolean => present.some((one) => one.rule === rule)
  const fenced = prompt.includes('```') ? fence : 0
  return kinds.map((_, kind) => {
    const single = present.map(({ rule, wording }) => (rule.kinds.includes(kind) ? rule.effect * wording.strength : 0))
    const joint = interactions
      .filter((one) => one.rules.every(isThere) && one.rules.some((rule) => rule.kinds.includes(kind)))
      .map(({ effect }) => effect)
    return [...single, ...joint].reduce((sum, effect) => sum + effect, fenced)
  })
}

/** The probability of success, logistic in everything that counts. */
export function successOf(
  { base, kinds, difficulty, noise }: Laws,
  effects: readonly number[] | null,
  task: TaskFeatures,
): number {
  if (effects === null) return 0
  const logOdds = base + kinds[task.kind]!.ability + effects[task.kind]! - difficulty * difficultyOf(task.level)
  return 1 / (1 + Math.exp(-logOdds / noise))
}

/** The mean of {@link successOf} over all tasks. */
export function scoreOf(laws: Laws, prompt: string): number {
  const effects = effectsOf(laws, prompt)
  const sums = laws.kinds.map(({ weight }, kind) => {
    const success = Array.from({ length: levels }, (_, level) => successOf(laws, effects, { kind, level }))
    return weight * (success.reduce((sum, one) => sum + one, 0) / levels)
  })
  return sums.reduce((sum, one) => sum + one, 0) / laws.kinds.reduce((sum, { weight }) => sum + weight, 0)
}

/** The argument at which a rising function takes this value, by bisection over log-odds. */
export function solve(rising: (value: number) => number, target: number): number {
  let [low, high] = [-30, 30]
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2
    if (rising(middle) < target) low = middle
    else high = middle
  }
  return (low + high) / 2
}
