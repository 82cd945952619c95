import { createRandom } from '@agl/algorithms'
import { buildTokenizer } from '@agl/embedded-model'
import { describe, expect, it } from 'vitest'
import { createTask } from '../tasks.ts'
import { drawCritique, faultOf, faults } from './critiques.ts'
import { heldOutWordings } from './held-out.ts'
import { parsePhrase } from './phrase.ts'
import { playByRules } from './play-by-rules.ts'
import { drawSentence, harmfulRules, isKept, type RuleName, rulesOf, usefulRules } from './rules.ts'
import { drawLesson } from './teach.ts'

const rules: readonly RuleName[] = [...usefulRules, ...harmfulRules]

describe('a phrase', () => {
  const phrase = parsePhrase('[call|use <what>] [|it ]now.', { what: 'the <tool>', tool: 'price tool|stock tool' })

  it('draws each of its texts, and knows them', () => {
    const random = createRandom(1)
    const drawn = new Set(Array.from({ length: 400 }, () => phrase.draw(random)))
    expect([...drawn].toSorted()).toEqual([
      'call it now.',
      'call now.',
      'use the price tool it now.',
      'use the price tool now.',
      'use the stock tool it now.',
      'use the stock tool now.',
    ])
    for (const text of drawn) expect(phrase.matches(text)).toBe(true)
    expect(phrase.matches('use the price tool now!')).toBe(false)
    expect(phrase.matches('call now')).toBe(false)
  })

  it('takes signs as they are', () => {
    expect(parsePhrase('use * (not +)?').matches('use * (not +)?')).toBe(true)
  })

  it.each([
    ['use <nothing>', /<nothing>/],
    ['[use|call', /Expected \]/],
  ])('refuses %s', (source, message) => {
    expect(() => parsePhrase(source)).toThrow(message)
  })
})

describe('the fragment', () => {
  it('says one thing with each sentence: a rule, or none', () => {
    const random = createRandom(2)
    for (const rule of rules) {
      for (let draw = 0; draw < 400; draw += 1) {
        const sentence = drawSentence(random, rule, draw % 8 === 0)
        expect([sentence, rulesOf(sentence)]).toEqual([sentence, [rule]])
      }
    }
    for (let draw = 0; draw < 200; draw += 1) expect(rulesOf(drawSentence(random, 'neutral'))).toEqual([])
    expect(rulesOf('it rains.')).toBeNull()
  })

  it('names one fault with each critique', () => {
    const random = createRandom(3)
    for (const fault of faults) {
      for (let draw = 0; draw < 200; draw += 1) {
        const critique = drawCritique(random, fault, draw % 8 === 0)
        expect([critique, faultOf(critique)]).toEqual([critique, fault])
      }
    }
    expect(faultOf(drawCritique(random, null))).toBeNull()
    expect(faultOf('it rains.')).toBeUndefined()
  })

  it('keeps texts from training', () => {
    const random = createRandom(4)
    for (let draw = 0; draw < 300; draw += 1) {
      expect(isKept(drawSentence(random, rules[draw % rules.length]!))).toBe(false)
      expect(isKept(drawSentence(random, rules[draw % rules.length]!, true))).toBe(true)
      expect(isKept(drawCritique(random, faults[draw % faults.length]!))).toBe(false)
    }
  })
})

describe('lessons', () => {
  it('are the same for the same seed, and others for another', async () => {
    const draw = async (seed: number) => {
      const random = createRandom(seed)
      return await Promise.all(Array.from({ length: 50 }, () => drawLesson(random)))
    }
    expect(await draw(5)).toEqual(await draw(5))
    expect(await draw(5)).not.toEqual(await draw(6))
  })

  it('end with what the model is to say, in every role', async () => {
    const random = createRandom(7)
    const roles = new Map<string, number>()
    for (let lesson = 0; lesson < 500; lesson += 1) {
      const { role, messages } = await drawLesson(random)
      roles.set(role, (roles.get(role) ?? 0) + 1)
      expect(messages.at(-1)).toMatchObject({ role: 'assistant', content: expect.stringMatching(/\S/) })
      expect(role === 'clerk' || messages.length === 2).toBe(true)
    }
    expect([...roles.values()].every((count) => count > 50)).toBe(true)
  })

  it('hold none of the wordings that are kept, but all of their words', async () => {
    const random = createRandom(8)
    const texts: string[] = []
    for (let lesson = 0; lesson < 6000; lesson += 1)
      texts.push(...(await drawLesson(random)).messages.map(({ content }) => content))
    const { encode, textOf } = buildTokenizer(texts, { maximumSize: 2000, minimumCount: 2 })
    for (const [rule, wordings] of Object.entries(heldOutWordings)) {
      for (const wording of wordings) {
        expect([rule, wording, rulesOf(wording)]).toEqual([rule, wording, null])
        // Behind another sentence, as in the measurement: a word at the very start of a text is another token.
        const spelt = encode(` ${wording}`)
          .map(textOf)
          .filter((piece) => /^[a-z]$/.test(piece))
        expect([wording, spelt]).toEqual([wording, []])
      }
    }
  })
})

describe('a clerk that plays by rules', () => {
  const score = async (held: readonly RuleName[]): Promise<number> => {
    const random = createRandom(9)
    let right = 0
    for (let episode = 0; episode < 400; episode += 1)
      right += (await playByRules(createTask(random), new Set(held), random)).reward
    return right / 400
  }

  it('earns the reward with every useful rule, seldom with none, and less for each that is missing', async () => {
    const all = await score(usefulRules)
    expect(all).toBeGreaterThan(0.9)
    expect(await score([])).toBeLessThan(0.15)
    for (const rule of usefulRules.filter((name) => name !== 'lookup')) {
      expect(await score(usefulRules.filter((name) => name !== rule))).toBeLessThan(all - 0.08)
    }
  })

  it('is spoilt by every harmful rule', async () => {
    const all = await score(usefulRules)
    for (const rule of harmfulRules) expect(await score([...usefulRules, rule])).toBeLessThan(all - 0.08)
  })

  it('says what went wrong', async () => {
    const random = createRandom(10)
    for (let episode = 0; episode < 100; episode += 1) {
      const { reward, faults: found, feedback, messages } = await playByRules(createTask(random), new Set(), random)
      expect(messages.at(-1)!.role).toBe('assistant')
      const isRight = reward === 1
      expect([feedback === 'right', feedback.startsWith('expected answer '), isRight || found.length > 0]).toEqual([
        isRight,
        !isRight,
        true,
      ])
    }
  })
})
