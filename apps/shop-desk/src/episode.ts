import type { ShopTask } from './tasks.ts'
import { runTool } from './tools.ts'

/** A message at the desk. What a tool said goes back as a user message, so that any chat model can play. */
export interface Message {
  readonly role: 'user' | 'assistant'
  readonly content: string
}

export interface Episode {
  readonly messages: readonly Message[]
  /** 1 for the right answer, else 0. */
  readonly reward: 0 | 1
}

/** Turns a clerk has before the customer leaves. */
const maxTurns = 6

/**
 * Serves one customer: `speak` writes the clerk's next message, a tool call or `answer <number>`, until it answers.
 * A `speak` that gives null ends the episode without an answer.
 */
export async function playEpisode(
  task: ShopTask,
  speak: (messages: readonly Message[], turn: number) => Promise<string | null> | string | null,
): Promise<Episode> {
  const messages: Message[] = [{ role: 'user', content: task.question }]
  for (let turn = 0; turn < maxTurns; turn += 1) {
    const said = await speak(messages, turn)
    if (said === null) break
    messages.push({ role: 'assistant', content: said })
    if (said.startsWith('answer')) return { messages, reward: said === `answer ${task.answer}` ? 1 : 0 }
    messages.push({ role: 'user', content: `result: ${runTool(task, said)}` })
  }
  return { messages, reward: 0 }
}
