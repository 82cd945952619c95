import { type Attributes, modelCallAttributes as names } from '@agl/types'
import type { ReadableSpan } from './dialect.ts'
import { isOuterAiSdkSpan } from './dialects/ai-sdk.ts'
import { isOtherOperation } from './dialects/gen-ai-messages.ts'
import { observationType } from './dialects/langfuse.ts'
import { spanKind } from './dialects/openinference.ts'

/** What the names of attributes and events tell: which dialects are worth a look. Most spans bear none. */
export const mark = {
  genAi: 1,
  indexed: 2,
  text: 4,
  llm: 8,
  aiSdk: 16,
  operation: 32,
  langfuse: 64,
  tokenIds: 128,
  events: 256,
} as const

/** One pass over the names; told apart by their first letter, because this is all that most spans cost. */
export function marksOf({ attributes, events }: ReadableSpan): number {
  let marks = 0
  for (const name in attributes) {
    switch (name.charCodeAt(0)) {
      case 103: // g
        if (name.startsWith('gen_ai.')) marks |= mark.genAi | genAiMark(name)
        break
      case 108: // l
        if (name.startsWith('llm.')) marks |= mark.llm
        else if (name === observationType) marks |= mark.langfuse
        break
      case 97: // a
        if (name.startsWith('ai.')) marks |= mark.aiSdk
        else if (name.startsWith('agentlightning.operation.')) marks |= mark.operation
        break
      case 111: // o
        if (name === spanKind) marks |= mark.llm
        break
      case 112: // p
        if (name === names.promptTokenIds) marks |= mark.tokenIds
        break
      case 114: // r
        if (name === names.responseTokenIds) marks |= mark.tokenIds
        break
      default:
    }
  }
  if (events !== undefined && events.some((event) => event.name.startsWith('gen_ai.'))) marks |= mark.events
  return marks
}

function genAiMark(name: string): number {
  if (name.startsWith(names.prompt)) return whole(name, names.prompt.length)
  if (name.startsWith(names.completion)) return whole(name, names.completion.length)
  return 0
}

/** `gen_ai.prompt` itself, or `gen_ai.prompt.0.role`. */
function whole(name: string, length: number): number {
  return name.length === length ? mark.text : name[length] === '.' ? mark.indexed : 0
}

const agentOpsStructure: ReadonlySet<unknown> = new Set(['agent', 'tool', 'task', 'workflow', 'session', 'team', 'chain'])

/** Whether the span says of itself that it is no model call, though it may hold what one said: agents, chains, tools. */
export function isSomethingElse(attributes: Attributes): boolean {
  const kind = attributes[spanKind]
  if (kind !== undefined && kind !== 'LLM') return true
  const runType = attributes['langsmith.span.kind']
  if (runType !== undefined && runType !== 'llm') return true
  const observation = attributes[observationType]
  if (observation !== undefined && observation !== 'generation') return true
  if (isOuterAiSdkSpan(attributes) || isOtherOperation(attributes)) return true
  if (attributes[names.operationName] !== undefined) return false
  return attributes['traceloop.span.kind'] !== undefined || agentOpsStructure.has(attributes['agentops.span.kind'])
}
