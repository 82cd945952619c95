/**
 * Training and sampling through the public API, on sequences as short as those of the shop desk (8 to 48 tokens, mean 28).
 * `pnpm run bench [width] [layers] [context]`
 */
import { buildTokenizer, createEmbeddedModel, createRandom, initialise } from '@agl/embedded-model'

const [width = 64, layers = 2, contextLength = 128] = process.argv.slice(2).map(Number)
const random = createRandom(1)
const letters = Array.from({ length: 122 }, (_, i) => String.fromCodePoint(0x4e00 + i))
const write = (length: number): string => Array.from({ length }, () => letters[Math.floor(random() * letters.length)]).join('')
const tokenizer = buildTokenizer([letters.join('')])
const checkpoint = initialise({ name: 'bench', tokenizer, seed: 1, width, layers, contextLength })

const report = (line: string): void => void process.stdout.write(`${line}\n`)
const seconds = async (run: () => Promise<void>): Promise<number> => {
  const start = performance.now()
  await run()
  return (performance.now() - start) / 1000
}

const model = createEmbeddedModel({ checkpoint })
report(`start: ${((await seconds(() => model.start())) * 1000).toFixed(0)} ms, ${checkpoint.weights.length} parameters`)

const batches = Array.from({ length: 20 }, () =>
  Array.from({ length: 48 }, () =>
    model.encodeConversation([
      { role: 'user', content: write(Math.floor(random() * 20)) },
      { role: 'assistant', content: write(4 + Math.floor(random() * 20)) },
    ]),
  ),
)
const train = async (steps: number): Promise<void> => {
  for (let step = 0; step < steps; step++) {
    await model.forwardBackward({ loss: 'cross_entropy', data: batches[step % batches.length]! })
    await model.optimStep({ learningRate: 1e-3 })
  }
}
await train(20)
report(`training: ${(100 / (await seconds(() => train(100)))).toFixed(1)} steps/s, 48 conversations each`)

for (const callers of [1, 8, 32, 128]) {
  const prompts = Array.from({ length: callers }, () =>
    model.encodeChat([{ role: 'user', content: write(Math.floor(random() * 26)) }]),
  )
  let tokens = 0
  const sample = async (rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      const results = await Promise.all(prompts.map((prompt, seed) => model.sample({ prompt, maxTokens: 14, seed })))
      tokens += results.reduce((sum, { samples }) => sum + samples[0]!.tokens.length, 0)
    }
  }
  await sample(5)
  tokens = 0
  const elapsed = await seconds(() => sample(Math.ceil(2000 / callers)))
  report(`sampling: ${Math.round(tokens / elapsed)} tokens/s, ${callers} callers`)
}
await model.close()
