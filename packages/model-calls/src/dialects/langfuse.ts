import { type ReadableSpan, unknownCall } from '../dialect.ts'
import type { ModelCall, ModelUsage } from '../model-call.ts'
import { readAnswer, readRequest } from '../reading/bodies.ts'
import { usageOf } from '../reading/gen-ai-metadata.ts'
import { contentOf, countOf, type Fields, fieldsOf, jsonOf, nameOf, type Report } from '../reading/values.ts'

export const observationType = 'langfuse.observation.type'

/** `langfuse.observation.input` and `.output` of Langfuse, on observations of type `generation`. */
export function readLangfuse({ attributes }: ReadableSpan, report: Report): ModelCall | null {
  if (attributes[observationType] !== 'generation') return null
  const input = 'langfuse.observation.input'
  const output = 'langfuse.observation.output'
  const parameters = 'langfuse.observation.model.parameters'
  const usage = 'langfuse.observation.usage_details'
  const request = readRequest(contentOf(attributes[input], input, report), input, report)
  const answer = readAnswer(contentOf(attributes[output], output, report), output, report)
  const model = nameOf(attributes['langfuse.observation.model.name'])
  const given = fieldsOf(jsonOf(attributes[parameters], parameters, report)) ?? {}
  return {
    ...unknownCall,
    ...request,
    ...answer,
    model: request.model ?? model,
    parameters: { ...request.parameters, ...withoutEmpty(given) },
    responseModel: answer.responseModel ?? model,
    usage: usageIn(fieldsOf(jsonOf(attributes[usage], usage, report))) ?? answer.usage,
  }
}

/** Parameters that were not given are there as '' or null. */
function withoutEmpty(parameters: Fields): Fields {
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== '' && value !== null))
}

/** `input` is without the tokens that have a name of their own (`input_cached_tokens` ...). */
function usageIn(details: Fields | null): ModelUsage | null {
  return details === null ? null : usageOf(sumOf(details, 'input'), sumOf(details, 'output'))
}

function sumOf(details: Fields, name: string): number | null {
  const counts = Object.entries(details).flatMap(([key, value]) =>
    key === name || key.startsWith(`${name}_`) ? (countOf(value) ?? []) : [],
  )
  return counts.length === 0 ? null : counts.reduce((sum, count) => sum + count, 0)
}
