import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createCapture } from './capture.ts'

function capture(maxBytes: number, chunks: readonly Uint8Array[]): ReturnType<ReturnType<typeof createCapture>['read']> {
  const captured = createCapture(maxBytes)
  for (const chunk of chunks) captured.write(Buffer.from(chunk))
  return captured.read()
}

it('keeps head and tail of what does not fit, whatever the pieces it came in', () => {
  const text = fc.string({ unit: 'binary', maxLength: 200 })
  fc.assert(
    fc.property(text, fc.array(fc.integer({ min: 1, max: 50 })), fc.integer({ min: 16, max: 200 }), (whole, sizes, maxBytes) => {
      const bytes = Buffer.from(whole)
      const chunks: Uint8Array[] = []
      for (let start = 0, index = 0; start < bytes.length; index += 1) {
        const size = sizes[index % Math.max(1, sizes.length)] ?? 7
        chunks.push(bytes.subarray(start, start + size))
        start += size
      }
      const read = capture(maxBytes, chunks)
      expect(read.bytes).toBe(bytes.length)
      const kept = Math.floor(maxBytes / 2) * 2
      fc.pre(bytes.length > kept)
      const [head, tail] = read.text.split(`\n… ${read.cutBytes} bytes left out …\n`) as [string, string]
      expect(bytes.length - read.cutBytes).toBe(kept)
      expect(bytes.toString('utf8').startsWith(head)).toBe(true)
      expect(bytes.toString('utf8').endsWith(tail)).toBe(true)
      expect(Buffer.byteLength(head) + 4).toBeGreaterThan(kept / 2)
      expect(read.tail).toBe(tail)
    }),
  )
})

it('is the text itself as long as that fits', () => {
  expect(capture(16, [Buffer.from('0123456'), Buffer.from('789abcdef')])).toEqual({
    text: '0123456789abcdef',
    tail: '0123456789abcdef',
    bytes: 16,
    cutBytes: 0,
  })
  expect(capture(16, [])).toMatchObject({ text: '', bytes: 0 })
})

it('cuts no character in two', () => {
  expect(capture(8, [Buffer.from('ééé–ééé')])).toMatchObject({ text: 'éé\n… 7 bytes left out …\néé', tail: 'éé' })
  expect(capture(10, [Buffer.from('ééé–ééé')])).toMatchObject({ text: 'éé\n… 5 bytes left out …\néé' })
})

it('holds no more than it keeps', () => {
  const captured = createCapture(1024)
  for (let index = 0; index < 1000; index += 1) captured.write(Buffer.alloc(64 * 1024, (index % 26) + 97))
  const { text, bytes } = captured.read()
  expect(bytes).toBe(64 * 1024 * 1000)
  expect(text.length).toBeLessThan(1100)
})
