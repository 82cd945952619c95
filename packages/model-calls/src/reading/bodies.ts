import type { ModelCall, ModelChoice } from '../model-call.ts'
import { finishReasonOf } from './finish-reason.ts'
import { usageOfBody } from './gen-ai-metadata.ts'
import { choiceOf, instructionsOf, mergedChoice, messagesOf } from './messages.ts'
import { logprobsOf, tokenIdsOf } from './token-ids.ts'
import { toolDefinitionsOf } from './tools.ts'
import { excerpt, type Fields, fieldsOf, firstName, listOf, nameOf, type Report, textOf, toText } from './values.ts'

export type RequestParts = Pick<ModelCall, 'messages' | 'tools' | 'model' | 'parameters'>
export type AnswerParts = Pick<ModelCall, 'choices' | 'responseId' | 'responseModel' | 'usage' | 'promptTokenIds'>

/** Fields of a request that hold content or name the model. */
const notParameters: ReadonlySet<string> = new Set([
  'messages',
  'input',
  'prompt',
  'prompts',
  'contents',
  'system',
  'instructions',
  'systemInstruction',
  'system_instruction',
  'tools',
  'functions',
  'model',
  'model_name',
  'config',
])

/** Fields of an answer that tell nothing of what was said. */
const aboutAnswers: ReadonlySet<string> = new Set([
  'id',
  'object',
  'type',
  'role',
  'model',
  'created',
  'status',
  'usage',
  'usage_metadata',
  'service_tier',
  'system_fingerprint',
  'prompt_token_ids',
  'error',
])

export const emptyRequest: RequestParts = { messages: [], tools: null, model: null, parameters: {} }
export const emptyAnswer: AnswerParts = { choices: [], responseId: null, responseModel: null, usage: null, promptTokenIds: null }

/**
 * A request as instrumentation keeps it whole, where nothing says of which API it is: the body of OpenAI, Anthropic or
 * Gemini, the inputs of a LangChain run, messages without a body, or the prompt alone.
 */
export function readRequest(body: unknown, where: string, report: Report): RequestParts {
  if (body === undefined || body === null) return emptyRequest
  const fields = fieldsOf(body)
  if (fields === null) return { ...emptyRequest, messages: messagesOf(body, where, report) }
  if (nameOf(fields['role']) !== null || fields['lc'] !== undefined) {
    return { ...emptyRequest, messages: messagesOf([fields], where, report) }
  }
  const instructions = instructionsOf(
    fields['system'] ?? fields['instructions'] ?? partsOf(fields['systemInstruction'] ?? fields['system_instruction']),
    `${where}.system`,
    report,
  )
  const given = fields['messages'] ?? fields['input'] ?? fields['contents'] ?? promptOf(fields['prompt'] ?? fields['prompts'])
  return {
    messages: [...instructions, ...messagesOf(given, `${where}.messages`, report)],
    tools: toolDefinitionsOf(fields['tools'] ?? fields['functions'], `${where}.tools`, report),
    model: firstName(fields['model'], fields['model_name']),
    parameters: parametersOf(fields),
  }
}

/** What of a request is neither content nor name of the model. */
export function parametersOf(fields: Fields): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !notParameters.has(name)))
}

/**
 * An answer as instrumentation keeps it whole, where nothing says of which API it is: the body of OpenAI's Chat
 * Completions, Completions or Responses, of Anthropic or Gemini, the outputs of a LangChain run, a message, or its text.
 */
