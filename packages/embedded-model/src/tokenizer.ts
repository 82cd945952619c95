import { AglError, parseOrThrow } from '@agl/types'
import { z } from 'zod'

/** Tokens that are no text. They cannot be written: text that spells `<end>` is encoded letter by letter. */
export const specialTokens: readonly ['<unk>', '<system>', '<user>', '<assistant>', '<tool>', '<end>'] = Object.freeze([
  '<unk>',
  '<system>',
  '<user>',
  '<assistant>',
  '<tool>',
  '<end>',
] as const)

export type SpecialToken = (typeof specialTokens)[number]

/** Words with character fallback: a known word is one token, another is spelt, an unknown character is `<unk>`. */
export interface Tokenizer {
  /** Every token, by id: the special ones first. All there is to a tokenizer: see {@link createTokenizer}. */
  readonly vocabulary: readonly string[]
  encode(text: string): number[]
  /** `decode(encode(text)) === text` if every character of the text is known; `<unk>` reads �, other special tokens nothing. */
  decode(tokens: readonly number[]): string
  /** What a token reads as in `decode`. */
  textOf(token: number): string
  special(name: SpecialToken): number
}

export interface BuildTokenizerOptions {
  /** Tokens at most, special ones and characters included. Default 512. */
  readonly maximumSize?: number
  /** How often a word must occur to become a token. Default 4. */
  readonly minimumCount?: number
  /** Characters to know beyond those of the texts. Default none. */
  readonly characters?: string
}

const optionsSchema = z.strictObject({
  maximumSize: z.int().min(16).default(512),
  minimumCount: z.int().min(1).default(4),
  characters: z.string().default(''),
})

/**
 * A word or sign takes the space before it; digits stand alone, so that numbers are spelt the same way everywhere. A sign is
 * one character, so no piece of a text can be a special token.
 */
const piece = / ?[\p{L}\p{M}]+|\p{N}| ?[^\p{L}\p{M}\p{N}\s]|\s/gu

/** A vocabulary of every character of the texts and of their most frequent words. The same texts give the same one. */
export function buildTokenizer(texts: Iterable<string>, options: BuildTokenizerOptions = {}): Tokenizer {
  const { maximumSize, minimumCount, characters } = parseOrThrow(optionsSchema, options, 'options of buildTokenizer')
  const counts = new Map<string, number>()
  const known = new Set(characters)
  for (const text of texts) {
    for (const character of text) known.add(character)
    for (const word of text.match(piece) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  const base = [...specialTokens, ...[...known].sort(byCodePoint)]
  const words = [...counts]
    .filter(([word, count]) => count >= minimumCount && !known.has(word))
    .sort(([a, countA], [b, countB]) => countB - countA || byCodePoint(a, b))
    .map(([word]) => word)
  if (base.length > maximumSize) {
    throw new AglError({
      code: 'invalid_argument',
      message: `The texts hold ${known.size} different characters; maximumSize ${maximumSize} leaves room for ${maximumSize - specialTokens.length}.`,
    })
  }
  return createTokenizer([...base, ...words.slice(0, maximumSize - base.length)])
}

/** The tokenizer of a stored vocabulary. */
export function createTokenizer(vocabulary: readonly string[]): Tokenizer {
  const pieces = Object.freeze([...vocabulary])
  specialTokens.forEach((name, index) => {
    if (pieces[index] === name) return
    throw new AglError({
      code: 'invalid_argument',
      message: `A vocabulary starts with ${specialTokens.join(' ')}; entry ${index} is ${JSON.stringify(pieces[index])}.`,
    })
  })
  const ids = new Map(pieces.map((text, id) => [text, id]))
  if (ids.size !== pieces.length) {
    const repeated = pieces.find((text, id) => ids.get(text) !== id)
    throw new AglError({ code: 'invalid_argument', message: `The vocabulary holds ${JSON.stringify(repeated)} twice.` })
  }
  const special = (name: SpecialToken): number => specialTokens.indexOf(name)
  const unknown = special('<unk>')

  const textOf = (token: number): string => {
    if (token >= specialTokens.length) return pieces[token] ?? '\uFFFD'
    return token === unknown ? '\uFFFD' : ''
  }
  return {
    vocabulary: pieces,
    encode: (text) =>
      (text.match(piece) ?? []).flatMap((word) => {
        const id = ids.get(word)
        return id === undefined ? Array.from(word, (character) => ids.get(character) ?? unknown) : [id]
      }),
    decode: (tokens) => tokens.map(textOf).join(''),
    textOf,
    special,
  }
}

function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
