import { AglError, errorMessage, type JsonValue, type RunState, type Spend } from '@agl/types'
import type { ChatModel, ChatReply } from '../models/chat-model.ts'
import type { Budget } from './budget.ts'
import { hashJson } from './hash.ts'
import { priceOf, type Prices } from './prices.ts'

export interface PaidChat {
  /**
   * An answer of a model to one question, paid for once: asked again under the same name it is what was answered before.
   * @param name of the decision that it is for
   * @throws AglError `optimizer_failed` when the model fails, `budget_exhausted` when it may not be asked
   */
  ask(
    model: ChatModel,
    name: string,
    question: { readonly text: string; readonly temperature: number; readonly seed: number },
  ): Promise<string>
  /** What so many calls take if they cost what those before have cost on average. */
  expectedOf(calls: number): Partial<Spend>
}

/** @param concurrency calls at the same time */
export function createPaidChat(
  { state, signal }: { readonly state: RunState; readonly signal: AbortSignal },
  { budget, prices, concurrency }: { readonly budget: Budget; readonly prices: Prices | null; readonly concurrency: number },
): PaidChat {
  const slots = createSlots(concurrency)
  let known = { modelCalls: 0, tokens: 0, usd: 0 }
  return {
    async ask(model, name, { text, temperature, seed }) {
      const key = `chat/${model.name}/${name}/${hashJson(text).slice(0, 16)}`
      const kept = (await state.load(key)) as { readonly text: string; readonly usage: ChatReply['usage'] } | undefined
      if (kept !== undefined) {
        pay(model, kept.usage)
        return kept.text
      }
      const reply = await slots(async () => ask(model, text, temperature, seed))
      await state.save(key, { text: reply.text, usage: reply.usage } as JsonValue)
      return reply.text
    },
    expectedOf(calls) {
      const each = calls / Math.max(1, known.modelCalls)
      return { modelCalls: calls, tokens: known.tokens * each, usd: known.usd * each }
    },
  }

  async function ask(model: ChatModel, text: string, temperature: number, seed: number): Promise<ChatReply> {
    signal.throwIfAborted()
    const expected = expect(model, text)
    budget.require(expected, `a call of the model "${model.name}"`)
    const release = budget.hold(expected)
    try {
      const reply = await model.chat({ messages: [{ role: 'user', content: text }], temperature, seed, signal })
      pay(model, reply.usage)
      return reply
    } catch (cause) {
      signal.throwIfAborted()
      throw new AglError({
        code: 'optimizer_failed',
        message: `The model "${model.name}" did not answer: ${errorMessage(cause)}`,
        cause,
      })
    } finally {
      release()
    }
  }

  /** What those before have cost on average; of the first, the text that it is asked, at four characters a token. */
  function expect(model: ChatModel, text: string): Spend {
    const [calls, promptTokens] = [known.modelCalls, Math.ceil(text.length / 4)]
    const first = spendOf(model, { promptTokens, completionTokens: 0 })
    return { ...first, ...(calls === 0 ? {} : { tokens: known.tokens / calls, usd: known.usd / calls }) }
  }

  function pay(model: ChatModel, usage: ChatReply['usage']): void {
    const spend = spendOf(model, usage)
    const { modelCalls, tokens, usd } = spend
    known = { modelCalls: known.modelCalls + modelCalls, tokens: known.tokens + tokens, usd: known.usd + usd }
    budget.add(spend)
  }

  /** @throws AglError `invalid_argument` for a model without a price: before it is asked */
  function spendOf({ name: model }: ChatModel, usage: ChatReply['usage']): Spend {
    const { promptTokens, completionTokens } = usage ?? { promptTokens: 0, completionTokens: 0 }
    const usd = prices === null ? 0 : priceOf({ model, inputTokens: promptTokens, outputTokens: completionTokens }, prices)
    return { rollouts: 0, modelCalls: 1, tokens: promptTokens + completionTokens, usd, minutes: 0 }
  }
}

/** Runs at most so many pieces of work at a time, in the order they come. */
function createSlots(count: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = []
  let free = count
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    else free -= 1
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    }
  }
}
