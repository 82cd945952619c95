import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { AglError, type SampleRequest } from '@agl/types'
import { afterEach, describe, expect, it } from 'vitest'
import { type Checkpoint, initialise, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { createEmbeddedModel, type EmbeddedModel, type EmbeddedModelOptions } from './model.ts'
import { buildTokenizer } from './tokenizer.ts'

const tokenizer = buildTokenizer(['abcdefghijklmnopqrstuvwxyz'])
const checkpoint = initialise({ name: 'tiny', tokenizer, seed: 1, width: 16, heads: 2, contextLength: 32 })
const open: EmbeddedModel[] = []

async function startModel(options: Partial<EmbeddedModelOptions> = {}): Promise<EmbeddedModel> {
  const model = createEmbeddedModel({ checkpoint, ...options })
  open.push(model)
  await model.start()
  return model
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((model) => model.close()))
})

const conversation = [
  { role: 'user', content: 'ab' },
  { role: 'assistant', content: 'cd' },
] as const
const prompt = encode(conversation.slice(0, 1))
const request: SampleRequest = { prompt, maxTokens: 8, seed: 1 }

function encode(messages: Parameters<EmbeddedModel['encodeChat']>[0]): number[] {
  return createEmbeddedModel({ checkpoint }).encodeChat(messages)
}

async function trainSteps(model: EmbeddedModel, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    await model.forwardBackward({ loss: 'cross_entropy', data: [model.encodeConversation(conversation)] })
    await model.optimStep({ learningRate: 0.01 })
  }
}

describe('versions', () => {
  it('keep their weights while training goes on, and each can be sampled', async () => {
    const model = await startModel()
    const before = await model.sample(request)
    await trainSteps(model, 30)
    expect(await model.sample(request)).toEqual(before)
    expect(await model.saveState({ version: 'v1' })).toEqual({ version: 'v1', model: 'tiny@v1' })
    const greedy = { prompt, maxTokens: 8, temperature: 0 }
    expect(await model.sample(greedy)).toMatchObject({ version: 'v1', samples: [{ text: 'cd', finishReason: 'stop' }] })
    const both = await Promise.all([
      model.sample({ ...request, version: 'base' }),
      model.sample(greedy),
      model.sample({ ...request, version: 'base' }),
    ])
    expect(both.map(({ version }) => version)).toEqual(['base', 'v1', 'base'])
    expect([both[0], both[2]]).toEqual([before, before])
    expect(await model.describe()).toMatchObject({ name: 'tiny', contextLength: 32, versions: ['base', 'v1'] })
  })

  it('are loaded bit by bit, without moments and gradients', async () => {
    const model = await startModel()
    await trainSteps(model, 3)
    await model.forwardBackward({ loss: 'cross_entropy', data: [model.encodeConversation(conversation)] })
    await model.loadState({ version: 'base' })
    expect(await model.optimStep({ learningRate: 0.01 })).toEqual({ step: 1, gradientNorm: 0 })
    await model.saveState({ version: 'again' })
    expect((await model.exportState({ version: 'again' })).weights).toEqual(checkpoint.weights)
  })

  it('never change, can be deleted but for the last, and a name may come back', async () => {
    const model = await startModel()
    await expect(model.saveState({ version: 'base' })).rejects.toMatchObject({ code: 'conflict' })
    await expect(model.deleteState({ version: 'base' })).rejects.toMatchObject({ code: 'conflict' })
    await model.saveState({ version: 'v1' })
    const base = await model.sample({ ...request, version: 'v1' })
    await model.deleteState({ version: 'v1' })
    await expect(model.sample({ ...request, version: 'v1' })).rejects.toMatchObject({ code: 'not_found' })
    await trainSteps(model, 30)
    await model.saveState({ version: 'v1' })
    expect(await model.sample({ ...request, version: 'v1' })).not.toEqual(base)
  })

  it('survive a file and another model', async () => {
    const model = await startModel()
    await trainSteps(model, 3)
    await model.saveState({ version: 'v1' })
    const file = writeCheckpoint(await model.exportState({ version: 'v1' }))
    const copy = await startModel({ checkpoint: readCheckpoint(file), version: 'v1' })
    expect(await copy.sample(request)).toEqual(await model.sample(request))
  })
})

