import type { Attributes } from '@agl/types'
import { type ReadableSpan, unknownCall } from '../dialect.ts'
import type { ModelCall, ModelChoice } from '../model-call.ts'
import { finishReasonOf } from '../reading/finish-reason.ts'
import { readGenAiMetadata, usageOf } from '../reading/gen-ai-metadata.ts'
import { choiceOf, messagesOf } from '../reading/messages.ts'
import { toolDefinitionsOf } from '../reading/tools.ts'
import { contentOf, firstName, jsonOf, listOf, nameOf, type Report, textOf } from '../reading/values.ts'

const operationId = 'ai.operationId'

/**
 * `ai.prompt.messages`, `ai.response.text` ... of the AI SDK 4 to 6, and of 7 with its legacy integration. Only the span of
 * the inner call (`ai.generateText.doGenerate`, `ai.streamObject.doStream` ...) is one: what encloses it says the same again.
 */
export function readAiSdk({ attributes }: ReadableSpan, report: Report): ModelCall | null {
  if (!isInnerCall(attributes)) return null
  const metadata = readGenAiMetadata(attributes)
  const seed = attributes['ai.settings.seed']
  return {
    ...unknownCall,
    ...metadata,
    model: metadata.model ?? nameOf(attributes['ai.model.id']),
    parameters: seed === undefined ? metadata.parameters : { ...metadata.parameters, seed },
    messages: messagesOf(contentOf(attributes['ai.prompt.messages'], 'ai.prompt.messages', report), 'ai.prompt.messages', report),
    tools: toolDefinitionsOf(attributes['ai.prompt.tools'], 'ai.prompt.tools', report),
    responseId: firstName(attributes['ai.response.id'], metadata.responseId),
    responseModel: firstName(attributes['ai.response.model'], metadata.responseModel),
    choices: choicesOf(attributes, report),
    usage:
      metadata.usage ??
      usageOf(
        attributes['ai.usage.inputTokens'] ?? attributes['ai.usage.promptTokens'],
        attributes['ai.usage.outputTokens'] ?? attributes['ai.usage.completionTokens'],
      ),
  }
}

/** Whether the span is one of the AI SDK that encloses the call, or of something else than a language model. */
export function isOuterAiSdkSpan(attributes: Attributes): boolean {
  return attributes[operationId] !== undefined && !isInnerCall(attributes)
}

function isInnerCall(attributes: Attributes): boolean {
  const id = nameOf(attributes[operationId])
  return id !== null && (id.endsWith('.doGenerate') || id.endsWith('.doStream'))
}

function choicesOf(attributes: Attributes, report: Report): readonly ModelChoice[] {
  const text = textOf(attributes['ai.response.text'] ?? attributes['ai.response.object'])
  const calls = jsonOf(attributes['ai.response.toolCalls'], 'ai.response.toolCalls', report)
  const files = listOf(jsonOf(attributes['ai.response.files'], 'ai.response.files', report)) ?? []
  const finishReason = finishReasonOf(attributes['ai.response.finishReason'])
  const isAnswered = text !== null || calls !== undefined || files.length > 0 || finishReason !== null
  if (!isAnswered) return []
  const parts = text === null || text === '' ? files : [{ type: 'text', text }, ...files]
  const message = {
    content: parts.length === 0 ? null : parts,
    tool_calls: calls,
    reasoning: attributes['ai.response.reasoning'],
  }
  return [{ ...choiceOf(message, 'ai.response', report), finishReason }]
}
