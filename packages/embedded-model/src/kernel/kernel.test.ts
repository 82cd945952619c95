import { readFile } from 'node:fs/promises'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileKernel } from '../../assembly/compile.ts'
import { createRandom } from '../random.ts'
import { createKernel } from './kernel.ts'

const { kernel, buffer } = createKernel(4 * 65_536)
const floats = new Float32Array(buffer)
/** Byte offsets of three areas of 8,192 floats each. */
const [a, b, c] = [4096, 4096 + 4 * 8192, 4096 + 8 * 8192] as const

function fill(pointer: number, count: number, seed: number): Float32Array {
  const random = createRandom(seed)
  const values = floats.subarray(pointer / 4, pointer / 4 + count)
  for (let i = 0; i < count; i++) values[i] = random() * 2 - 1
  return values
}

it('is compiled from the source as it stands', async () => {
  const generated = await readFile(new URL('kernel.generated.ts', import.meta.url), 'utf8')
  expect(generated, 'run `pnpm run kernel`').toBe(await compileKernel())
}, 30_000)

describe('matmul', () => {
  it('multiplies matrices of any height and depth, transposed or not', () => {
    const shape = fc.record({ rows: fc.nat(9), columns: fc.constantFrom(8, 16, 24), inner: fc.integer({ min: 1, max: 300 }) })
    fc.assert(
      fc.property(shape, fc.boolean(), fc.boolean(), fc.nat(), ({ rows, columns, inner }, isTransposed, accumulate, seed) => {
        const left = fill(a, rows * inner, seed)
        const right = fill(b, inner * columns, seed + 1)
        const result = fill(c, rows * columns, seed + 2)
        const before = result.slice()
        const [aRow, aColumn] = isTransposed ? [1, rows] : [inner, 1]
        kernel.matmul(a, aRow, aColumn, b, columns, c, columns, rows, columns, inner, accumulate)
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) {
            let expected = accumulate ? before[i * columns + j]! : 0
            for (let k = 0; k < inner; k++) expected += left[i * aRow + k * aColumn]! * right[k * columns + j]!
            expect(Math.abs(result[i * columns + j]! - expected)).toBeLessThan(1e-4)
          }
        }
      }),
      { numRuns: 40 },
    )
  })

  it('gives a row the same bits whatever its neighbours are', () => {
    const [rows, columns, inner] = [7, 16, 300]
    fill(a, rows * inner, 1)
    fill(b, inner * columns, 2)
    kernel.matmul(a, inner, 1, b, columns, c, columns, rows, columns, inner, false)
    const together = floats.slice(c / 4, c / 4 + rows * columns)
    for (let i = 0; i < rows; i++) {
      kernel.matmul(a + 4 * i * inner, inner, 1, b, columns, c, columns, 1, columns, inner, false)
      expect(floats.slice(c / 4, c / 4 + columns)).toEqual(together.slice(i * columns, (i + 1) * columns))
    }
  })
})

describe('softmax', () => {
  it('agrees with double precision, at any scale and for logits far apart', () => {
    const logits = fc.array(fc.double({ min: -60, max: 60, noNaN: true }), { minLength: 1, maxLength: 21 })
    fc.assert(
      fc.property(logits, fc.double({ min: 0.1, max: 4, noNaN: true }), (values, scale) => {
        const row = floats.subarray(a / 4, a / 4 + 24)
        row.set(values)
        const scaled = values.map((value) => Math.fround(value) * Math.fround(scale))
        const greatest = Math.max(...scaled)
        const sum = scaled.reduce((total, value) => total + Math.exp(value - greatest), 0)
        kernel.softmax(a, 24, values.length, 1, scale, c)
        scaled.forEach((value, i) => expect(Math.abs(row[i]! - Math.exp(value - greatest) / sum)).toBeLessThan(1e-5))
        expect(floats[c / 4 + 1]! / sum).toBeCloseTo(1, 5)
      }),
    )
  })

  it('leaves nothing in the columns that fill up a vector', () => {
    const row = fill(a, 8, 3)
    kernel.softmax(a, 8, 5, 1, 1, c)
    expect([...row.subarray(5)]).toEqual([0, 0, 0])
  })
})
