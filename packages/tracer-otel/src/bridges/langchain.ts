import { implementing, parseOptions } from '@agl/types'
import type { TracerProvider } from '@opentelemetry/api'
import { z } from 'zod'
import { createTracedFetch } from '../traced-fetch/create-traced-fetch.ts'
import { type LangChainMessage, type LangChainResult, toExchange } from './langchain-messages.ts'
import { agentSpan, type NamedSpan, names, textOf, toolSpan } from './names.ts'
import { createOpenSpans, type OpenSpan } from './open-spans.ts'

export interface LangChainBridgeOptions {
  /** `AsyncLocalStorageProviderSingleton` of `@langchain/core/singletons`: tells in which run a request goes out. */
  readonly runs: { getRunnableConfig(): unknown }
  /** What sends the requests and records calls of models. Default `createTracedFetch()`. */
  readonly fetch?: typeof globalThis.fetch
  /** Where the spans are made. Default: the global provider. */
  readonly tracerProvider?: TracerProvider
}

type Metadata = Readonly<Record<string, unknown>>

/**
 * For `callbacks` of LangChain and LangGraph; the parameters are in the order in which `@langchain/core` 1.2 passes them, which for
 * chains is not the order of its types.
 */
export interface LangChainCallbacks {
  /** In the background LangChain would call from a queue, which belongs to no attempt. */
  readonly awaitHandlers: true
  handleChainStart(
    chain: unknown,
    inputs: unknown,
    runId: string,
    parentRunId?: string,
    tags?: string[],
    metadata?: Metadata,
    runType?: string,
    runName?: string,
  ): void
  handleChainEnd(outputs: unknown, runId: string): void
  handleChainError(error: unknown, runId: string): void
  handleToolStart(
    tool: unknown,
    input: string,
    runId: string,
    parentRunId?: string,
    tags?: string[],
    metadata?: Metadata,
    runName?: string,
    toolCallId?: string,
  ): void
  handleToolEnd(output: unknown, runId: string): void
  handleToolError(error: unknown, runId: string): void
  handleChatModelStart(
    model: unknown,
    messages: LangChainMessage[][],
    runId: string,
    parentRunId?: string,
    extraParams?: Metadata,
  ): void
  handleLLMStart(model: unknown, prompts: string[], runId: string, parentRunId?: string, extraParams?: Metadata): void
  handleLLMEnd(output: LangChainResult, runId: string): void
  handleLLMError(error: unknown, runId: string): void
}

export interface LangChainBridge {
  /** Records graphs, nodes, chains and tools; calls of models too, where they do not go through `fetch`. */
  readonly callbacks: LangChainCallbacks
  /** For the client of a chat model (`configuration.fetch` of `ChatOpenAI`): records each call whole, in the run that made it. */
  readonly fetch: typeof globalThis.fetch
}

const optionsSchema = z.strictObject({
  runs: implementing<LangChainBridgeOptions['runs']>(
    'AsyncLocalStorageProviderSingleton of @langchain/core/singletons',
    'getRunnableConfig',
  ),
  fetch: z
    .custom<typeof globalThis.fetch>((value) => typeof value === 'function', { error: 'expected a fetch function' })
    .optional(),
  tracerProvider: implementing<TracerProvider>('a tracer provider', 'getTracer').optional(),
})

/** Runs that LangChain itself does not show, such as a graph's reading of its input. */
const hiddenTag = 'langsmith:hidden'

