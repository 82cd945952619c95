import { beforeEach, describe, expect, it } from 'vitest'
import { createRandom } from '../random.ts'
import { initialWeights } from './initialise.ts'
import { createLearner } from './learner.ts'
import { createNetwork, parametersOf } from './network.ts'
import { createSampler, type Generation, type GenerationRequest, type Sampler } from './sampler.ts'

const architecture = { vocabularySize: 21, width: 16, layers: 2, heads: 2, hiddenWidth: 32, contextLength: 24 }
const end = 5
const vocabulary = { texts: Array.from({ length: 21 }, (_, id) => (id === end ? '' : String.fromCharCode(97 + id))), end }
// Prompts of 40 requests do not fit one pass, nor do 40 requests fit the slots.
const network = createNetwork(architecture, { rows: 64, slots: 16 })
const learner = createLearner(network)
const sampler = createSampler(network, vocabulary)
const weights = initialWeights(architecture, 3)
// Untrained weights make near-uniform distributions; larger ones make choices that matter.
for (let i = 0; i < weights.length; i++) weights[i]! *= 2

beforeEach(() => {
  learner.load(weights)
  sampler.load(weights)
})

const requests: readonly GenerationRequest[] = Array.from({ length: 40 }, (_, index) => {
  const random = createRandom(index)
  const prompt = Array.from({ length: 1 + Math.floor(random() * 11) }, () => Math.floor(random() * 21))
  return { prompt, maxTokens: 1 + (index % 12), temperature: [1, 0, 0.5, 2][index % 4]!, stop: [], seed: index * 7 }
})

/** Runs the requests through the slots, a few joining at a time, and returns the completions in the order of `order`. */
function complete(sampler: Sampler, order: readonly GenerationRequest[], joining: number): Generation[] {
  const waiting = [...order]
  const generations: Generation[] = []
  while (waiting.length > 0 || sampler.active.length > 0) {
    generations.push(...sampler.admit(waiting.splice(0, Math.min(joining, sampler.freeSlots))))
    if (sampler.active.length > 0) sampler.step()
  }
  return generations
}

const draws = 4000

/** Draws one token behind the same prompt again and again: how often each came, and its log-probability. */
function drawMany(temperature: number): Map<number, { readonly count: number; readonly logprob: number }> {
  const all = Array.from({ length: draws }, (_, seed) => ({ prompt: [3, 4], maxTokens: 1, temperature, stop: [], seed }))
  const counts = new Map<number, { count: number; logprob: number }>()
  for (const { tokens, logprobs } of complete(sampler, all, 16)) {
    const entry = counts.get(tokens[0]!) ?? { count: 0, logprob: logprobs[0]! }
    expect(logprobs[0]).toBe(entry.logprob)
    counts.set(tokens[0]!, { ...entry, count: entry.count + 1 })
  }
  return counts
}

const outcome = ({ tokens, logprobs, text, finishReason }: Generation): object => ({ tokens, logprobs, text, finishReason })

