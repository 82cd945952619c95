import type { Random } from '@agl/algorithms'
import { type Episode, playEpisode } from './episode.ts'
import { between, createTask, type ShopTask } from './tasks.ts'

type Weighted = readonly [probability: number, said: string]

/**
 * What the base model has read: episodes of clerks who write every tool call correctly but decide carelessly, so that
 * imitating them earns a reward of about 0.3. Each right decision occurs, only not often enough.
 */
export async function playCarelessly(random: Random): Promise<Episode> {
  const task = createTask(random)
  const results: string[] = []
  return await playEpisode(task, (messages, turn) => {
    if (turn > 0) results.push(messages.at(-1)!.content.replace('result: ', ''))
    return choose(random, decide(task, results, random))
  })
}

function decide({ kind, about, numbers }: ShopTask, results: readonly string[], random: Random): readonly Weighted[] {
  const [first, second] = about
  const [count, factor] = numbers
  const last = results.at(-1)
  const guess = `answer ${between(random, 2, 99)}`
  const repeat = `answer ${last}`
  switch (kind) {
    case 'price':
      if (results.length === 0)
        return [
          [0.7, `price(${first})`],
          [0.2, `stock(${first})`],
          [0.1, guess],
        ]
      return [
        [0.85, repeat],
        [0.15, `calc(${last}*${between(random, 2, 9)})`],
      ]
    case 'stock':
      if (results.length === 0)
        return [
          [0.35, `stock(${first})`],
          [0.5, `price(${first})`],
          [0.15, guess],
        ]
      return [[1, repeat]]
    case 'several':
      if (results.length === 0)
        return [
          [0.65, `price(${first})`],
          [0.2, `stock(${first})`],
          [0.15, guess],
        ]
      if (results.length === 1)
        return [
          [0.3, `calc(${count}*${last})`],
          [0.55, repeat],
          [0.15, `calc(${count}+${last})`],
        ]
      return [[1, repeat]]
    case 'both':
      if (results.length === 0)
        return [
          [0.75, `price(${first})`],
          [0.15, `stock(${first})`],
          [0.1, guess],
        ]
      if (results.length === 1)
        return [
          [0.4, `price(${second})`],
          [0.5, repeat],
          [0.1, `calc(${last}+${last})`],
        ]
      if (results.length === 2) {
        return [
          [0.4, `calc(${results[0]}+${last})`],
          [0.3, `calc(${results[0]}*${last})`],
          [0.3, repeat],
        ]
      }
      return [[1, repeat]]
    case 'times':
      if (results.length === 0)
        return [
          [0.35, `calc(${count}*${factor})`],
          [0.45, `calc(${count}+${factor})`],
          [0.2, guess],
        ]
      return [[1, repeat]]
    default:
      return kind satisfies never
  }
}

function choose(random: Random, options: readonly Weighted[]): string {
  let left = random.next()
  for (const [probability, said] of options) {
    left -= probability
    if (left < 0) return said
  }
  return options.at(-1)![1]
}