/** Records runs of LangChain and LangGraph as spans of the attempt that they were started in. */
export function createLangChainBridge(options: LangChainBridgeOptions): LangChainBridge {
  const parsed = parseOptions(optionsSchema, options, {}, 'options of createLangChainBridge')
  const { runs, fetch: send = createTracedFetch(), tracerProvider = null } = parsed
  const spans = createOpenSpans('@agl/tracer-otel/langchain', tracerProvider)
  /** What a run of a model was asked, until it answers. */
  const asked = new WeakMap<OpenSpan, { readonly messages: readonly LangChainMessage[]; readonly parameters: Metadata }>()

  function startModel(
    runId: string,
    parentRunId: string | undefined,
    model: unknown,
    messages: readonly LangChainMessage[],
    extra: Metadata = {},
  ): void {
    spans.start({ id: runId, parentId: parentRunId ?? null, name: classOf(model) ?? 'model' })
    const started = spans.find(runId)
    if (started !== null) asked.set(started, { messages, parameters: (extra['invocation_params'] ?? {}) as Metadata })
  }
  function endModel(runId: string, result: LangChainResult | null, error: string | null): void {
    const found = spans.find(runId)
    const call = found === null ? undefined : asked.get(found)
    if (found !== null && call !== undefined && !found.isCallRecorded) {
      spans.recordCall(found, toExchange(call.messages, call.parameters, result), error)
    }
    spans.end(runId, {}, error)
  }
  const endWithError = (error: unknown, runId: string): void => spans.end(runId, {}, String(error))

  /**
   * The run whose request goes out. LangChain knows the run around the model's, and in streams not even that. Of the model's
   * runs that may be meant it is the oldest without a request: runs start in the order of their requests, unless work that
   * runs side by side in one attempt differs in what it does before.
   */
  function findCaller(): OpenSpan | null {
    const parentId = parentRunOf(runs.getRunnableConfig())
    const models = spans.ofThisAttempt().filter((each) => asked.has(each) && (parentId === null || each.parentId === parentId))
    return models.find(({ isCallRecorded }) => !isCallRecorded) ?? models.at(-1) ?? spans.find(parentId)
  }

  const callbacks: LangChainCallbacks = {
    awaitHandlers: true,
    handleChainStart(chain, _inputs, runId, parentRunId, tags = [], metadata = {}, _runType, runName) {
      const name = runName ?? classOf(chain) ?? 'chain'
      const described = tags.includes(hiddenTag) ? { name } : describeChain(name, classOf(chain), metadata)
      spans.start({ id: runId, parentId: parentRunId ?? null, ...described })
    },
    handleChainEnd: (_outputs, runId) => spans.end(runId, {}, null),
    handleChainError: endWithError,
    handleToolStart(tool, input, runId, parentRunId, _tags, _metadata, runName, toolCallId) {
      const described = toolSpan(runName ?? classOf(tool) ?? 'tool')
      const attributes = { ...described.attributes, [names.toolArguments]: input, [names.toolCallId]: toolCallId }
      spans.start({ id: runId, parentId: parentRunId ?? null, ...described, attributes })
    },
    handleToolEnd(output, runId) {
      const { content = output } = (typeof output === 'object' && output !== null ? output : {}) as { readonly content?: unknown }
      spans.end(runId, { [names.toolResult]: textOf(content) }, null)
    },
    handleToolError: endWithError,
    handleChatModelStart: (model, [messages = []], runId, parentRunId, extraParams) =>
      startModel(runId, parentRunId, model, messages, extraParams),
    handleLLMStart: (model, [prompt = ''], runId, parentRunId, extraParams) =>
      startModel(runId, parentRunId, model, [{ type: 'human', content: prompt }], extraParams),
    handleLLMEnd: (output, runId) => endModel(runId, output, null),
    handleLLMError: (error, runId) => endModel(runId, null, String(error)),
  }
  return Object.freeze({ callbacks, fetch: spans.fetchUnder(send, findCaller) })
}

/** What a graph and its nodes are called is what filters by agent name; all else that runs is a chain. */
function describeChain(name: string, className: string | null, metadata: Metadata): NamedSpan {
  if (className === 'CompiledStateGraph') return agentSpan(name)
  // The nodes of an agent made by `createAgent` are steps of its loop, not agents.
  const isAgentOfItsOwn = metadata['langgraph_node'] === name && metadata['lc_agent_name'] === undefined
  return isAgentOfItsOwn ? { name, attributes: { [names.graphNode]: name } } : { name }
}

/** LangChain serializes what runs as `{ id: [...path, class] }`. */
function classOf(serialized: unknown): string | null {
  const { id } = (serialized ?? {}) as { readonly id?: unknown }
  const last: unknown = Array.isArray(id) ? id.at(-1) : null
  return typeof last === 'string' ? last : null
}

/** The run that a configuration hands to what runs inside it. */
function parentRunOf(config: unknown): string | null {
  const { callbacks } = (config ?? {}) as { readonly callbacks?: { getParentRunId?(): string | undefined } }
  return callbacks?.getParentRunId?.() ?? null
}
