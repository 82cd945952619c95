import { isDeepStrictEqual } from 'node:util'
import { AglError } from '@agl/types'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Checkpoint, initialise, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts'
import { buildTokenizer } from './tokenizer.ts'

const tokenizer = buildTokenizer(['what does the lamp cost? – 17'])
const checkpoint = initialise({ name: 'clerk', tokenizer, seed: 1, width: 16, heads: 2, contextLength: 16 })
const file = writeCheckpoint(checkpoint)

function readOrRefuse(file: Uint8Array): Checkpoint | 'refused' {
  try {
    return readCheckpoint(file)
  } catch (error) {
    if (AglError.isInstance(error, 'invalid_argument')) return 'refused'
    throw error
  }
}

describe('initialise', () => {
  it('gives the same weights for a seed and others for another', () => {
    const again = initialise({ name: 'clerk', tokenizer, seed: 1, width: 16, heads: 2, contextLength: 16 })
    const other = initialise({ name: 'clerk', tokenizer, seed: 2, width: 16, heads: 2, contextLength: 16 })
    expect(again.weights).toEqual(checkpoint.weights)
    expect(other.weights).not.toEqual(checkpoint.weights)
  })

  it('refuses sizes that the kernel cannot compute, and unknown options', () => {
    expect(() => initialise({ name: 'clerk', tokenizer, seed: 1, width: 16, heads: 4 })).toThrow(/multiple of 8/)
    expect(() => initialise({ name: 'a@b', tokenizer, seed: 1 })).toThrow(/name of the model/)
    expect(() => initialise({ name: 'clerk', tokenizer, seed: 1, depth: 3 } as never)).toThrow(/depth/)
  })
})

describe('checkpoint', () => {
  it('comes back as it was written', () => {
    const read = readCheckpoint(file)
    expect(read.weights).toEqual(checkpoint.weights)
    expect(read).toMatchObject({ name: 'clerk', architecture: checkpoint.architecture })
    expect(read.tokenizer.vocabulary).toEqual(tokenizer.vocabulary)
  })

  it('is half the size as BF16 and rounds to 8 significant bits', () => {
    const half = writeCheckpoint(checkpoint, 'BF16')
    const { weights } = readCheckpoint(half)
    expect(file.length - half.length).toBeCloseTo(checkpoint.weights.length * 2, -3)
    weights.forEach((value, i) => expect(Math.abs(value - checkpoint.weights[i]!)).toBeLessThanOrEqual(Math.abs(value) / 256))
    expect(readCheckpoint(writeCheckpoint(readCheckpoint(half), 'BF16')).weights).toEqual(weights)
  })

  it('of a model of 107,000 parameters takes less than a quarter of a megabyte as BF16', () => {
    const vocabulary = [
      ...tokenizer.vocabulary,
      ...Array.from({ length: 130 - tokenizer.vocabulary.length }, (_, i) => ` word${i}`),
    ]
    const shop = initialise({ name: 'shop', tokenizer: { ...tokenizer, vocabulary }, seed: 1 })
    expect(shop.weights.length).toBeGreaterThan(106_000)
    expect(writeCheckpoint(shop, 'BF16').length).toBeLessThan(250_000)
  })

  it('follows the layout that other readers of safetensors expect', () => {
    const headerLength = Number(new DataView(file.buffer).getBigUint64(0, true))
    const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerLength))) as Record<string, object>
    expect(headerLength % 8).toBe(0)
    expect(header['embedding']).toEqual({
      dtype: 'F32',
      shape: [tokenizer.vocabulary.length, 16],
      data_offsets: [0, tokenizer.vocabulary.length * 16 * 4],
    })
    expect(Object.values(header['__metadata__'] ?? {}).every((value) => typeof value === 'string')).toBe(true)
  })

  it('that is cut off anywhere is refused', () => {
    fc.assert(
      fc.property(fc.nat(file.length - 1), (length) => {
        expect(() => readCheckpoint(file.slice(0, length))).toThrow(AglError)
      }),
    )
  })

  it('with any byte of its header changed is refused or differs in name or vocabulary only', () => {
    const headerLength = Number(new DataView(file.buffer).getBigUint64(0, true))
    fc.assert(
      fc.property(fc.nat(headerLength + 7), fc.nat(255), (position, value) => {
        const changed = file.slice()
        changed[position] = value
        expect(readOrRefuse(changed)).toSatisfy(
          (read) =>
            read === 'refused' ||
            (isDeepStrictEqual(read.architecture, checkpoint.architecture) &&
              isDeepStrictEqual(read.weights, checkpoint.weights)),
        )
      }),
    )
  })

  it('says what was expected and what came', () => {
    const { metadata, tensors } = decodeSafetensors(file)
    const encode = (changes: object): Uint8Array => encodeSafetensors({ metadata, tensors, type: 'F32', ...changes })
    expect(() => readCheckpoint(new Uint8Array(3))).toThrow(/at least 8 bytes, got 3/)
    expect(() => readCheckpoint(file.slice(0, -4))).toThrow(/cut off/)
    expect(() => readCheckpoint(new Uint8Array([...file, 0]))).toThrow(/expected \d+ bytes, got \d+/)
    expect(() => readCheckpoint(encode({ metadata: { ...metadata, version: '2' } }))).toThrow(/version/)
    expect(() => readCheckpoint(encode({ metadata: {} }))).toThrow(/__metadata__/)
    expect(() => readCheckpoint(encode({ tensors: tensors.slice(1) }))).toThrow(/expected a tensor embedding/)
    expect(() =>
      readCheckpoint(encode({ tensors: [...tensors, { name: 'x', shape: [1], values: new Float32Array(1) }] })),
    ).toThrow(/unknown tensors: x/)
    const shifted = Buffer.from(
      Buffer.from(file).toString('latin1').replace('"data_offsets":[0,', '"data_offsets":[4,'),
      'latin1',
    )
    expect(() => readCheckpoint(shifted)).toThrow(/tensor embedding should take bytes 0 to \d+, but claims 4/)
    const broken = tensors.map((tensor, i) =>
      i === 1 ? { ...tensor, values: new Float32Array(tensor.values.length).fill(NaN) } : tensor,
    )
    expect(() => readCheckpoint(encode({ tensors: broken }))).toThrow(/not finite/)
  })
})
