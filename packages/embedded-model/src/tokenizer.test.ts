import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildTokenizer, createTokenizer, specialTokens } from './tokenizer.ts'

const texts = Array.from({ length: 5 }, (_, i) => `the price of the lamp is ${i}0. naïve price(lamp)*2 🎈\n`)
const tokenizer = buildTokenizer(texts)
const known = [...new Set(texts.join(''))]

describe('tokenizer', () => {
  it('gives frequent words one token and spells the others', () => {
    expect(tokenizer.encode(' price')).toHaveLength(1)
    expect(tokenizer.encode(' lamps').map(tokenizer.textOf)).toEqual([' ', 'l', 'a', 'm', 'p', 's'])
    expect(tokenizer.encode('42').map(tokenizer.textOf)).toEqual(
      ['4', '2'].map((digit) => (known.includes(digit) ? digit : '\uFFFD')),
    )
  })

  it('restores every text of known characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.oneof(fc.constantFrom(...known), fc.constantFrom(' price', 'lamp', ' the')) }), (text) => {
        const tokens = tokenizer.encode(text)
        expect(tokenizer.decode(tokens)).toBe(text)
        expect(tokens.every((token) => token >= specialTokens.length)).toBe(true)
      }),
    )
  })

  it('maps each unknown character to <unk>, never drops one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
        const restored = tokenizer.decode(tokenizer.encode(text))
        expect([...restored]).toEqual(Array.from(text, (character) => (known.includes(character) ? character : '\uFFFD')))
      }),
    )
  })

  it('never makes a special token out of text', () => {
    const all = buildTokenizer(Array.from({ length: 9 }, () => '<end> <user> <end>'))
    expect(all.encode('<end> <user>').every((token) => token >= specialTokens.length)).toBe(true)
    expect(all.decode([all.special('<end>')])).toBe('')
  })

  it('is the same for the same texts and for its own vocabulary', () => {
    expect(buildTokenizer(texts).vocabulary).toEqual(tokenizer.vocabulary)
    expect(createTokenizer(tokenizer.vocabulary).encode(texts[0]!)).toEqual(tokenizer.encode(texts[0]!))
  })

  it('stays within its size, most frequent words first', () => {
    const small = buildTokenizer(['one two two two one lamp'], { maximumSize: 17, minimumCount: 1 })
    expect(small.vocabulary.slice(6).join('|')).toBe(' |a|e|l|m|n|o|p|t|w| two')
    expect(() => buildTokenizer(texts, { maximumSize: 20 })).toThrow(/room for 14/)
  })

  it('refuses options it does not know and vocabularies that are none', () => {
    expect(() => buildTokenizer(texts, { size: 3 } as object)).toThrow(/size/)
    expect(() => createTokenizer(['a', 'b'])).toThrow(/entry 0 is "a"/)
    expect(() => createTokenizer([...specialTokens, 'a', 'a'])).toThrow(/"a" twice/)
  })
})
