import type { Sample } from '@agl/types'
import { specialTokens, type Tokenizer } from '../tokenizer.ts'
import type { SampledToken } from '../transformer/sampler.ts'
import type { CompletionRequest } from './completion-request.ts'

/** What every object of one answer carries. */
export interface CompletionHead {
  readonly id: string
  /** Epoch seconds. */
  readonly created: number
  readonly model: string
}

/** One chat completion as the OpenAI API writes it, with vLLM's token ids if they were asked for. */
export function completionBody(
  head: CompletionHead,
  request: CompletionRequest,
  tokenizer: Tokenizer,
  prompt: readonly number[],
  results: readonly Sample[],
): object {
  return {
    ...head,
    object: 'chat.completion',
    choices: results.map((result, index) => ({
      index,
      message: { role: 'assistant', content: result.text, refusal: null },
      logprobs: request.wantsLogprobs
        ? logprobsOf(
            tokenizer,
            result.tokens.map((token, at) => ({ token, logprob: result.logprobs[at]! })),
          )
        : null,
      finish_reason: result.finishReason,
      ...(request.wantsTokenIds && { token_ids: result.tokens }),
    })),
    ...(request.wantsTokenIds && { prompt_token_ids: prompt }),
    usage: usageOf(prompt, results),
  }
}

/** The first chunk of a choice: its role, and the prompt's ids if they were asked for. */
export function firstChunk(head: CompletionHead, request: CompletionRequest, index: number, prompt: readonly number[]): object {
  return {
    ...chunk(head, { index, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }),
    ...(request.wantsTokenIds && { prompt_token_ids: prompt }),
  }
}

export function tokenChunk(
  head: CompletionHead,
  request: CompletionRequest,
  tokenizer: Tokenizer,
  index: number,
  sampled: SampledToken,
): object {
  return chunk(head, {
    index,
    delta: { content: sampled.text },
    logprobs: request.wantsLogprobs ? logprobsOf(tokenizer, [sampled]) : null,
    finish_reason: null,
    ...(request.wantsTokenIds && { token_ids: [sampled.token] }),
  })
}

export function lastChunk(head: CompletionHead, index: number, finishReason: 'stop' | 'length'): object {
  return chunk(head, { index, delta: {}, logprobs: null, finish_reason: finishReason })
}

export function usageChunk(head: CompletionHead, prompt: readonly number[], results: readonly Sample[]): object {
  return { ...head, object: 'chat.completion.chunk', choices: [], usage: usageOf(prompt, results) }
}

function chunk(head: CompletionHead, choice: object): object {
  return { ...head, object: 'chat.completion.chunk', choices: [choice] }
}

function logprobsOf(tokenizer: Tokenizer, sampled: readonly { readonly token: number; readonly logprob: number }[]): object {
  return {
    content: sampled.map(({ token, logprob }) => {
      const text = tokenizer.vocabulary[token] ?? ''
      const bytes = token < specialTokens.length ? null : [...Buffer.from(text)]
      return { token: text, logprob, bytes, top_logprobs: [] }
    }),
    refusal: null,
  }
}

function usageOf(prompt: readonly number[], results: readonly Sample[]): object {
  const completionTokens = results.reduce((sum, { tokens }) => sum + tokens.length, 0)
  return { prompt_tokens: prompt.length, completion_tokens: completionTokens, total_tokens: prompt.length + completionTokens }
}
