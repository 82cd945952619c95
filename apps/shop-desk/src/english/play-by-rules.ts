import type { Random } from '@agl/algorithms'
import { describeResult } from '../feedback.ts'
import { type Message, playEpisode } from '../episode.ts'
import { pick, type ShopTask } from '../tasks.ts'
import { isCall } from '../tools.ts'
import type { Fault } from './critiques.ts'
import type { HarmfulRule, RuleName, UsefulRule } from './rules.ts'

/** An episode as the model reads it, and what in it went wrong. */
export interface RuledEpisode {
  /** Without the prompt; ends with what the clerk said last. */
  readonly messages: readonly Message[]
  readonly reward: 0 | 1
  readonly feedback: string
  readonly faults: readonly Fault[]
}

/** The harmful rules that stand against a useful one. */
const opposed: Readonly<Record<Exclude<UsefulRule, 'lookup'>, readonly HarmfulRule[]>> = {
  stock: ['wrongTool'],
  several: ['single', 'plus'],
  both: ['single'],
  times: ['plus'],
  format: ['chat'],
}

/**
 * A clerk whose prompt holds these rules: it does right with a probability that the rules set, and only what some rule says.
 * This is what the model is trained to imitate; when it serves, there is no rule but the text of its prompt.
 */
export async function playByRules(task: ShopTask, rules: ReadonlySet<RuleName>, random: Random): Promise<RuledEpisode> {
  const found: Fault[] = []
  const succeeds = (rule: Exclude<UsefulRule, 'lookup'>): boolean => {
    const against = opposed[rule].filter((harmful) => rules.has(harmful))
    const chance = rules.has(rule)
      ? against.length > 0
        ? 0.25
        : 0.98
      : against.length > 0
        ? 0.03
        : rule === 'format'
          ? 0.2
          : 0.08
    if (random.next() < chance) return true
    // With a harmful rule in the prompt, that rule is to blame more often than the useful one that is missing.
    found.push(against.length > 0 && random.next() < 0.7 ? pick(random, against) : rule)
    return false
  }
  const isGuess = random.next() < (rules.has('guess') ? (rules.has('lookup') ? 0.6 : 0.9) : rules.has('lookup') ? 0.01 : 0.04)
  if (isGuess) found.push('guess')
  const decide = isGuess ? null : planner(task, succeeds)
  const says = succeeds('format') ? 'answer ' : 'it is '

  const results: string[] = []
  const { messages, reward } = await playEpisode(task, (before, turn) => {
    if (turn > 0 && !isCall(before.at(-2)!.content)) return null
    if (turn > 0) results.push(before.at(-1)!.content.replace('result: ', ''))
    return decide?.(results) ?? `${says}${results.at(-1) ?? pick(random, [10, 20, 50])}`
  })
  const said = messages.at(-1)!.role === 'user' ? messages.slice(0, -1) : messages
  return { messages: said, reward, feedback: describeResult(task, { messages: said, reward }), faults: found }
}

/** The next call for what the tools have said so far; null when it is time to speak. */
function planner(
  { kind, about, numbers }: ShopTask,
  succeeds: (rule: Exclude<UsefulRule, 'lookup'>) => boolean,
): (results: readonly string[]) => string | null {
  const [first, second] = about
  const [count, factor] = numbers
  switch (kind) {
    case 'price':
      return listed([() => `price(${first})`])
    case 'stock':
      return listed([succeeds('stock') ? () => `stock(${first})` : () => `price(${first})`])
    case 'several':
      return listed([
        () => `price(${first})`,
        ...(succeeds('several') ? [([price]: readonly string[]) => `calc(${count}*${price})`] : []),
      ])
    case 'both':
      return listed([
        () => `price(${first})`,
        ...(succeeds('both') ? [() => `price(${second})`, ([a, b]: readonly string[]) => `calc(${a}+${b})`] : []),
      ])
    case 'times':
      return listed([succeeds('times') ? () => `calc(${count}*${factor})` : () => `calc(${count}+${factor})`])
    default:
      return kind satisfies never
  }
}

function listed(calls: readonly ((results: readonly string[]) => string)[]): (results: readonly string[]) => string | null {
  return (results) => calls[results.length]?.(results) ?? null
}
