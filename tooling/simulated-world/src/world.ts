import { draw, drawBetween, drawByWeight } from './draw.ts'
import { readWorldOptions, type WorldOptions, type WorldSettings } from './options.ts'
import { drawInteractions, drawRules, type Interaction, type Rule, type Wording } from './rules.ts'
import { difficultyOf, gradeOfWrong, levels, makeTask, type Task, type TaskFeatures, taskNumber } from './tasks.ts'

/** Where the task goes in a prompt, as Python's `str.format` has it. */
export const placeholder = '{task}'

const introduction = 'You work at a service desk. Answer the request with its code.'

/** A rule as it stands in a prompt. */
export interface PresentRule {
  readonly rule: Rule
  readonly wording: Wording
}

/** How prompts and tasks make success, in closed form; nothing of it is visible to an algorithm. */
export interface World {
  readonly settings: WorldSettings
  readonly rules: readonly Rule[]
  readonly seedPrompt: string
  /** The task of this number, 0 or more: the same whoever asks, drawn from the world's distribution. */
  task(number: number): Task
  /** `count` tasks from number `from` on: disjoint ranges are independent samples. */
  tasks(count: number, from?: number): Task[]
  /** Which task a text holds; null for none. */
  findTask(text: string): Task | null
  /** The probability that the actor gets this task right with this prompt. */
  successProbability(prompt: string, task: Task): number
  /** The mean reward over all tasks, exact. `graded`: by `gradedRewardOf`. */
  trueScore(prompt: string, reward?: 'exact' | 'graded'): number
  /** A best prompt that there is, and its true score. */
  optimum(): { readonly prompt: string; readonly score: number }
  /** The rules in a text in the order of their first mention, each once and in its strongest wording there. */
  rulesIn(text: string): readonly PresentRule[]
  /** The prompt of these sentences. */
  writePrompt(sentences: readonly string[]): string
}

