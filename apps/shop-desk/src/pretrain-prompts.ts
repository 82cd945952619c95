/**
 * Makes the model that reads prompts: `pnpm --filter @agl/shop-desk pretrain:prompts [--seed 1] [--steps 10000]`.
 * It learns three roles from lessons that `english/teach.ts` draws. About half an hour on one core; the file is checked in.
 */
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { createRandom } from '@agl/algorithms'
import { buildTokenizer, type Checkpoint, createEmbeddedModel, initialise, writeCheckpoint } from '@agl/embedded-model'
import { drawLesson, type Lesson, type Role } from './english/teach.ts'
import { promptModelFile } from './prompt-model.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '10000' },
    width: { type: 'string', default: '96' },
    layers: { type: 'string', default: '4' },
    out: { type: 'string' },
  },
})
const [seed, steps] = [Number(values.seed), Number(values.steps)]
const file = values.out === undefined ? promptModelFile : pathToFileURL(values.out)
const lessonsPerStep = 14
const peakLearningRate = 2e-3
const snapshotEvery = 100
const snapshotsKept = 10
/** How much of the gradient is each role's, however many tokens it writes. */
const shares: Readonly<Record<Role, number>> = { clerk: 0.45, reader: 0.15, critic: 0.15, editor: 0.25 }

const random = createRandom(seed)
const texts: string[] = []
for (let lesson = 0; lesson < 20_000; lesson += 1)
  texts.push(...(await drawLesson(random)).messages.map(({ content }) => content))
const tokenizer = buildTokenizer(texts, { characters: '0123456789', minimumCount: 2, maximumSize: 640 })
const size = { width: Number(values.width), layers: Number(values.layers), heads: 4, contextLength: 288 }
const model = createEmbeddedModel({
  checkpoint: initialise({ name: 'shop-desk-prompts', tokenizer, seed, ...size }),
  version: 'random',
})
await model.start()
const { parameters, vocabularySize } = await model.describe()
console.log(`shop-desk-prompts: ${parameters} parameters, ${vocabularySize} tokens`)

const snapshots: Checkpoint[] = []
const started = performance.now()
const losses = { clerk: [0, 0], reader: [0, 0], critic: [0, 0], editor: [0, 0] } satisfies Record<Role, [number, number]>
for (let step = 1; step <= steps; step += 1) {
  const lessons = await Promise.all(Array.from({ length: lessonsPerStep }, () => drawLesson(random)))
  await learn(lessons)
  await model.optimStep({ learningRate: learningRateAt(step), weightDecay: 0.01 })
  if (step % 100 === 0) report(step)
  if (step % snapshotEvery === 0) await snapshot(step)
  if (step % 500 === 0 || step === steps) await save()
}
await model.close()

async function learn(lessons: readonly Lesson[]): Promise<void> {
  const encoded = lessons
    .map(({ role, messages }) => ({ role, ...model.encodeConversation(messages) }))
    .filter(({ tokens }) => tokens.length <= model.contextLength)
  const counts: Record<Role, number> = { clerk: 0, reader: 0, critic: 0, editor: 0 }
  for (const { role, weights } of encoded) counts[role] += weights.filter((weight) => weight > 0).length
  const data = encoded.map(({ role, tokens, weights }) => ({
    tokens,
    weights: weights.map((weight) => (weight * shares[role]) / counts[role]),
  }))
  const { logprobs } = await model.forwardBackward({ data, loss: 'cross_entropy' })
  encoded.forEach(({ role, weights }, index) => {
    weights.forEach((weight, position) => {
      if (weight === 0) return
      losses[role][0]! -= logprobs[index]![position]!
      losses[role][1]! += 1
    })
  })
}

function report(step: number): void {
  const means = Object.entries(losses).map(([role, [sum, count]]) => `${role} ${(sum! / count!).toFixed(3)}`)
  for (const loss of Object.values(losses)) loss.fill(0)
  console.log(`step ${step}: ${means.join(', ')}; ${((performance.now() - started) / 1000).toFixed(0)} s`)
}

async function snapshot(step: number): Promise<void> {
  const version = `step-${step}`
  await model.saveState({ version })
  snapshots.push(await model.exportState({ version }))
  await model.deleteState({ version })
  if (snapshots.length > snapshotsKept) snapshots.shift()
}

/** Writes the mean of the latest snapshots; on the way too, so that a run that is broken off leaves something behind. */
async function save(): Promise<void> {
  const [first] = snapshots
  if (first === undefined) return
  const weights = first.weights.map((_, index) => snapshots.reduce((sum, one) => sum + one.weights[index]!, 0) / snapshots.length)
  const bytes = writeCheckpoint({ ...first, weights }, 'BF16')
  await writeFile(file, bytes)
  console.log(`${file.pathname}: ${bytes.byteLength} bytes, sha256 ${createHash('sha256').update(bytes).digest('hex')}`)
}

/**
 * Warm-up over 200 steps, constant to step 2,000, then falling with the square root of the step. It does not depend on where the
 * run ends: the mean of the last snapshots does what a decay to nothing would do.
 */
function learningRateAt(step: number): number {
  return peakLearningRate * Math.min(1, step / 200, Math.sqrt(2000 / step))
}
