/**
 * Makes the base model that the apps start from: `pnpm --filter @agl/shop-desk pretrain [--seed 1] [--steps 1000]`.
 * It imitates careless clerks, nothing more. About half a minute on one core; the file is checked in.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { createRandom } from '@agl/algorithms'
import { buildTokenizer, createEmbeddedModel, initialise, writeCheckpoint } from '@agl/embedded-model'
import { baseModelFile } from './base-model.ts'
import { playCarelessly } from './careless-clerk.ts'

const { values } = parseArgs({ options: { seed: { type: 'string', default: '1' }, steps: { type: 'string', default: '1000' } } })
const [seed, steps] = [Number(values.seed), Number(values.steps)]
const batchSize = 48
const peakLearningRate = 2e-3

const random = createRandom(seed)
const texts: string[] = []
for (let episode = 0; episode < 2000; episode += 1) {
  const { messages } = await playCarelessly(random)
  texts.push(...messages.map(({ content }) => content))
}
const checkpoint = initialise({ name: 'shop-desk', tokenizer: buildTokenizer(texts, { characters: '0123456789' }), seed })
const model = createEmbeddedModel({ checkpoint, version: 'random' })
await model.start()
const { parameters, vocabularySize } = await model.describe()
console.log(`shop-desk: ${parameters} parameters, ${vocabularySize} tokens`)

const started = performance.now()
for (let step = 1; step <= steps; step += 1) {
  const episodes = await Promise.all(Array.from({ length: batchSize }, () => playCarelessly(random)))
  const conversations = episodes
    .map(({ messages }) => model.encodeConversation(messages))
    .filter(({ tokens }) => tokens.length <= model.contextLength)
  const learnt = conversations.flatMap(({ weights }) => weights).filter((weight) => weight > 0).length
  const data = conversations.map(({ tokens, weights }) => ({ tokens, weights: weights.map((weight) => weight / learnt) }))
  const { loss } = await model.forwardBackward({ data, loss: 'cross_entropy' })
  await model.optimStep({ learningRate: learningRateAt(step) })
  if (step % 100 === 0)
    console.log(`step ${step}: loss ${loss.toFixed(3)}, ${((performance.now() - started) / 1000).toFixed(1)} s`)
}
await model.saveState({ version: 'base' })
const file = writeCheckpoint(await model.exportState({ version: 'base' }), 'BF16')
await writeFile(baseModelFile, file)
await model.close()
console.log(`${baseModelFile.pathname}: ${file.byteLength} bytes`)

/** Warm-up over 20 steps, then constant, then a linear fall to a tenth over the last 30 percent. */
function learningRateAt(step: number): number {
  const warmUp = Math.min(1, step / 20)
  const left = (steps - step) / (steps * 0.3)
  return peakLearningRate * warmUp * (left < 1 ? 0.1 + 0.9 * left : 1)
}
