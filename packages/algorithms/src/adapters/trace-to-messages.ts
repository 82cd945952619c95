import type { ChatMessage, ToolCall } from '@agl/model-calls'
import { type Adapter, parseOptions, type Span } from '@agl/types'
import { z } from 'zod'
import type { FoundCall } from './find-calls.ts'
import type { Finding, OnFinding } from './findings.ts'
import { keepLongest } from './merge-conversations.ts'
import { reportFurtherChoices } from './make-triplet.ts'
import type { MessagesExample } from './messages-example.ts'
import { toNameTest } from './options.ts'
import { readTrace } from './read-trace.ts'
import { readToolSpans, type ToolSpan } from './tool-spans.ts'
import { type TraceToTripletsOptions, tripletOptionsShape } from './trace-to-triplets.ts'

export interface TraceToMessagesOptions extends Pick<
  TraceToTripletsOptions,
  'agentMatch' | 'callMatch' | 'excludeCallsInReward' | 'repairHierarchy' | 'dedupe' | 'onFinding'
> {
  /** Whether a call whose conversation goes on in a later call is left out: only the longest form of each stays. */
  readonly mergeConversations?: boolean
}

/** The defaults of {@link TraceToMessagesOptions}. As in the reference a judge's conversation is an example like any other. */
export const traceToMessagesDefaults: Readonly<Required<Omit<TraceToMessagesOptions, 'onFinding'>>> = Object.freeze({
  agentMatch: null,
  callMatch: null,
  excludeCallsInReward: false,
  repairHierarchy: true,
  dedupe: true,
  mergeConversations: false,
})

/** Examples, and what is not among them. */
export interface MessagesReport {
  readonly examples: readonly MessagesExample[]
  readonly findings: readonly Finding[]
}

/** An adapter to conversations that answers at once and accounts for what it leaves out. */
export interface MessagesAdapter extends Adapter<readonly MessagesExample[]> {
  adapt(spans: readonly Span[]): readonly MessagesExample[]
  report(spans: readonly Span[]): MessagesReport
}

const { agentMatch, callMatch, excludeCallsInReward, repairHierarchy, dedupe, onFinding } = tripletOptionsShape
const optionsSchema = z.strictObject({
  agentMatch,
  callMatch,
  excludeCallsInReward,
  repairHierarchy,
  dedupe,
  onFinding,
  mergeConversations: z.boolean().optional(),
})

/**
 * Spans of one attempt → one example per model call, in the order of time. Tool calls are those of the answer; where its
 * tracer did not record them there, those of the tool spans directly below the call, each once.
 */
export function traceToMessages(options: TraceToMessagesOptions = {}): MessagesAdapter {
  const parsed = parseOptions(optionsSchema, options, traceToMessagesDefaults, 'options of traceToMessages')
  const filter = { ...parsed, agentTest: toNameTest(parsed.agentMatch), callTest: toNameTest(parsed.callMatch) }
  const report = (spans: readonly Span[]): MessagesReport => {
    const findings: Finding[] = []
    const tell = (finding: Finding): void => {
      findings.push(finding)
      parsed.onFinding?.(finding)
    }
    const trace = readTrace(spans, filter, tell)
    const toolsBelow = readToolSpans(spans)
    const examples = trace.calls.flatMap((found) => {
      const spanIds = found.records.map((node) => trace.tree.nodes[node]!.id)
      const example = toExample(
        found,
        spanIds.flatMap((id) => toolsBelow.get(id) ?? []),
        tell,
      )
      return example === null ? [] : [{ spanId: found.span.span_id, example }]
    })
    const kept = parsed.mergeConversations ? keepLongest(examples, tell) : examples
    return { examples: kept.map(({ example }) => example), findings }
  }
  return Object.freeze({ report, adapt: (spans: readonly Span[]) => report(spans).examples })
}

function toExample({ call, span }: FoundCall, toolSpans: readonly ToolSpan[], report: OnFinding): MessagesExample | null {
  const spanId = span.span_id
  reportFurtherChoices(call, spanId, report)
  const answer = call.choices[0]!.message
  const own = answer.tool_calls ?? []
  const toolCalls = own.length > 0 ? withIds(own, spanId, report) : fromSpans(toolSpans, report)
  if (answer.content === null && toolCalls.length === 0) {
    const reason = 'The answer has neither text nor tool calls: let its tracer record the content of messages.'
    report({ kind: 'call_without_answer', spanId, reason })
    return null
  }
  const { tool_calls: _, ...rest } = answer
  const last = toolCalls.length === 0 ? rest : { ...rest, tool_calls: toolCalls }
  return { messages: [...call.messages, last].map(toMessage), tools: call.tools }
}

/** As fine-tuning wants it: text where there is no content, and null beside tool calls. Further fields stay. */
function toMessage(message: ChatMessage): ChatMessage {
  const { role, content, tool_calls: toolCalls = [] } = message
  if (toolCalls.length > 0) return { ...message, role, content: content === '' ? null : content }
  return { ...message, role, content: content ?? '' }
}

function withIds(calls: readonly ToolCall[], spanId: string, report: OnFinding): readonly ToolCall[] {
  return calls.filter((call) => {
    if (call.id === '') reportNoId(spanId, call.function.name, report)
    return call.id !== ''
  })
}

function fromSpans(toolSpans: readonly ToolSpan[], report: OnFinding): readonly ToolCall[] {
  const calls = new Map<string, ToolCall>()
  for (const { id, name, parameters, spanId } of toolSpans) {
    if (id === null) reportNoId(spanId, name, report)
    else if (!calls.has(id)) calls.set(id, { id, type: 'function', function: { name, arguments: parameters } })
  }
  return [...calls.values()]
}

function reportNoId(spanId: string, name: string, report: OnFinding): void {
  const reason =
    `The tool call ${JSON.stringify(name)} has no id, so no result can answer it; it is left out. ` +
    'Let its tracer record the id.'
  report({ kind: 'tool_call_without_id', spanId, reason })
}
