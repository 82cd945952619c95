import type { ChatMessage } from '@agl/model-calls'
import type { OnFinding } from './findings.ts'
import type { MessagesExample } from './messages-example.ts'

/** An example with the span it comes from. */
export interface SourcedExample {
  readonly spanId: string
  readonly example: MessagesExample
}

/**
 * The examples that are not the beginning of another one with the same tools; of equal ones the last. What is left out is
 * reported. All examples share one tree of messages, so the work is linear in them.
 */
export function keepLongest(examples: readonly SourcedExample[], report: OnFinding): readonly SourcedExample[] {
  const steps = new Map<string, number>()
  /** For each place in the tree, the last example that passes through it on its way further. */
  const passing: (number | undefined)[] = [undefined]
  const ends = examples.map(({ example }, index) => {
    let place = 0
    for (const key of [JSON.stringify(example.tools), ...example.messages.map(keyOf)]) {
      passing[place] = index
      const step = `${place} ${key}`
      const next = steps.get(step) ?? passing.push(undefined) - 1
      steps.set(step, next)
      place = next
    }
    return place
  })
  const last = new Map(ends.map((place, index) => [place, index]))
  return examples.filter(({ spanId }, index) => {
    const place = ends[index]!
    const kept = passing[place] ?? last.get(place)!
    if (kept === index) return true
    const keptSpanId = examples[kept]!.spanId
    const reason = `Span ${keptSpanId} holds all of this conversation; set mergeConversations to false to keep both.`
    report({ kind: 'conversation_merged', spanId, keptSpanId, reason })
    return false
  })
}

/** What makes a message the same when it comes again in a later prompt. */
function keyOf({ role, content, tool_calls: toolCalls, tool_call_id: answered }: ChatMessage): string {
  return JSON.stringify([role, content ?? '', toolCalls ?? [], answered ?? ''])
}
