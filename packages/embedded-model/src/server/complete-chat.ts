import { AglError } from '@agl/types'
import type { Response } from 'express'
import type { EmbeddedModel } from '../model.ts'
import type { SampledToken } from '../transformer/sampler.ts'
import { type CompletionRequest, parseCompletionRequest } from './completion-request.ts'
import { completionBody, type CompletionHead, firstChunk, lastChunk, tokenChunk, usageChunk } from './completion-response.ts'
import { refusal } from './errors.ts'

export interface CompletionContext {
  readonly model: EmbeddedModel
  readonly now: () => number
  readonly createId: () => string
}

/** Serves one `POST /v1/chat/completions`. What it throws, the server turns into an answer. */
export async function completeChat(context: CompletionContext, body: unknown, response: Response): Promise<void> {
  const parsed = parseCompletionRequest(body)
  if ('problem' in parsed) {
    const { status, body: refused } = refusal(parsed.problem)
    response.status(status).json(refused)
    return
  }
  const { request } = parsed
  const { model } = context
  const version = versionOf(model, request.model)
  const prompt = model.encodeChat(request.messages)
  const head: CompletionHead = {
    id: `chatcmpl-${context.createId()}`,
    created: Math.floor(context.now() / 1000),
    model: request.model,
  }

  // A client that hangs up needs no answer.
  const hangUp = new AbortController()
  response.on('close', () => hangUp.abort())
  const write = (event: object): void => {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    response.write(`data: ${JSON.stringify(event)}\n\n`)
  }

  const begun = new Set<number>()
  const onToken = (sampled: SampledToken, index: number): void => {
    if (!begun.has(index)) write(firstChunk(head, request, index, prompt))
    begun.add(index)
    write(tokenChunk(head, request, model.tokenizer, index, sampled))
  }

  try {
    const { samples } = await model.sample(sampleRequest(request, prompt, version, model.contextLength), {
      signal: hangUp.signal,
      ...(request.wantsStream && { onToken }),
    })
    if (!request.wantsStream) {
      response.json(completionBody(head, request, model.tokenizer, prompt, samples))
      return
    }
    for (const [index, { finishReason }] of samples.entries()) write(lastChunk(head, index, finishReason))
    if (request.wantsStreamUsage) write(usageChunk(head, prompt, samples))
    response.end('data: [DONE]\n\n')
  } catch (error) {
    if (!response.closed) throw error
  }
}

function sampleRequest(
  request: CompletionRequest,
  prompt: readonly number[],
  version: string | undefined,
  contextLength: number,
): Parameters<EmbeddedModel['sample']>[0] {
  return {
    prompt,
    count: request.choices,
    maxTokens: request.maxTokens ?? contextLength,
    temperature: request.temperature,
    stop: request.stop,
    ...(version !== undefined && { version }),
    ...(request.seed !== undefined && { seed: request.seed }),
  }
}

/** `name` is the version saved last, `name@version` that one. */
function versionOf(model: EmbeddedModel, requested: string): string | undefined {
  if (requested === model.name) return undefined
  const prefix = `${model.name}@`
  const version = requested.startsWith(prefix) ? requested.slice(prefix.length) : undefined
  if (version !== undefined && model.versions.includes(version)) return version
  throw new AglError({
    code: 'not_found',
    message: `There is no model ${requested}; there are ${[model.name, ...model.versions.map((one) => prefix + one)].join(', ')}.`,
  })
}