export function readAnswer(body: unknown, where: string, report: Report): AnswerParts {
  if (body === undefined || body === null || body === '') return emptyAnswer
  const fields = fieldsOf(body)
  if (fields === null) return { ...emptyAnswer, choices: choicesOf(listOf(body) ?? [body], where, report) }
  const metadata = fieldsOf(fields['response_metadata'])
  return {
    choices: choicesOfBody(fields, where, report),
    responseId: firstName(
      fields['lc'] === undefined ? fields['id'] : null,
      fields['responseId'],
      langChainMessage(fields)?.['id'],
    ),
    responseModel: firstName(fields['model'], fields['modelVersion'], metadata?.['model_name'], langChainModel(fields)),
    usage: usageOfBody(
      fieldsOf(fields['usage']) ?? fieldsOf(fields['usageMetadata'] ?? fields['usage_metadata']) ?? langChainUsage(fields),
    ),
    promptTokenIds: tokenIdsOf(fields['prompt_token_ids'], `${where}.prompt_token_ids`, report),
  }
}

function partsOf(value: unknown): unknown {
  return fieldsOf(value)?.['parts'] ?? value
}

/** The prompt of the legacy API: text, or a list of which each is a call of its own; then the first stands for them. */
function promptOf(prompt: unknown): unknown {
  const first = listOf(prompt)?.[0]
  return typeof first === 'string' ? first : prompt
}

/**
 * Messages side by side are choices when each says why it ended, else items of one answer.
 *
 * @param endings how many reasons for an end are given elsewhere
 */
export function choicesOf(
  values: readonly unknown[],
  where: string,
  report: Report,
  endings: number = 0,
): readonly ModelChoice[] {
  if (values.length === 0) return []
  const isEnded = (value: unknown): boolean => nameOf(fieldsOf(value)?.['finish_reason']) !== null
  if (values.length > 1 && values.length !== endings && !values.every(isEnded)) return [mergedChoice(values, where, report)]
  return values.map((value, index) => choiceOf(value, `${where}[${index}]`, report))
}

function choicesOfBody(fields: Fields, where: string, report: Report): readonly ModelChoice[] {
  const choices = listOf(fields['choices'])
  if (choices !== null) {
    const rows = listOf(fields['response_token_ids'])
    return choices.flatMap((choice, index) => openAiChoice(choice, rows?.[index], `${where}.choices[${index}]`, report) ?? [])
  }
  const generations = generationsOf(fields)
  if (generations !== null) return generations.map((item, index) => generationOf(item, `${where}.generations[${index}]`, report))
  const candidates = listOf(fields['candidates'])
  if (candidates !== null) return candidates.map((item, index) => candidateOf(item, `${where}.candidates[${index}]`, report))
  const output = fields['output']
  if (Array.isArray(output) && output.length > 0) {
    const choice = mergedChoice(output, `${where}.output`, report)
    const isCalling = choice.message.tool_calls !== undefined && fields['status'] === 'completed'
    return [{ ...choice, finishReason: isCalling ? 'tool_calls' : finishReasonOf(fields['status']) }]
  }
  if (typeof output === 'string') return [choiceOf(output, `${where}.output`, report)]
  const messages = listOf(fields['messages'])
  // Whoever keeps state answers with the whole conversation; the last message is the answer.
  if (messages !== null) return messages.length === 0 ? [] : [choiceOf(messages.at(-1), `${where}.messages`, report)]
  return messageChoice(fields, where, report)
}

/** A message: of Anthropic, of LangChain, of Ollama under `message`, or alone. */
function messageChoice(fields: Fields, where: string, report: Report): readonly ModelChoice[] {
  const message = fieldsOf(fields['message']) ?? fields
  const isMessage = ['content', 'parts', 'tool_calls', 'lc', 'text'].some((name) => name in message)
  if (!isMessage) return structuredChoice(fields, where, report)
  const text = 'content' in message || !('text' in message) ? message : { content: message['text'] }
  const stop = fields['stop_reason'] ?? fields['finish_reason'] ?? fields['finishReason'] ?? fields['done_reason']
  const choice = choiceOf(text, where, report)
  return [{ ...choice, finishReason: finishReasonOf(stop) ?? choice.finishReason }]
}

