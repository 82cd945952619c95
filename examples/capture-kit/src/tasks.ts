import { parseArgs } from 'node:util'

/** Say what an item costs. */
export type PriceTask = {
  readonly item: string
  readonly question: string
}

/** One task per rollout, each with an item of its own: `--rollouts 20` makes twenty. */
export function readTasks(): readonly PriceTask[] {
  const { rollouts } = readArguments()
  return Array.from({ length: rollouts }, (_, index) => {
    const item = `lamp no ${index + 1}`
    return { item, question: `What does the ${item} cost?` }
  })
}

/** What the agents' tool answers. */
export function priceOf(item: string): string {
  return `${12 + Number(item.split(' ').at(-1))} crowns`
}

/** The reward: 1 for an answer with the price, 0 for any other. */
export function score(answer: string, { item }: PriceTask): number {
  return answer.includes(priceOf(item)) ? 1 : 0
}

export function readArguments(): { readonly rollouts: number; readonly record: string | undefined } {
  const { values } = parseArgs({ options: { rollouts: { type: 'string', default: '3' }, record: { type: 'string' } } })
  return { rollouts: Number(values.rollouts), record: values.record }
}
