import { AglError, errorMessage, type JsonValue, type RunState } from '@agl/types'
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
}

/** @param concurrency calls at the same time */
export function createPaidChat(
  { state, signal }: { readonly state: RunState; readonly signal: AbortSignal },
  { budget, prices, concurrency }: { readonly budget: Budget; readonly prices: Prices | null; readonly concurrency: number },
): PaidChat {
  const slots = createSlots(concurrency)
  return {
    async ask(model, name, { text, temperature, seed }) {
      const key = `chat/${model.name}/${name}/${hashJson(text).slice(0, 16)}`
      const kept = (await state.load(key)) as { readonly text: string; readonly usage: ChatReply['usage'] } | undefined
      const reply = kept ?? (await slots(async () => ask(model, text, temperature, seed)))
      if (kept === undefined) await state.save(key, { text: reply.text, usage: reply.usage } as JsonValue)
      const { promptTokens, completionTokens } = reply.usage ?? { promptTokens: 0, completionTokens: 0 }
      const usage = { model: model.name, inputTokens: promptTokens, outputTokens: completionTokens }
      budget.add({
        modelCalls: 1,
        tokens: promptTokens + completionTokens,
        usd: prices === null ? 0 : priceOf(usage, prices),
      })
      return reply.text
    },
  }

  async function ask(model: ChatModel, text: string, temperature: number, seed: number): Promise<ChatReply> {
    signal.throwIfAborted()
    budget.require({ modelCalls: 1 }, `a call of the model "${model.name}"`)
    try {
      return await model.chat({ messages: [{ role: 'user', content: text }], temperature, seed, signal })
    } catch (cause) {
      signal.throwIfAborted()
      throw new AglError({
        code: 'optimizer_failed',
        message: `The model "${model.name}" did not answer: ${errorMessage(cause)}`,
        cause,
      })
    }
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