describe('training', () => {
  it('repeats bit by bit for a seed, and sampling in between changes nothing', async () => {
    const run = async (from: Checkpoint, isSampled: boolean): Promise<Float32Array> => {
      const model = await startModel({ checkpoint: from })
      const sampling = isSampled ? Array.from({ length: 20 }, () => model.sample(request)) : []
      await trainSteps(model, 10)
      await Promise.all(sampling)
      await model.saveState({ version: 'end' })
      return (await model.exportState({ version: 'end' })).weights
    }
    const weights = await run(checkpoint, false)
    expect(await run(checkpoint, true)).toEqual(weights)
    const other = initialise({ name: 'tiny', tokenizer, seed: 2, width: 16, heads: 2, contextLength: 32 })
    expect(await run(other, false)).not.toEqual(weights)
  })

  it('counts tokens, sums losses and accumulates until the step', async () => {
    const model = await startModel()
    const datum = model.encodeConversation(conversation)
    const once = await model.forwardBackward({ loss: 'cross_entropy', data: [datum] })
    expect(once.tokens).toBe(3)
    expect(once.logprobs[0]).toHaveLength(datum.tokens.length)
    expect(once.logprobs[0]![0]).toBe(0)
    expect(once.loss).toBeCloseTo(-datum.weights.reduce((sum, weight, i) => sum + weight * once.logprobs[0]![i]!, 0), 9)
    const norm = async (): Promise<number> => (await model.optimStep({ learningRate: 0 })).gradientNorm
    const single = await norm()
    await model.forwardBackward({ loss: 'cross_entropy', data: [datum] })
    await model.forwardBackward({ loss: 'cross_entropy', data: [datum, datum] })
    expect(await norm()).toBeCloseTo(3 * single, 4)
    expect(await norm()).toBe(0)
  })

  it('refuses bad data by the index of the datum and leaves the gradients alone', async () => {
    const model = await startModel()
    const good = model.encodeConversation(conversation)
    const tokens = [1, 2, 3]
    const cases: [object, RegExp][] = [
      [{ tokens: Array.from({ length: 33 }, () => 1), weights: [] }, /Datum 1: expected 2 to 32 tokens, got 33/],
      [{ tokens: [1, 999], weights: [0, 1] }, /Datum 1: tokens\[1\]: expected a token id from 0 to \d+, got 999/],
      [{ tokens, weights: [0, 1] }, /Datum 1: expected 3 weights, one per token, got 2/],
      [{ tokens, weights: [0, NaN, 1] }, /Datum 1: expected weights\[1\] to be a finite number, got NaN/],
      [{ tokens }, /Datum 1: the loss cross_entropy needs weights/],
      [{ tokens, weights: [0, 1, 1], advantages: [0, 1, 1] }, /Datum 1: advantages mean nothing to the loss cross_entropy/],
    ]
    for (const [datum, message] of cases) {
      const refused = model.forwardBackward({ loss: 'cross_entropy', data: [good, datum as typeof good] })
      await expect(refused).rejects.toThrow(message)
      await expect(refused).rejects.toMatchObject({ code: 'invalid_argument', data: { datum: 1 } })
    }
    expect((await model.optimStep({ learningRate: 0 })).gradientNorm).toBe(0)
    await expect(model.forwardBackward({ loss: 'cross_entropy', data: [good], clipLow: 0.1 })).rejects.toThrow(
      /belong to the loss ppo/,
    )
    await expect(model.optimStep({ learningRate: 1, momentum: 0.9 } as never)).rejects.toThrow(/momentum/)
  })

  it('drops a gradient that is not finite and keeps the weights', async () => {
    const model = await startModel()
    const tokens = [1, 2, 3]
    const data = [{ tokens, advantages: [0, 1e38, 1e38], logprobs: [0, -80, -80] }]
    await model.forwardBackward({ loss: 'importance_sampling', data })
    await expect(model.optimStep({ learningRate: 1 })).rejects.toMatchObject({ code: 'training_failed' })
    await model.saveState({ version: 'same' })
    expect((await model.exportState({ version: 'same' })).weights).toEqual(checkpoint.weights)
  })

  it('leaves the event loop free', async () => {
    const model = await startModel()
    const data = Array.from({ length: 2000 }, () => model.encodeConversation(conversation))
    let ticks = 0
    const timer = setInterval(() => (ticks += 1), 1)
    const started = performance.now()
    await Promise.all(Array.from({ length: 5 }, () => model.forwardBackward({ loss: 'cross_entropy', data })))
    clearInterval(timer)
    expect(ticks).toBeGreaterThan((performance.now() - started) / 20)
  })
})

