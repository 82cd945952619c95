import { modelCallAttributes as names } from '@agl/types'
import { type ReadableSpan, unknownCall } from '../dialect.ts'
import type { ModelCall } from '../model-call.ts'
import { readAnswer, readRequest } from '../reading/bodies.ts'
import { finishReasonsOf, readGenAiMetadata } from '../reading/gen-ai-metadata.ts'
import { toolDefinitionsOf } from '../reading/tools.ts'
import { contentOf, fieldsOf, jsonOrText, type Report } from '../reading/values.ts'
import { withReasons } from './gen-ai-messages.ts'

/**
 * `gen_ai.prompt` and `gen_ai.completion` as one JSON text each: LangSmith writes the inputs and outputs of its run, others
 * the bodies of request and answer, or the messages.
 */
export function readGenAiText({ attributes }: ReadableSpan, report: Report): ModelCall | null {
  if (attributes[names.prompt] === undefined && attributes[names.completion] === undefined) return null
  const request = readRequest(contentOf(attributes[names.prompt], names.prompt, report), names.prompt, report)
  const answer = readAnswer(contentOf(attributes[names.completion], names.completion, report), names.completion, report)
  const metadata = readGenAiMetadata(attributes)
  const invoked = fieldsOf(jsonOrText(attributes['langsmith.metadata.invocation_params']))
  return {
    ...unknownCall,
    ...metadata,
    model: metadata.model ?? request.model,
    parameters: { ...request.parameters, ...metadata.parameters },
    messages: request.messages,
    tools: request.tools ?? toolDefinitionsOf(invoked?.['tools'], 'langsmith.metadata.invocation_params', report),
    responseId: metadata.responseId ?? answer.responseId,
    responseModel: metadata.responseModel ?? answer.responseModel,
    choices: withReasons(answer.choices, finishReasonsOf(attributes)),
    promptTokenIds: answer.promptTokenIds,
    usage: metadata.usage ?? answer.usage,
  }
}