describe('sampler', () => {
  it('gives a request the same bits alone, among 40, in another order and joining late', () => {
    const alone = requests.map((request) => outcome(complete(sampler, [request], 1)[0]!))
    expect(complete(sampler, requests, 16).map(outcome)).toEqual(alone)
    expect(complete(sampler, requests, 3).map(outcome)).toEqual(alone)
    expect(complete(sampler, requests.toReversed(), 16).map(outcome)).toEqual(alone.toReversed())
  })

  it('draws differently with another seed', () => {
    const [first, second] = [1, 2].map((seed) => ({ ...requests[0]!, maxTokens: 12, seed }))
    const [one, two] = complete(sampler, [first!, second!], 2)
    expect(one!.tokens).not.toEqual(two!.tokens)
  })

  it('has the log-probabilities of the training pass, to the last bit', () => {
    const warm = requests.filter(({ temperature }) => temperature === 1)
    for (const { request, tokens, logprobs } of complete(sampler, warm, 16)) {
      const all = [...request.prompt, ...tokens]
      const trained = learner.forwardBackward([{ tokens: all, weights: all.map(() => 0) }], {
        kind: 'cross_entropy',
        clipLow: 0,
        clipHigh: 0,
      })
      expect(trained.logprobs[0]!.slice(request.prompt.length)).toEqual(logprobs)
    }
  })

  it('draws tokens as often as their log-probabilities say', () => {
    for (const { count, logprob } of drawMany(1).values()) {
      const p = Math.exp(logprob)
      // Five standard deviations.
      expect(Math.abs(count / draws - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / draws) + 1e-3)
    }
  })

  it.each([0.5, 2])('divides log-probabilities by temperature %d, up to a constant', (temperature) => {
    const plain = drawMany(1)
    const tempered = [...drawMany(temperature)].filter(([token]) => plain.has(token))
    const constants = tempered.map(([token, { logprob }]) => logprob - plain.get(token)!.logprob / temperature)
    expect(tempered.length).toBeGreaterThan(3)
    expect(Math.max(...constants) - Math.min(...constants)).toBeLessThan(1e-5)
  })

  it('takes the likeliest token at temperature 0, with its log-probability at temperature 1', () => {
    const greedy = { prompt: [3, 4], maxTokens: 1, temperature: 0, stop: [], seed: 1 }
    const [first] = complete(sampler, [greedy], 1)
    const draws = Array.from({ length: 500 }, (_, seed) => ({ ...greedy, temperature: 1, seed }))
    const likeliest = complete(sampler, draws, 16).toSorted((one, two) => two.logprobs[0]! - one.logprobs[0]!)[0]!
    expect(outcome(first!)).toEqual(outcome(likeliest))
  })

  it('does not change any weight', () => {
    const before = [network.training, network.served].map((set) => parametersOf(network, set).slice())
    complete(sampler, requests, 16)
    expect([network.training, network.served].map((set) => parametersOf(network, set).slice())).toEqual(before)
  })

  it('ends at the end token, at a stop text and at the limit', () => {
    const draws = Array.from({ length: 200 }, (_, seed) => ({
      prompt: [3],
      maxTokens: 20,
      temperature: 1,
      stop: ['k', 'ab'],
      seed,
    }))
    const reasons = new Map<string, number>()
    for (const { tokens, text, finishReason } of complete(sampler, draws, 16)) {
      const spelt = tokens.map((token) => vocabulary.texts[token]).join('')
      const stopped = spelt.endsWith('k') || spelt.endsWith('ab')
      const reason = tokens.at(-1) === end ? 'end' : stopped ? 'text' : 'length'
      expect(finishReason).toBe(reason === 'length' ? 'length' : 'stop')
      expect(text).not.toMatch(/k|ab/)
      expect(spelt.startsWith(text)).toBe(true)
      expect(tokens.slice(0, -1)).not.toContain(end)
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    }
    expect([...reasons.keys()].sort()).toEqual(['end', 'length', 'text'])
  })

  it('hands out text that adds up to the completion and holds back what may become a stop text', () => {
    const draws = Array.from({ length: 100 }, (_, seed) => ({
      prompt: [3],
      maxTokens: 20,
      temperature: 1,
      stop: ['ab', 'cde'],
      seed,
    }))
    const shown = new Map<Generation, string>()
    const waiting = [...draws]
    while (waiting.length > 0 || sampler.active.length > 0) {
      const stepped =
        waiting.length > 0 && sampler.freeSlots > 0 ? sampler.admit(waiting.splice(0, sampler.freeSlots)) : sampler.step()
      for (const generation of stepped) {
        const text = (shown.get(generation) ?? '') + generation.last.text
        shown.set(generation, text)
        expect(generation.text.startsWith(text)).toBe(true)
      }
    }
    expect(shown.size).toBe(100)
    for (const [generation, text] of shown) expect(text).toBe(generation.text)
  })

  it('frees the slot of a dropped generation and leaves the others alone', () => {
    const long = requests.filter(({ maxTokens }) => maxTokens >= 8).slice(0, 4)
    const undisturbed = complete(sampler, long, 16).map(outcome)
    const generations = sampler.admit(long)
    const free = sampler.freeSlots
    sampler.drop(generations[1]!)
    expect(sampler.freeSlots).toBe(free + 1)
    while (sampler.active.length > 0) sampler.step()
    const kept = [0, 2, 3]
    expect(kept.map((index) => outcome(generations[index]!))).toEqual(kept.map((index) => undisturbed[index]))
    expect(sampler.freeSlots).toBe(16)
  })
})
