import { modelCallToSpans, readExchange } from '@agl/model-calls'
import { parseOptions, rootMessage } from '@agl/types'
import { z } from 'zod'
import { activeSpanContext } from '../active-span.ts'
import { currentAttempt } from '../attribution.ts'
import { type FetchArguments, modelApiOfRequest, readRequest, signalOf, withTokenIds } from './request.ts'
import { type RecordAnswer, watchAnswer } from './watch-answer.ts'

export interface TracedFetchOptions {
  /** What sends the requests. Default: the global `fetch` at the time of the call. */
  readonly fetch?: typeof globalThis.fetch
  /**
   * Asks for token ids and log-probabilities of chat completions (`return_token_ids`, `logprobs`). vLLM and the embedded model
   * give them; most hosted APIs refuse. Default false.
   */
  readonly tokenIds?: boolean
}

const optionsSchema = z.strictObject({
  fetch: z
    .custom<typeof globalThis.fetch>((value) => typeof value === 'function', { error: 'expected a fetch function' })
    .optional(),
  tokenIds: z.boolean().optional(),
})

const sendWithGlobal: typeof globalThis.fetch = (input, init) => globalThis.fetch(input, init)

/**
 * A `fetch` that records the model calls that go through it: a POST to Chat Completions, Completions, Responses or Anthropic's
 * Messages, told by the end of the path, made inside an attempt. Anything else passes by. The answer comes as it would have
 * come, streams chunk by chunk; its span is recorded before its end is readable.
 */
export function createTracedFetch(options: TracedFetchOptions = {}): typeof globalThis.fetch {
  const defaults = { fetch: sendWithGlobal, tokenIds: false }
  const { fetch: send, tokenIds } = parseOptions(optionsSchema, options, defaults, 'options of createTracedFetch')

  return async (...given: FetchArguments) => {
    const active = currentAttempt()
    const api = active === undefined ? null : modelApiOfRequest(...given)
    if (active === undefined || api === null) return await send(...given)
    await active.room()

    const { rolloutId, attemptId } = active.attempt
    const place = { rolloutId, attemptId, startTime: Date.now() / 1000, parent: activeSpanContext() }
    const signal = signalOf(...given)
    const request = await readRequest(...given)
    const record: RecordAnswer = (answer, failure) => {
      const call = readExchange({ api, request, answer })
      for (const span of modelCallToSpans({ ...place, call, endTime: Date.now() / 1000, failure })) active.record(span)
    }

    const asksForIds = tokenIds && api === 'chat_completions' && request !== null
    let response: Response
    try {
      response = await send(...(asksForIds ? withTokenIds(request, ...given) : given))
    } catch (error) {
      record(
        null,
        `${signal?.aborted === true ? 'The caller gave up before the answer came' : 'No answer came'}: ${rootMessage(error)}`,
      )
      throw error
    }
    return await watchAnswer(response, { api, signal }, record)
  }
}