/** Mastra answers with the object that was asked for; anything else is known to hold no answer, or unknown. */
function structuredChoice(fields: Fields, where: string, report: Report): readonly ModelChoice[] {
  const made = fields['object']
  if (typeof made === 'object' && made !== null) return [choiceOf(toText(made, where, report), where, report)]
  const unknown = Object.keys(fields).filter((name) => !aboutAnswers.has(name))
  if (unknown.length > 0) report(`${where}: expected an answer, got fields ${excerpt(unknown.join(', '))}; it is left out`)
  return []
}

function openAiChoice(value: unknown, row: unknown, where: string, report: Report): ModelChoice | null {
  const fields = fieldsOf(value)
  if (fields === null) {
    report(`${where}: expected a choice, got ${excerpt(value)}; it is left out`)
    return null
  }
  const extra = fieldsOf(fields['provider_specific_fields'])
  return {
    message: choiceOf(fields['message'] ?? fields['delta'] ?? fields['text'], `${where}.message`, report).message,
    finishReason: finishReasonOf(fields['finish_reason']),
    tokenIds: tokenIdsOf(fields['token_ids'] ?? extra?.['token_ids'] ?? row, `${where}.token_ids`, report),
    logprobs: logprobsOf(fields['logprobs'], `${where}.logprobs`, report),
  }
}

function candidateOf(value: unknown, where: string, report: Report): ModelChoice {
  const fields = fieldsOf(value)
  return { ...choiceOf(fields?.['content'], where, report), finishReason: finishReasonOf(fields?.['finishReason']) }
}

/** LangChain answers with a list for each prompt; the models in use take one. */
function generationsOf(fields: Fields): readonly unknown[] | null {
  const generations = listOf(fields['generations'])
  return generations === null ? null : (listOf(generations[0]) ?? generations)
}

function generationOf(value: unknown, where: string, report: Report): ModelChoice {
  const fields = fieldsOf(value)
  const info = fieldsOf(fields?.['generationInfo'] ?? fields?.['generation_info'])
  const choice = choiceOf(fields?.['message'] ?? textOf(fields?.['text']), where, report)
  const metadata = fieldsOf(langChainKwargs(fields?.['message'])?.['response_metadata'])
  const stop = info?.['finish_reason'] ?? metadata?.['finish_reason'] ?? metadata?.['stop_reason']
  return { ...choice, finishReason: finishReasonOf(stop), logprobs: logprobsOf(info?.['logprobs'], `${where}.logprobs`, report) }
}

function langChainKwargs(message: unknown): Fields | null {
  const fields = fieldsOf(message)
  return fieldsOf(fields?.['kwargs']) ?? fields
}

function langChainMessage(fields: Fields): Fields | null {
  if (fields['lc'] !== undefined) return fieldsOf(fields['kwargs'])
  return langChainKwargs(fieldsOf(generationsOf(fields)?.[0])?.['message'])
}

function langChainModel(fields: Fields): string | null {
  const metadata = fieldsOf(langChainMessage(fields)?.['response_metadata'])
  return firstName(metadata?.['model_name'], metadata?.['model'])
}

function langChainUsage(fields: Fields): Fields | null {
  const output = fieldsOf(fields['llmOutput'] ?? fields['llm_output'])
  return (
    fieldsOf(langChainMessage(fields)?.['usage_metadata']) ??
    fieldsOf(output?.['tokenUsage'] ?? output?.['token_usage'] ?? output?.['usage'])
  )
}

/** For each message of an answer that came without: its own part of the body, told by position. */
export function withBody(choices: readonly ModelChoice[], body: readonly ModelChoice[]): readonly ModelChoice[] {
  if (choices.length !== body.length) return choices.length === 0 ? body : choices
  return choices.map((choice, index) => ({
    message: choice.message,
    finishReason: choice.finishReason ?? body[index]!.finishReason,
    tokenIds: choice.tokenIds ?? body[index]!.tokenIds,
    logprobs: choice.logprobs ?? body[index]!.logprobs,
  }))
}
