import { draw, drawByWeight } from './draw.ts'
import { drawLaws, effectsOf, findRules, type Laws, placeholder, type PresentRule, scoreOf, solve, successOf } from './laws.ts'
import { readWorldOptions, type WorldOptions, type WorldSettings } from './options.ts'
import type { Rule } from './rules.ts'
import { gradeOfWrong, levels, makeTask, type Task, type TaskFeatures, taskNumber } from './tasks.ts'

const introduction = 'You work at a service desk. Answer the request with its code.'

/** A place where prompts are worth something, known exactly; nothing of it is visible to an algorithm. */
export interface World {
  readonly settings: WorldSettings
  readonly rules: readonly Rule[]
  readonly seedPrompt: string
  /** `count` tasks from number `from` on (default 0), the same whoever asks: disjoint ranges are independent samples. */
  tasks(count: number, from?: number): Task[]
  /** The task whose id stands first in a text; null for none. */
  findTask(text: string): Task | null
  /** The probability that the actor gets this task right with this prompt. */
  successProbability(prompt: string, task: Task): number
  /** The mean reward over all tasks, exact. `graded`: by `gradedRewardOf`; default `exact`: by `rewardOf`. */
  trueScore(prompt: string, reward?: 'exact' | 'graded'): number
  /** A best prompt that there is, and its true score. */
  optimum(): ScoredPrompt
  /** The rules in a text in the order of their first mention, each once and in its strongest wording there. */
  rulesIn(text: string): readonly PresentRule[]
  /** The prompt of these sentences. */
  writePrompt(sentences: readonly string[]): string
}

export interface ScoredPrompt {
  readonly prompt: string
  readonly score: number
}

/** @throws AglError `invalid_argument` */
export function createWorld(options: WorldOptions): World {
  const settings = readWorldOptions(options)
  const { seed, variant } = settings
  const drawn = drawLaws(settings)
  const seedSentences = chooseSeedSentences(drawn.rules)
  const seedPrompt = writePrompt(seedSentences)
  const base = solve((value) => scoreOf({ ...drawn, base: value }, seedPrompt), settings.seedScore)
  const levelled: Laws = { ...drawn, base }
  const laws = variant === 'planted' ? plantRule(levelled, seedSentences, settings) : levelled
  const kinds = laws.kinds.map(({ weight }, kind) => ({ weight, kind }))

  const featuresOf = (number: number): TaskFeatures => ({
    kind: drawByWeight(kinds, seed, 'kind', number).kind,
    level: Math.floor(draw(seed, 'level', number) * levels),
  })
  const task = (number: number): Task => makeTask(seed, number, featuresOf(number))
  let optimum: ScoredPrompt | null = null
  return {
    settings,
    rules: laws.rules,
    seedPrompt,
    tasks: (count, from = 0) => Array.from({ length: count }, (_, index) => task(from + index)),
    findTask(text) {
      const number = taskNumber(/\bT-\d+\b/.exec(text)?.[0] ?? '')
      return number === null ? null : task(number)
    },
    successProbability(prompt, { id }) {
      const number = taskNumber(id)
      return number === null ? 0 : successOf(laws, effectsOf(laws, prompt), featuresOf(number))
    },
    trueScore(prompt, reward = 'exact') {
      const success = scoreOf(laws, prompt)
      return reward === 'exact' || !prompt.includes(placeholder) ? success : success + (1 - success) * gradeOfWrong
    },
    optimum: () => (optimum ??= findOptimum(laws)),
    rulesIn: (text) => findRules(laws.rules, text),
    writePrompt,
  }
}

function writePrompt(sentences: readonly string[]): string {
  return [introduction, ...sentences, '', placeholder].join('\n')
}

/** Something to leave alone, something to remove, something to reword; most is missing. */
function chooseSeedSentences(rules: readonly Rule[]): readonly string[] {
  const first = (role: Rule['role']): Rule => rules.find((rule) => rule.role === role)!
  return [first('neutral').wordings[0]!, first('harmful').wordings[0]!, first('helpful').wordings[2]!].map(
    ({ sentence }) => sentence,
  )
}

/** Gives the last helpful rule, however it is worded, an effect that adds `plantedGain` to the seed prompt's score. */
function plantRule(laws: Laws, seedSentences: readonly string[], { seedScore, plantedGain }: WorldSettings): Laws {
  const planted = laws.rules.findLast(({ role }) => role === 'helpful')!
  const wordings = planted.wordings.map(({ sentence }) => ({ sentence, strength: 1 }))
  const better = writePrompt([...seedSentences, wordings[0]!.sentence])
  const withEffect = (effect: number): Laws => ({
    ...laws,
    rules: laws.rules.map((rule) => (rule === planted ? { ...rule, effect, wordings } : rule)),
  })
  return withEffect(solve((effect) => scoreOf(withEffect(effect), better), seedScore + plantedGain))
}

/** Every set of helpful rules, each worded best: harm never helps, and pairs count however they are worded. */
function findOptimum(laws: Laws): ScoredPrompt {
  const helpful = laws.rules.filter(({ role }) => role === 'helpful')
  const strongest = helpful.map(({ wordings }) => wordings.find(({ strength }) => strength === 1)!.sentence)
  let best: ScoredPrompt = { prompt: '', score: -1 }
  for (let set = 0; set < 2 ** helpful.length; set += 1) {
    const prompt = writePrompt(strongest.filter((_, index) => (set & (2 ** index)) !== 0))
    const score = scoreOf(laws, prompt)
    if (score > best.score) best = { prompt, score }
  }
  return best
}
