import { type Fields, fieldsOf, listOf, numberOf, otherFields, textOf, tokenIdsOf } from '../loose.ts'
import type { ChatMessage, ModelCall, TokenLogprob } from '../model-call.ts'
import { choicesInOrder, readPromptTokenIds, readResponseTokenIds, readTokenLogprobs, readUsage } from './chat-completions.ts'

const notParameters: ReadonlySet<string> = new Set(['model', 'prompt'])

/** OpenAI's older Completions: each prompt is a message of the user; one of token ids has no text, so it is no message. */
export function readCompletions(request: Fields, answer: Fields): ModelCall {
  const { prompt } = request
  const texts = typeof prompt === 'string' ? [prompt] : listOf(prompt).filter((each) => typeof each === 'string')
  const choices = choicesInOrder(answer)
  return {
    operation: 'text_completion',
    model: textOf(request.model),
    parameters: otherFields(request, notParameters),
    messages: texts.map((content): ChatMessage => ({ role: 'user', content })),
    tools: null,
    responseId: textOf(answer.id),
    responseModel: textOf(answer.model),
    modelVersion: null,
    choices: choices.map((choice, index) => ({
      message: { role: 'assistant', content: textOf(choice.text) },
      finishReason: textOf(choice.finish_reason),
      tokenIds: readResponseTokenIds(choice, answer, index),
      logprobs: readLogprobs(fieldsOf(choice.logprobs)),
    })),
    promptTokenIds: readPromptTokenIds(answer, choices) ?? givenTokenIds(prompt),
    usage: readUsage(answer.usage),
  }
}

/** A prompt of token ids is what the model saw; of several no one is. */
function givenTokenIds(prompt: unknown): readonly number[] | null {
  return tokenIdsOf(prompt) ?? (listOf(prompt).length === 1 ? tokenIdsOf(listOf(prompt)[0]) : null)
}

/** Lists side by side, as this API has them. With `echo` the first token has no probability, so there is nothing to align. */
function readLogprobs(logprobs: Fields): readonly TokenLogprob[] | null {
  const { content } = logprobs
  if (content !== undefined) return readTokenLogprobs(content)
  const values = listOf(logprobs.token_logprobs)
  const tokens = listOf(logprobs.tokens)
  const entries: TokenLogprob[] = []
  for (const [index, value] of values.entries()) {
    const logprob = numberOf(value)
    if (logprob === null) return null
    entries.push({ token: textOf(tokens[index]) ?? '', logprob })
  }
  return entries.length === 0 ? null : entries
}
