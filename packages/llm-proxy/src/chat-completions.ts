import { once } from 'node:events'
import { createStreamAssembler, modelCallToSpans, readAnswer, readExchange } from '@agl/model-calls'
import { errorMessage, type Logger, type ProxiedModel, rootMessage, type SpanSink } from '@agl/types'
import type { Request, Response } from 'express'
import { z } from 'zod'
import { type ChatRequest, chatRequestSchema, errorBody } from './openai.ts'
import type { RoutingTable } from './options.ts'

export interface ChatHandlerParts {
  readonly sink: SpanSink
  /** The table at the time of the call; a call stays on the entry it started with. */
  readonly table: () => RoutingTable
  readonly upstreamTimeoutMs: number
  readonly logger: Logger
}

/**
 * Handles one chat completion: forwards it, passes the answer on byte for byte, and has stored the call's span by the time
 * the answer ends, so that whoever settles the attempt afterwards finds it in the store.
 */
export async function handleChatCompletion(request: Request, response: Response, parts: ChatHandlerParts): Promise<void> {
  const parsed = chatRequestSchema.safeParse(request.body)
  if (!parsed.success) {
    response
      .status(400)
      .json(errorBody(`Invalid chat completion request:\n${z.prettifyError(parsed.error)}`, 'invalid_request_error'))
    return
  }
  const call = parsed.data
  const table = parts.table()
  const target = table.get(call.model)
  if (target === undefined) {
    const known = [...table.keys()].join(', ') || 'none'
    const message = `The gateway has no model "${call.model}"; it has: ${known}.`
    response.status(404).json(errorBody(message, 'invalid_request_error', 'model_not_found'))
    return
  }

  const startTime = Date.now() / 1000
  const { rolloutId, attemptId } = request.params as { rolloutId: string; attemptId: string }
  const record: RecordCall = async (answer, failure) => {
    const read = readExchange({ api: 'chat_completions', request: call, answer })
    try {
      const endTime = Date.now() / 1000
      await parts.sink.addManySpans({
        spans: modelCallToSpans({ call: read, rolloutId, attemptId, startTime, endTime, failure }),
      })
    } catch (error) {
      parts.logger.error('A model call could not be recorded', { rolloutId, attemptId, error: errorMessage(error) })
    }
  }

  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const timeUp = AbortSignal.timeout(parts.upstreamTimeoutMs)
  let upstream: globalThis.Response
  try {
    upstream = await forward(target, call, AbortSignal.any([gone.signal, timeUp]))
  } catch (error) {
    if (gone.signal.aborted) {
      await record(null, 'The agent went away before the answer came')
      return
    }
    const what = timeUp.aborted
      ? `gave no answer within ${parts.upstreamTimeoutMs} ms`
      : `could not be reached: ${rootMessage(error)}`
    const message = `The backend of model "${target.name}" at ${target.endpoint} ${what}`
    await record(null, message)
    response.status(502).json(errorBody(message, 'upstream_error', 'upstream_failed'))
    return
  }
  response.status(upstream.status)
  for (const name of ['content-type', 'retry-after', 'x-request-id']) {
    const value = upstream.headers.get(name)
    if (value !== null) response.setHeader(name, value)
  }
  const isStream = upstream.headers.get('content-type')?.startsWith('text/event-stream') === true
  await (isStream ? passStream(upstream, response, record) : passBody(upstream, response, record))
}

async function forward(target: ProxiedModel, call: ChatRequest, signal: AbortSignal): Promise<globalThis.Response> {
  const body = {
    ...call,
    model: target.model ?? target.name,
    ...(target.tokenIds === true ? { return_token_ids: true, logprobs: true } : {}),
  }
  return await fetch(`${target.endpoint.replace(/\/$/, '')}/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(target.apiKey == null ? {} : { authorization: `Bearer ${target.apiKey}` }),
    },
    body: JSON.stringify(body),
    signal,
  })
}

type RecordCall = (answer: unknown, failure: string | null) => Promise<void>

async function passBody(upstream: globalThis.Response, response: Response, record: RecordCall): Promise<void> {
  let bytes: Buffer
  try {
    bytes = Buffer.from(await upstream.arrayBuffer())
  } catch (error) {
    await record(null, `The answer broke off: ${rootMessage(error)}`)
    response.destroy()
    return
  }
  const { answer, failure } = readAnswer({ status: upstream.status, text: new TextDecoder().decode(bytes) })
  await record(answer, failure)
  response.end(bytes)
}

/**
 * Every chunk goes on as it comes; only the end of the stream waits for the record. That is the end mark already: an agent may
 * settle its attempt on it without reading on.
 */
async function passStream(upstream: globalThis.Response, response: Response, record: RecordCall): Promise<void> {
  const assembler = createStreamAssembler('chat_completions')
  const decoder = new TextDecoder()
  let isRecorded = false
  const recordOnce = async (failure: string | null): Promise<void> => {
    if (isRecorded) return
    isRecorded = true
    await record(assembler.answer(), failure)
  }
  try {
    for await (const chunk of upstream.body ?? []) {
      const bytes = chunk as Uint8Array
      assembler.feed(decoder.decode(bytes, { stream: true }))
      if (assembler.isEnded()) await recordOnce(assembler.problem())
      if (!response.write(bytes)) await drained(response)
    }
  } catch (error) {
    await recordOnce(`The stream broke off: ${rootMessage(error)}`)
    response.destroy()
    return
  }
  await recordOnce(assembler.problem())
  response.end()
}

/** Resolves when a slow reader has caught up, or has gone. */
async function drained(response: Response): Promise<void> {
  const done = new AbortController()
  const { signal } = done
  await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]).finally(() => done.abort())
}
