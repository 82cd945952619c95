import { type AnswerContext, type Api, createdAt, type StreamEvent } from './api.ts'
import { decodeTokens, encodeText, type JsonRecord, piecesOf, recordOf, recordsOf, textOf, type Turn } from './model.ts'

/** OpenAI's Chat Completions, with the token ids that vLLM adds on `return_token_ids`. */
export const chatCompletions: Api = {
  turns: (body) => recordsOf(body['messages']).map(toTurn),
  toolNames: (body) => recordsOf(body['tools']).map((tool) => String(recordOf(tool['function'])['name'])),
  write({ body, answer, number }) {
    const withIds = body['return_token_ids'] === true
    const toolCalls = toolCallsOf({ answer, number })
    return {
      ...head(body, number, 'chat.completion'),
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: toolCalls === null ? answer.text : null, refusal: null, ...toolCalls },
          logprobs: logprobsOf(body, answer.answerTokens),
          finish_reason: toolCalls === null ? 'stop' : 'tool_calls',
          ...(withIds ? { token_ids: answer.answerTokens } : {}),
        },
      ],
      usage: usageOf({ answer }),
      ...(withIds ? { prompt_token_ids: answer.promptTokens } : {}),
    }
  },
  stream({ body, answer, number }) {
    const withIds = body['return_token_ids'] === true
    const chunk = (fields: JsonRecord): StreamEvent => ({
      event: null,
      data: { ...head(body, number, 'chat.completion.chunk'), ...fields },
    })
    const part = (delta: JsonRecord, tokens: readonly number[], finishReason: string | null = null): StreamEvent =>
      chunk({
        choices: [
          {
            index: 0,
            delta,
            logprobs: tokens.length === 0 ? null : logprobsOf(body, tokens),
            finish_reason: finishReason,
            ...(withIds && tokens.length > 0 ? { token_ids: tokens } : {}),
          },
        ],
      })
    const first = withIds ? { prompt_token_ids: answer.promptTokens } : {}
    const events = [chunk({ choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }], ...first })]
    const call = toolCallsOf({ answer, number })?.tool_calls[0]
    if (call === undefined) {
      for (const piece of piecesOf(answer.text)) events.push(part({ content: piece }, encodeText(piece)))
      events.push(part({}, answer.answerTokens.slice(-1), 'stop'))
    } else {
      const started = { ...call, function: { ...call.function, arguments: '' } }
      // All ids with the first piece: which of them spell the arguments is nothing a backend says.
      events.push(part({ tool_calls: [{ index: 0, ...started }] }, answer.answerTokens))
      for (const piece of piecesOf(call.function.arguments)) {
        events.push(part({ tool_calls: [{ index: 0, function: { arguments: piece } }] }, []))
      }
      events.push(part({}, [], 'tool_calls'))
    }
    if (recordOf(body['stream_options'])['include_usage'] === true)
      events.push(chunk({ choices: [], usage: usageOf({ answer }) }))
    return [...events, { event: null, data: '[DONE]' }]
  },
}

function toTurn(message: JsonRecord): Turn {
  const { role } = message
  const text = textOf(message['content'])
  if (role === 'assistant') {
    const toolCalls = recordsOf(message['tool_calls']).map(({ function: called }) => ({
      name: String(recordOf(called)['name']),
      arguments: String(recordOf(called)['arguments']),
    }))
    return { role, text, toolCalls }
  }
  return role === 'user' || role === 'tool' ? { role, text } : { role: 'system', text }
}

function head(body: JsonRecord, number: number, object: string): JsonRecord {
  return { id: `chatcmpl-${number}`, object, created: createdAt, model: body['model'] }
}

function toolCallsOf({ answer, number }: Omit<AnswerContext, 'body'>) {
  if (answer.toolCall === null) return null
  return { tool_calls: [{ id: `call_${number}`, type: 'function', function: answer.toolCall }] }
}

function usageOf({ answer: { promptTokens, answerTokens } }: Pick<AnswerContext, 'answer'>): JsonRecord {
  const [prompt, completion] = [promptTokens.length, answerTokens.length]
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion }
}

/** Made up, the same each time: what counts is that there is one for each token. */
function logprobsOf(body: JsonRecord, tokens: readonly number[]): JsonRecord | null {
  if (body['logprobs'] !== true) return null
  const content = tokens.map((token) => ({
    token: decodeTokens([token]),
    logprob: -(token % 7) / 10,
    bytes: null,
    top_logprobs: [],
  }))
  return { content, refusal: null }
}
