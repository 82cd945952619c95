import { expect, it } from 'vitest'
import { initialise } from './checkpoint.ts'
import { createEmbeddedModel, type EmbeddedModel } from './model.ts'
import { createRandom } from './random.ts'
import { buildTokenizer } from './tokenizer.ts'

const letters = 'abcdefgh'
const tokenizer = buildTokenizer([letters])
const checkpoint = initialise({ name: 'tiny', tokenizer, seed: 1, width: 32, heads: 2, contextLength: 16 })

/** Asked for three letters, answer the second: 512 questions, of which training sees some. */
interface Question {
  readonly content: string
  readonly answer: string
}

function ask(random: () => number): Question {
  const content = Array.from({ length: 3 }, () => letters[Math.floor(random() * letters.length)]!).join('')
  return { content, answer: content[1]! }
}

const questions = (seed: number, count: number): Question[] => {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => ask(random))
}

const promptOf = (model: EmbeddedModel, { content }: Question): number[] => model.encodeChat([{ role: 'user', content }])

async function accuracy(model: EmbeddedModel): Promise<number> {
  const held = questions(99, 200)
  const answers = await Promise.all(
    held.map((question) => model.sample({ prompt: promptOf(model, question), maxTokens: 2, temperature: 0 })),
  )
  return answers.filter(({ samples }, i) => samples[0]!.text === held[i]!.answer).length / held.length
}

/** Learns to answer as `answerOf` does. */
async function imitate(model: EmbeddedModel, answerOf: (question: Question) => string): Promise<void> {
  for (let step = 0; step < 120; step++) {
    const data = questions(step, 32).map((question) => {
      const { tokens, weights } = model.encodeConversation([
        { role: 'user', content: question.content },
        { role: 'assistant', content: answerOf(question) },
      ])
      return { tokens, weights: weights.map((weight) => weight / 64) }
    })
    await model.forwardBackward({ loss: 'cross_entropy', data })
    await model.optimStep({ learningRate: 5e-3 })
  }
}

/** Policy gradient from reward alone, baseline one half; two updates on each batch, the second off-policy. */
async function reinforce(model: EmbeddedModel, reward: (text: string, answer: string) => number): Promise<void> {
  for (let step = 0; step < 100; step++) {
    const asked = questions(step, 64)
    const version = `step-${step}`
    await model.saveState({ version })
    const data = await Promise.all(
      asked.map(async (question, seed) => {
        const prompt = promptOf(model, question)
        const { tokens, logprobs, text } = (await model.sample({ prompt, maxTokens: 2, seed: 1000 * step + seed })).samples[0]!
        const advantage = (reward(text, question.answer) - 0.5) / 64
        const zeros = prompt.map(() => 0)
        return {
          tokens: [...prompt, ...tokens],
          advantages: [...zeros, ...tokens.map(() => advantage)],
          logprobs: [...zeros, ...logprobs],
        }
      }),
    )
    for (let update = 0; update < 2; update++) {
      await model.forwardBackward({ loss: 'ppo', data })
      await model.optimStep({ learningRate: 3e-3 })
    }
    await model.deleteState({ version })
  }
}

async function learn(train: (model: EmbeddedModel) => Promise<void>): Promise<number> {
  await using model = createEmbeddedModel({ checkpoint })
  await model.start()
  await train(model)
  await model.saveState({ version: 'trained' })
  // Awaited here, or the model is closed under it.
  return await accuracy(model)
}

it('learns a rule from examples and applies it to questions it never saw', async () => {
  expect(await learn((model) => imitate(model, ({ answer }) => answer))).toBeGreaterThan(0.95)
})

it('learns nothing from answers that belong to other questions', async () => {
  const random = createRandom(5)
  expect(await learn((model) => imitate(model, () => ask(random).answer))).toBeLessThan(0.3)
})

it('learns from reward, and does not from reward by chance', async () => {
  const learnFromReward = (reward: (text: string, answer: string) => number): Promise<number> =>
    learn(async (model) => {
      const random = createRandom(8)
      // Right a third of the time, so that reward has something to choose from.
      await imitate(model, ({ content }) => content[Math.floor(random() * 3)]!)
      await reinforce(model, reward)
    })
  const random = createRandom(6)
  expect(await learnFromReward((text, answer) => (text === answer ? 1 : 0))).toBeGreaterThan(0.9)
  expect(await learnFromReward(() => (random() < 0.3 ? 1 : 0))).toBeLessThan(0.5)
})