describe('sampling', () => {
  it('is batched across callers without changing anybody’s result', async () => {
    const model = await startModel({ batchSize: 8 })
    const requests = Array.from({ length: 40 }, (_, seed) => ({
      prompt: prompt.slice(0, 1 + (seed % prompt.length)),
      maxTokens: 6,
      seed,
    }))
    const alone = []
    for (const one of requests) alone.push(await model.sample(one))
    expect(await Promise.all(requests.map((one) => model.sample(one)))).toEqual(alone)
  })

  it('several of one prompt differ, repeat for a seed, and the first is what one alone would be', async () => {
    const model = await startModel()
    const one = { prompt, maxTokens: 8, seed: 11 }
    const { samples } = await model.sample({ ...one, count: 6 })
    expect(samples).toHaveLength(6)
    expect(new Set(samples.map(({ tokens }) => tokens.join())).size).toBeGreaterThan(1)
    expect(await model.sample({ ...one, count: 6 })).toMatchObject({ samples })
    expect((await model.sample(one)).samples).toEqual([samples[0]])
  })

  it('has the log-probabilities that training reports', async () => {
    const model = await startModel()
    const { tokens, logprobs } = (await model.sample(request)).samples[0]!
    const all = [...prompt, ...tokens]
    const result = await model.forwardBackward({ loss: 'cross_entropy', data: [{ tokens: all, weights: all.map(() => 0) }] })
    expect(result.logprobs[0]!.slice(prompt.length)).toEqual(logprobs)
  })

  it('cuts maxTokens to the context and refuses a prompt that leaves no room', async () => {
    const model = await startModel()
    const long = Array.from({ length: 30 }, () => 8)
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, seed) => model.sample({ prompt: long, maxTokens: 99, seed })),
    )
    const samples = results.flatMap((result) => result.samples)
    expect(Math.max(...samples.map(({ tokens }) => tokens.length))).toBe(2)
    expect(samples.some(({ finishReason }) => finishReason === 'length')).toBe(true)
    await expect(model.sample({ prompt: [...long, 8, 8], maxTokens: 1 })).rejects.toMatchObject({
      code: 'context_length_exceeded',
    })
    await expect(model.sample({ prompt: [], maxTokens: 1 })).rejects.toMatchObject({ code: 'invalid_argument' })
    await expect(model.sample({ prompt, maxTokens: 1, top_p: 1 } as never)).rejects.toThrow(/top_p/)
  })

  it('ends when its signal says so and lets others go on', async () => {
    const model = await startModel({ batchSize: 1 })
    const controller = new AbortController()
    const aborted = model.sample(
      { prompt, maxTokens: 28, seed: 1 },
      { signal: controller.signal, onToken: () => controller.abort() },
    )
    const next = model.sample(request)
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
    expect(await next).toEqual(await model.sample(request))
    await expect(model.sample(request, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('life', () => {
  it('refuses calls before the start and after the end, and may be closed twice', async () => {
    const model = createEmbeddedModel({ checkpoint })
    await expect(model.sample(request)).rejects.toMatchObject({ code: 'closed' })
    await model.start()
    expect(model.isRunning).toBe(true)
    await expect(model.start()).rejects.toMatchObject({ code: 'conflict' })
    const pending = model.sample({ ...request, maxTokens: 28 })
    pending.catch(() => {})
    await Promise.all([model.close(), model.close()])
    await expect(pending).rejects.toMatchObject({ code: 'closed' })
    await expect(model.optimStep({ learningRate: 0 })).rejects.toMatchObject({ code: 'closed' })
    expect(model.isRunning).toBe(false)
    const unused = createEmbeddedModel({ checkpoint })
    await unused.close()
    await expect(unused.start()).rejects.toMatchObject({ code: 'conflict' })
  })

  it('rejects calls in flight and later ones when the worker dies', async () => {
    const born = once(process, 'worker') as Promise<[Worker]>
    const model = await startModel()
    const [worker] = await born
    const data = Array.from({ length: 5000 }, () => model.encodeConversation(conversation))
    const pending = [
      model.forwardBackward({ loss: 'cross_entropy', data }),
      model.optimStep({ learningRate: 0 }),
      model.sample(request),
    ]
    const settled = Promise.allSettled(pending)
    await worker.terminate()
    for (const result of await settled)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'model_worker_died' } })
    await expect(model.sample(request)).rejects.toSatisfy((error) => AglError.isInstance(error, 'model_worker_died'))
    expect(model.isRunning).toBe(false)
    await model.close()
  })

  it('tells a failed start', async () => {
    const long = initialise({ name: 'tiny', tokenizer, seed: 1, contextLength: 4096 })
    const model = createEmbeddedModel({ checkpoint: long, batchSize: 1024 })
    await expect(model.start()).rejects.toMatchObject({
      code: 'model_worker_died',
      message: expect.stringMatching(/lower batchSize/),
    })
    await model.close()
  })

  it('refuses unknown options and weights that do not fit', () => {
    expect(() => createEmbeddedModel({ checkpoint, threads: 2 } as never)).toThrow(/threads/)
    expect(() => createEmbeddedModel({ checkpoint: { ...checkpoint, weights: new Float32Array(3) } })).toThrow(/got 3/)
  })
})
