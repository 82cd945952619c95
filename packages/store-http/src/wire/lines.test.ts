import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLines } from './lines.ts'

test('the lines are the same in whatever pieces the bytes come', () => {
  const line = fc.string({ unit: fc.constantFrom('a', 'é', '漢', '😀', '"'), maxLength: 8 })
  fc.assert(
    fc.property(fc.array(line), fc.boolean(), fc.array(fc.nat(12)), (lines, isEnded, cuts) => {
      const bytes = new TextEncoder().encode(lines.join('\n') + (isEnded ? '\n' : ''))
      const reader = createLines({ isStrict: true })
      const found: string[] = []
      let at = 0
      for (const cut of [...cuts, bytes.length]) {
        found.push(...reader.add(bytes.subarray(at, at + cut)))
        at += cut
      }
      found.push(...reader.end())
      const expected = new TextDecoder().decode(bytes).split('\n')
      if (expected.at(-1) === '') expected.pop()
      expect(found).toEqual(expected)
    }),
  )
})

test('bytes that are no UTF-8 are an error where that is asked for', () => {
  expect(() => createLines({ isStrict: true }).add(new Uint8Array([0xff]))).toThrow(TypeError)
  expect(createLines().add(new Uint8Array([0xff, 0x0a]))).toEqual(['\ufffd'])
})
