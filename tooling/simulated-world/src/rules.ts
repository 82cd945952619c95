import { drawBetween, drawOrder } from './draw.ts'
import type { WorldSettings } from './options.ts'

/** One way to say a rule. */
export interface Wording {
  readonly sentence: string
  /** The share of the rule's effect that it brings, at most 1; exactly one wording of a rule has 1. */
  readonly strength: number
}

/** Something that a prompt can tell the actor. What it is worth, only the world knows. */
export interface Rule {
  readonly role: 'helpful' | 'harmful' | 'neutral'
  /** The kinds of tasks it works on. */
  readonly kinds: readonly number[]
  /** The same as tasks name them. */
  readonly kindNames: readonly string[]
  /** What it adds to the log-odds of success, worded best. */
  readonly effect: number
  readonly wordings: readonly Wording[]
}

/** Two rules that, both in the prompt and however worded, add this to the log-odds of the tasks of either. */
export interface Interaction {
  readonly rules: readonly [Rule, Rule]
  readonly effect: number
}

export const kindNames: readonly string[] = Object.freeze([
  'refund',
  'delivery',
  'warranty',
  'invoice',
  'account',
  'booking',
  'repair',
  'subscription',
])

const advice: Readonly<Record<Rule['role'], readonly string[]>> = {
  helpful: [
    'compare the dates with the policy',
    'read the order number digit by digit',
    'check whether the term is still running',
    'add up all positions before you name a total',
    'look for a second question hidden in the text',
    'convert foreign amounts first',
    'match the name against the account',
    'start from the last message',
    'trust the receipt over the memory of the customer',
    'count the parcels one by one',
    'check the address against the postcode',
    'look up which contract is the newest',
  ],
  harmful: [
    'answer at once without reading to the end',
    'copy the first number you see',
    'assume that the customer is right',
    'leave out the second half of the request',
    'round every amount to the next hundred',
    'use the answer of the request before',
  ],
  neutral: [
    'stay polite',
    'write in plain English',
    'avoid exclamation marks',
    'address the reader as a colleague',
    'prefer short sentences',
    'leave the weather unmentioned',
    'use the metric system',
    'keep a calm tone',
  ],
}

/** No sentence contains another, and none holds a character that JSON, Python or Markdown would write differently. */
function sentencesOf(action: string, scope: string): readonly string[] {
  return [
    `${scope[0]!.toUpperCase()}${scope.slice(1)}, ${action}.`,
    `It is important to ${action} ${scope}.`,
    `Please ${action} ${scope}.`,
  ]
}

/** The rules of a world, the helpful ones first. In the variants `null` and `planted` none has an effect yet. */
export function drawRules({ seed, variant, kinds, helpful, harmful, neutral }: WorldSettings): readonly Rule[] {
  const everyKind = Array.from({ length: kinds }, (_, kind) => kind)
  const make = (role: Rule['role'], count: number, limits: readonly [number, number]): readonly Rule[] =>
    drawOrder(advice[role], seed, role)
      .slice(0, count)
      .map((action, index) => {
        // Every kind has a rule before one has two; every third rule works on two kinds.
        const own = [index, ...(index % 3 === 2 ? [index + 1] : [])].map((kind) => kind % kinds)
        const isGeneral = role !== 'helpful' || variant === 'planted'
        const touched = isGeneral ? everyKind : [...new Set(own)]
        const names = touched.map((kind) => kindNames[kind]!)
        const scope = isGeneral ? 'in every case' : `for ${names.join(' and ')} requests`
        const sentences = drawOrder(sentencesOf(action, scope), seed, role, index, 'wordings')
        return {
          role,
          kinds: touched,
          kindNames: names,
          effect: variant === 'drawn' ? drawBetween(...limits, seed, role, index, 'effect') : 0,
          wordings: sentences.map((sentence, wording) => ({
            sentence,
            strength: wording === 0 ? 1 : drawBetween(0.4, 0.9, seed, role, index, 'strength', wording),
          })),
        }
      })
  return [...make('helpful', helpful, [1.2, 2.8]), ...make('harmful', harmful, [-1.4, -0.6]), ...make('neutral', neutral, [0, 0])]
}

/** Pairs of neighbours in a drawn order; worth up to half of the weaker rule, more or less. */
export function drawInteractions(rules: readonly Rule[], { seed, interactions }: WorldSettings): readonly Interaction[] {
  const order = drawOrder(
    rules.filter(({ role }) => role === 'helpful'),
    seed,
    'interactions',
  )
  return order.slice(1, interactions + 1).map((rule, index) => {
    const other = order[index]!
    const weaker = Math.min(rule.effect, other.effect)
    return { rules: [rule, other], effect: weaker * drawBetween(-0.5, 0.5, seed, 'interaction', index) }
  })
}
