import { createRandom, type Random } from '@agl/algorithms'

/** What the shop sells. */
export const items: readonly string[] = Object.freeze([
  'pen',
  'cup',
  'lamp',
  'chair',
  'desk',
  'mug',
  'bag',
  'hat',
  'book',
  'clock',
  'plant',
  'mouse',
  'cable',
  'stapler',
  'bottle',
  'marker',
])

export type TaskKind = 'price' | 'stock' | 'several' | 'both' | 'times'

/**
 * One customer. Prices and stock are drawn anew for every task, so no answer can be learnt by heart: what can be learnt is
 * which tools to call, in which order, and what to do with what they say.
 */
export type ShopTask = {
  readonly kind: TaskKind
  readonly question: string
  readonly answer: string
  /** What the question is about: one item, two for `both`, none for `times`. */
  readonly about: readonly string[]
  /** `several`: how many pieces; `times`: the two factors. */
  readonly numbers: readonly number[]
  readonly prices: Readonly<Record<string, number>>
  readonly stock: Readonly<Record<string, number>>
}

const kinds: readonly TaskKind[] = ['price', 'stock', 'several', 'both', 'times']

/** `count` customers; the same seed gives the same ones. */
export function createTasks(seed: number, count: number): readonly ShopTask[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => createTask(random))
}

export function createTask(random: Random): ShopTask {
  const prices = Object.fromEntries(items.map((item) => [item, between(random, 2, 29)]))
  const stock = Object.fromEntries(items.map((item) => [item, between(random, 1, 99)]))
  const kind = pick(random, kinds)
  const [first, second] = random.shuffle(items) as [string, string]
  const make = (question: string, answer: number, about: readonly string[], numbers: readonly number[] = []): ShopTask => ({
    kind,
    question,
    answer: String(answer),
    about,
    numbers,
    prices,
    stock,
  })
  switch (kind) {
    case 'price':
      return make(
        pick(random, [`how much is a ${first}?`, `price of the ${first}?`, `what does a ${first} cost?`]),
        prices[first]!,
        [first],
      )
    case 'stock':
      return make(
        pick(random, [
          `how many of the ${first} are left?`,
          `do we still have the ${first}, and how many?`,
          `stock level of the ${first}?`,
        ]),
        stock[first]!,
        [first],
      )
    case 'several': {
      const count = between(random, 2, 9)
      const question = pick(random, [
        `what do ${count} of the ${first} cost?`,
        `i want ${count} x ${first}, how much in total?`,
        `quote me ${count} pieces of the ${first}`,
      ])
      return make(question, count * prices[first]!, [first], [count])
    }
    case 'both': {
      const question = pick(random, [`total for a ${first} and a ${second}?`, `one ${first} plus one ${second}, how much?`])
      return make(question, prices[first]! + prices[second]!, [first, second])
    }
    case 'times': {
      const [a, b] = [between(random, 2, 29), between(random, 2, 9)]
      return make(pick(random, [`what is ${a} times ${b}?`, `multiply ${a} by ${b}`]), a * b, [], [a, b])
    }
    default:
      return kind satisfies never
  }
}

export function pick<Item>(random: Random, from: readonly Item[]): Item {
  return from[random.below(from.length)]!
}

/** A whole number from `low` to `high`, both included. */
export function between(random: Random, low: number, high: number): number {
  return low + random.below(high - low + 1)
}
