import type { MessagesExample } from './messages-example.ts'

/** The text of a fine-tuning file: one example per line, each line ended. Tools are left out where there are none. */
export function toJsonLines(examples: readonly MessagesExample[]): string {
  return examples
    .map(({ messages, tools }) => `${JSON.stringify(tools === null ? { messages } : { messages, tools })}\n`)
    .join('')
}
