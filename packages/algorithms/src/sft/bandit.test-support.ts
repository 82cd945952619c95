/**
 * Test support: the smallest world in which SFT can work. A task is a number below `arms`; the agent pulls one arm per
 * rollout and earns 1 when it is the task's own. The model is a table of logits, trained by gradient descent.
 */
import { type Agent, rollout } from '@agl/runner'
import { AglError, type LightningStore, type LlmProxy, modelCallAttributes, type TrainingBackend } from '@agl/types'
import { buildSpan } from '@agl/types/spans'
import { createRandom } from '../random.ts'

const arms = 4
type Table = number[][]

const newTable = (): Table => Array.from({ length: arms }, () => Array<number>(arms).fill(0))

function softmax(logits: readonly number[]): number[] {
  const exponentials = logits.map((logit) => Math.exp(logit))
  const total = exponentials.reduce((sum, value) => sum + value, 0)
  return exponentials.map((value) => value / total)
}

export interface Bandit {
  readonly backend: TrainingBackend
  readonly versions: Map<string, Table>
}

/** `direction` -1 plants a fault: every step makes the model worse at what it was shown. */
export function createBandit(direction: 1 | -1 = 1): Bandit {
  let table = newTable()
  let gradient = newTable()
  const versions = new Map<string, Table>()
  const backend: TrainingBackend = {
    describe: () =>
      Promise.resolve({
        name: 'bandit',
        contextLength: 2,
        vocabularySize: arms,
        parameters: arms ** 2,
        versions: [...versions.keys()],
      }),
    async forwardBackward({ data }) {
      let loss = 0
      for (const { tokens, weights } of data) {
        const [task, arm] = tokens as [number, number]
        const weight = weights![1]!
        const chances = softmax(table[task]!)
        loss -= weight * Math.log(chances[arm]!)
        chances.forEach((chance, index) => (gradient[task]![index]! += weight * (chance - (index === arm ? 1 : 0))))
      }
      return { loss, tokens: data.length, logprobs: data.map(() => []) }
    },
    async optimStep({ learningRate }) {
      table = table.map((row, task) => row.map((logit, arm) => logit - direction * learningRate * gradient[task]![arm]!))
      gradient = newTable()
      return { step: 1, gradientNorm: 1 }
    },
    async sample({ prompt, version, seed = 0 }) {
      const chances = softmax(versions.get(version!)![prompt[0]!]!)
      let left = createRandom(seed).next()
      const arm = chances.findIndex((chance) => (left -= chance) < 0)
      return { version: version!, samples: [{ tokens: [arm], logprobs: [0], text: String(arm), finishReason: 'stop' }] }
    },
    async saveState({ version }) {
      versions.set(version, table)
      return { version, model: version }
    },
    async loadState({ version }) {
      const saved = versions.get(version)
      if (saved === undefined) throw new AglError({ code: 'not_found', message: version })
      table = saved
    },
  }
  return { backend, versions }
}

/** Pulls an arm and records the call as the gateway would; with `withTokens` false, without what training needs. */
export function createPuller({ backend }: Bandit, store: LightningStore, withTokens = true): Agent<number> {
  return rollout<number>(async (task, { llm, rollout: { rollout_id: rolloutId, attempt }, seed }) => {
    const { samples } = await backend.sample({ prompt: [task], version: llm.model, maxTokens: 1, seed })
    const { tokens } = samples[0]!
    const ids = { [modelCallAttributes.promptTokenIds]: [task], [modelCallAttributes.responseTokenIds]: [...tokens] }
    const attributes = { 'gen_ai.completion.0.role': 'assistant', ...(withTokens ? ids : {}) }
    const now = Date.now() / 1000
    const span = buildSpan({
      rolloutId,
      attemptId: attempt.attempt_id,
      name: 'openai.chat.completion',
      attributes,
      startTime: now,
      endTime: now,
    })
    await store.addSpan(span)
    return tokens[0] === task ? 1 : 0
  })
}

/** A gateway that routes nothing: the puller asks the backend itself. */
export function createNamingProxy(): LlmProxy {
  return {
    start: () => Promise.resolve({ url: 'http://127.0.0.1:1/v1' }),
    listModels: () => Promise.resolve([]),
    putModels: () => Promise.resolve(),
    removeModels: () => Promise.resolve(),
    asResource: ({ model = '', samplingParameters = {} } = {}) =>
      Promise.resolve({
        resource_type: 'proxy_llm',
        endpoint: 'http://127.0.0.1:1/v1',
        model,
        api_key: null,
        sampling_parameters: samplingParameters,
      }),
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