/** @throws AglError `invalid_argument` */
export function createWorld(options: WorldOptions): World {
  const settings = readWorldOptions(options)
  const { seed, variant, kinds, noise, difficulty, seedScore, plantedGain } = settings
  let rules = drawRules(settings)
  let interactions: readonly Interaction[] = variant === 'drawn' ? drawInteractions(rules, settings) : []
  const kindTable = Array.from({ length: kinds }, (_, kind) => ({
    kind,
    weight: drawBetween(0.6, 1.4, seed, 'weight', kind),
    ability: drawBetween(-0.5, 0.5, seed, 'ability', kind),
  }))
  const totalWeight = kindTable.reduce((sum, { weight }) => sum + weight, 0)
  /** Solved below, so that the seed prompt scores what it shall. */
  let base = 0

  const featuresOf = (number: number): TaskFeatures => ({
    kind: drawByWeight(kindTable, seed, 'kind', number).kind,
    level: Math.floor(draw(seed, 'level', number) * levels),
  })

  const rulesIn = (text: string): readonly PresentRule[] =>
    rules
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

  /** What a prompt adds to the log-odds of each kind; null for one that does not show the task. */
  const effectsOf = (prompt: string): readonly number[] | null => {
    if (!prompt.includes(placeholder)) return null
    const present = rulesIn(prompt)
    const isThere = (rule: Rule): boolean => present.some((one) => one.rule === rule)
    // A prompt between fences reads like a quotation of one.
    const fence = variant === 'drawn' && prompt.includes('```') ? -1 : 0
    return kindTable.map(({ kind }) => {
      const single = present.map(({ rule, wording }) => (rule.kinds.includes(kind) ? rule.effect * wording.strength : 0))
      const joint = interactions
        .filter((one) => one.rules.every(isThere) && one.rules.some((rule) => rule.kinds.includes(kind)))
        .map(({ effect }) => effect)
      return [...single, ...joint].reduce((sum, effect) => sum + effect, fence)
    })
  }

  const successOf = (effect: number, { kind, level }: TaskFeatures): number =>
    1 / (1 + Math.exp(-(base + kindTable[kind]!.ability + effect - difficulty * difficultyOf(level)) / noise))

  const scoreOf = (effects: readonly number[] | null): number => {
    if (effects === null) return 0
    const ofKind = kindTable.map(({ kind, weight }) => {
      const success = Array.from({ length: levels }, (_, level) => successOf(effects[kind]!, { kind, level }))
      return (weight / totalWeight) * (success.reduce((sum, one) => sum + one, 0) / levels)
    })
    return ofKind.reduce((sum, one) => sum + one, 0)
  }

  const writePrompt = (sentences: readonly string[]): string => [introduction, ...sentences, '', placeholder].join('\n')

  const first = (role: Rule['role'], nth = 0): Rule => rules.filter((rule) => rule.role === role)[nth]!
  // Something to remove, something to reword, something to leave alone; most is missing.
  const seedRules = [first('neutral').wordings[0]!, first('harmful').wordings[0]!, first('helpful').wordings[2]!]
  const seedPrompt = writePrompt(seedRules.map(({ sentence }) => sentence))
  base = solve((value) => {
    base = value
    return scoreOf(effectsOf(seedPrompt))
  }, seedScore)

  if (variant === 'planted') {
    const planted = first('helpful', rules.filter(({ role }) => role === 'helpful').length - 1)
    const better = writePrompt([...seedRules.map(({ sentence }) => sentence), planted.wordings[0]!.sentence])
    const others = rules
    const withEffect = (effect: number): readonly Rule[] =>
      others.map((rule) => {
        if (rule !== planted) return rule
        // However worded: the gain is what was asked for.
        return { ...rule, effect, wordings: rule.wordings.map(({ sentence }) => ({ sentence, strength: 1 })) }
      })
    const effect = solve((value) => {
      rules = withEffect(value)
      return scoreOf(effectsOf(better))
    }, seedScore + plantedGain)
    rules = withEffect(effect)
  }
  interactions = Object.freeze(interactions)

  const task = (number: number): Task => makeTask(seed, number, featuresOf(number))
  let optimum: { readonly prompt: string; readonly score: number } | null = null
  return {
    settings,
    get rules() {
      return rules
    },
    seedPrompt,
    task,
    tasks: (count, from = 0) => Array.from({ length: count }, (_, index) => task(from + index)),
    findTask(text) {
      const number = taskNumber(/\bT-\d+\b/.exec(text)?.[0] ?? '')
      return number === null ? null : task(number)
    },
    successProbability(prompt, { id }) {
      const number = taskNumber(id)
      const effects = effectsOf(prompt)
      if (number === null || effects === null) return 0
      const features = featuresOf(number)
      return successOf(effects[features.kind]!, features)
    },
    trueScore(prompt, reward = 'exact') {
      const success = scoreOf(effectsOf(prompt))
      return reward === 'exact' || !prompt.includes(placeholder) ? success : success + (1 - success) * gradeOfWrong
    },
    optimum() {
      return (optimum ??= findOptimum())
    },
    rulesIn,
    writePrompt,
  }

  /** Every set of helpful rules, each worded best: harm never helps, and pairs count however they are worded. */
  function findOptimum(): { readonly prompt: string; readonly score: number } {
    const helpful = rules.filter(({ role }) => role === 'helpful')
    let best = { prompt: writePrompt([]), score: scoreOf(effectsOf(writePrompt([]))) }
    for (let set = 1; set < 2 ** helpful.length; set += 1) {
      const chosen = helpful.filter((_, index) => (set & (2 ** index)) !== 0)
      const strongest = chosen.map(({ wordings }) => wordings.find(({ strength }) => strength === 1)!.sentence)
      const prompt = writePrompt(strongest)
      const score = scoreOf(effectsOf(prompt))
      if (score > best.score) best = { prompt, score }
    }
    return best
  }
}

/** The argument at which a rising function takes this value, by bisection over log-odds. */
function solve(rising: (value: number) => number, target: number): number {
  let [low, high] = [-30, 30]
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2
    if (rising(middle) < target) low = middle
    else high = middle
  }
  return (low + high) / 2
}
