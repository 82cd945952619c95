import { describe, expect, it } from 'vitest'
import { draw, drawOrder } from './draw.ts'
import { createModels, createWorld, gradedRewardOf, placeholder, rewardOf, type World, type WorldOptions } from './index.ts'

const seeds = [1, 2, 3, 4, 5]

/** A prompt of some of the world's sentences, in any wordings. */
function drawPrompt(world: World, number: number): string {
  const chosen = world.rules.filter((_, index) => draw('chosen', number, index) < 0.5)
  const sentences = chosen.map(({ wordings }, index) => drawOrder(wordings, 'wording', number, index)[0]!.sentence)
  return world.writePrompt(drawOrder(sentences, 'order', number))
}

function replies(world: World, prompt: string, count: number) {
  const models = createModels(world)
  return world.tasks(count).map((task) => {
    const { text } = models.call({ model: 'actor', text: prompt.replace(placeholder, task.text) })
    return { task, text }
  })
}

/** How far the mean of a sample may be from the truth: one in 15,000 is further. */
function tolerance(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return 4 * Math.sqrt(variance / values.length)
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

describe('trueScore', () => {
  const options: readonly WorldOptions[] = [
    { seed: 1 },
    { seed: 2, kinds: 6, noise: 0.3, difficulty: 2 },
    { seed: 3, variant: 'planted' },
  ]

  it.each(options)('is what the agent is paid on average: %j', (options) => {
    const world = createWorld(options)
    for (const prompt of [
      world.seedPrompt,
      world.optimum().prompt,
      drawPrompt(world, 1),
      `\`\`\`\n${world.seedPrompt}\n\`\`\``,
    ]) {
      const answers = replies(world, prompt, 1500)
      const exact = answers.map(({ task, text }) => rewardOf(task, text))
      const graded = answers.map(({ task, text }) => gradedRewardOf(task, text))
      expect(Math.abs(meanOf(exact) - world.trueScore(prompt))).toBeLessThan(tolerance(exact))
      expect(Math.abs(meanOf(graded) - world.trueScore(prompt, 'graded'))).toBeLessThan(tolerance(graded))
      // Closer: the chances of the same tasks, without the draws.
      const chances = world.tasks(1500).map((task) => world.successProbability(prompt, task))
      expect(Math.abs(meanOf(chances) - world.trueScore(prompt))).toBeLessThan(tolerance(chances))
    }
  })

  it('of the seed prompt is what was asked for', () => {
    for (const seedScore of [0.2, 0.4, 0.75]) {
      const world = createWorld({ seed: 7, seedScore })
      expect(world.trueScore(world.seedPrompt)).toBeCloseTo(seedScore, 9)
    }
  })

  it('is 0 without the placeholder, and lower between fences', () => {
    const world = createWorld({ seed: 1 })
    const prompt = world.seedPrompt
    expect(world.trueScore(prompt.replace(placeholder, ''))).toBe(0)
    expect(world.trueScore(`\`\`\`\n${prompt}\n\`\`\``)).toBeLessThan(world.trueScore(prompt) - 0.05)
  })
})

describe('a world', () => {
  it.each(seeds)('has an optimum that no other prompt beats, far above the seed prompt: seed %i', (seed) => {
    const world = createWorld({ seed })
    const { prompt, score } = world.optimum()
    expect(world.trueScore(prompt)).toBe(score)
    expect(score).toBeGreaterThan(0.7)
    const others = Array.from({ length: 300 }, (_, number) => world.trueScore(drawPrompt(world, number)))
    expect(Math.max(...others)).toBeLessThanOrEqual(score)
    // Most of them differ: there is something to search.
    expect(new Set(others.map((one) => one.toFixed(6))).size).toBeGreaterThan(250)
  })

  it('has rules that help the tasks of their kinds alone', () => {
    const world = createWorld({ seed: 1, interactions: 0 })
    const before = world.seedPrompt
    for (const rule of world.rules.filter(({ role }) => role === 'helpful').slice(1)) {
      const after = before.replace(placeholder, `${rule.wordings[0]!.sentence}\n${placeholder}`)
      for (const task of world.tasks(50)) {
        const gain = world.successProbability(after, task) - world.successProbability(before, task)
        expect(gain > 0.001).toBe(rule.kindNames.includes(task.kind))
        expect(gain).toBeGreaterThanOrEqual(0)
      }
    }
  })

  it('has pairs of rules that are worth more or less than their sum', () => {
    const world = createWorld({ seed: 2 })
    const without = createWorld({ seed: 2, interactions: 0 })
    const prompt = world.optimum().prompt
    expect(world.trueScore(world.seedPrompt)).toBeCloseTo(without.trueScore(world.seedPrompt), 9)
    expect(Math.abs(world.trueScore(prompt) - without.trueScore(prompt))).toBeGreaterThan(0.001)
  })

  it('is the same for the same seed, and another for another', () => {
    const [one, same, other] = [1, 1, 2].map((seed) => createWorld({ seed }))
    expect([same!.rules, same!.seedPrompt, same!.tasks(20)]).toEqual([one!.rules, one!.seedPrompt, one!.tasks(20)])
    expect(other!.tasks(20)).not.toEqual(one!.tasks(20))
    expect(one!.tasks(5, 10)).toEqual(one!.tasks(15).slice(10))
  })

  it('says what is wrong with its options', () => {
    expect(() => createWorld({ seed: 1, kinds: 9 })).toThrow(/kinds/)
    expect(() => createWorld({ seed: 1, nois: 1 } as WorldOptions)).toThrow(/nois/)
    expect(() => createWorld({ seed: 1, variant: 'planted', helpful: 1 })).toThrow(/helpful/)
    expect(() => createWorld({ seed: 1, variant: 'planted', seedScore: 0.95 })).toThrow(/below 1/)
  })
})

describe('the null world', () => {
  it.each(seeds)('has no prompt that differs from the seed prompt: seed %i', (seed) => {
    const world = createWorld({ seed, variant: 'null' })
    const prompts = Array.from({ length: 100 }, (_, number) => drawPrompt(world, number))
    for (const prompt of [world.optimum().prompt, `\`\`\`\n${world.seedPrompt}\n\`\`\``, ...prompts]) {
      expect(world.trueScore(prompt)).toBe(world.trueScore(world.seedPrompt))
    }
  })
})

describe('the planted world', () => {
  it.each(seeds)('has one rule that is worth the planted gain, however it is worded: seed %i', (seed) => {
    const world = createWorld({ seed, variant: 'planted', plantedGain: 0.1 })
    const gains = world.rules.flatMap(({ wordings }) =>
      wordings.map(({ sentence }) => {
        const prompt = world.seedPrompt.replace(placeholder, `${sentence}\n${placeholder}`)
        return Number((world.trueScore(prompt) - 0.4).toFixed(6))
      }),
    )
    expect(gains.filter((gain) => gain !== 0)).toEqual([0.1, 0.1, 0.1])
    expect(world.optimum().score).toBeCloseTo(0.5, 9)
  })
})
