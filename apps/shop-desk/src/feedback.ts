import type { Episode } from './episode.ts'
import type { ShopTask } from './tasks.ts'

/** What the scorer has to say about an episode: for whoever is to find out why it went wrong. */
export function describeResult({ answer }: ShopTask, { messages, reward }: Episode): string {
  if (reward === 1) return 'right'
  const said = messages.findLast(({ role }) => role === 'assistant')?.content
  return `expected answer ${answer}, got ${said ?? 'nothing'}`
}
