import type { Random } from '@agl/algorithms'
import { between, pick } from '../tasks.ts'
import { drawSentence, harmfulRules, type RuleName, usefulRules } from './rules.ts'

/** A sentence of a prompt with the rule that it was written for. */
export interface PromptSentence {
  readonly text: string
  readonly rule: RuleName | 'neutral'
}

/**
 * A prompt of the fragment: sentences for some of the rules, harmful ones among them, and sentences that mean nothing. Half of
 * them are short: from a prompt of one or two rules it is soon learnt that prompts matter, and what each rule means.
 */
export function drawPrompt(random: Random): readonly PromptSentence[] {
  const rules = random.next() < 0.5 ? drawFewRules(random) : drawManyRules(random)
  const neutral = Array.from({ length: between(random, 0, rules.length < 3 ? 1 : 2) }, () => 'neutral' as const)
  const [first, ...others] = neutral
  // Who the clerk is comes first more often than not.
  const order =
    first !== undefined && random.next() < 0.7
      ? [first, ...random.shuffle([...rules, ...others])]
      : random.shuffle([...rules, ...neutral])
  const sentences = (order.length === 0 ? ['neutral' as const] : order).map((rule) => writeSentence(random, rule))
  return withoutRepetition(sentences.map(({ rule, text }) => ({ rule, text: roughen(random, text) })))
}

function drawFewRules(random: Random): readonly (RuleName | 'neutral')[] {
  return Array.from({ length: between(random, 1, 2) }, () => pick(random, random.next() < 0.7 ? usefulRules : harmfulRules))
}

function drawManyRules(random: Random): readonly (RuleName | 'neutral')[] {
  const density = 0.3 + 0.7 * random.next()
  const rules: RuleName[] = usefulRules.filter((rule) => random.next() < (rule === 'lookup' ? density / 2 : density))
  if (rules.length > 0 && random.next() < 0.2) rules.push(pick(random, rules))
  if (random.next() < 0.4) rules.push(pick(random, harmfulRules))
  if (random.next() < 0.08) rules.push(pick(random, harmfulRules))
  return rules
}

export function writeSentence(random: Random, rule: RuleName | 'neutral'): PromptSentence {
  return { rule, text: drawSentence(random, rule) }
}

export function toText(sentences: readonly PromptSentence[]): string {
  return sentences.map(({ text }) => text).join(' ')
}

export function withoutRepetition(sentences: readonly PromptSentence[]): readonly PromptSentence[] {
  return [...new Map(sentences.map((sentence) => [sentence.text, sentence])).values()]
}

const fillers = ['now', 'then', 'just', 'really', 'also', 'only', 'so', 'well'] as const

/** Three sentences in ten lose small words or gain one, as in what people write: what they mean stays. */
function roughen(random: Random, sentence: string): string {
  if (random.next() > 0.3) return sentence
  const words = sentence
    .split(' ')
    .filter((word) => !/^(the|a|you|always|please|must|with|is)$/.test(word) || random.next() > 0.2)
  if (random.next() < 0.4) words.splice(random.below(words.length), 0, pick(random, fillers))
  return words.join(' ')
}
