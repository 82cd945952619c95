import { performance } from 'node:perf_hooks'
import { describe, expect, it } from 'vitest'
import { testFolder } from './folder.test-support.ts'
import { maxFileBytes, readDocument } from './read-file.ts'

const laughs = ['a: &a [x, x, x, x, x, x, x, x, x]']
  .concat(
    Array.from({ length: 9 }, (_, index) => {
      const [own, before] = [String.fromCodePoint(98 + index), String.fromCodePoint(97 + index)]
      return `${own}: &${own} [${Array.from({ length: 9 }, () => `*${before}`).join(', ')}]`
    }),
  )
  .join('\n')

describe('readDocument', () => {
  it('reads JSON and YAML 1.2', async () => {
    const { write } = testFolder()
    expect(await readDocument(write('a.json', '\uFEFF{"a":[1,null]}'))).toEqual({ a: [1, null] })
    const yaml = 'a: &x [1, no, 2024-01-01, "é"]\nb: *x\nc: |\n  two\n  lines\n'
    const list = [1, 'no', '2024-01-01', 'é']
    expect(await readDocument(write('a.yml', yaml))).toEqual({ a: list, b: list, c: 'two\nlines\n' })
    expect(await readDocument(write('empty.yaml', '# nothing\n'))).toEqual({})
  })

  it.each([
    ['a.toml', 'a = 1', 'ends in .json, .yaml or .yml'],
    ['a.json', '{"a": 1,}', 'line 1 column'],
    ['a.json', '', 'Expected JSON'],
    ['a.json', '{"__proto__": {"x": 1}}', '__proto__'],
    ['a.yaml', 'a: 1\na: 2', 'line 2 column 1: a key is there twice'],
    ['a.yaml', 'a: !!js/function "x"', 'tags are not taken'],
    ['a.yaml', 'a: !mine x', 'tags are not taken'],
    ['a.yaml', 'a: !!binary x', 'tags are not taken'],
    ['a.yaml', 'a: 1\n---\nb: 2', 'one document'],
    ['a.yaml', '? [a]\n: 1', 'a key must be a text'],
    ['a.yaml', 'a: .nan', 'NaN'],
    ['a.yaml', 'a: *gone', 'Expected YAML'],
    ['a.yaml', '"__proto__": { x: 1 }', '__proto__'],
    ['a.yaml', laughs, 'grow beyond measure'],
    ['a.yaml', 'a: &a [*a]', 'a.yaml'],
    ['a.yaml', `a: ${'['.repeat(5000)}${']'.repeat(5000)}`, 'a.yaml'],
    ['a.json', `${'['.repeat(5000)}${']'.repeat(5000)}`, 'deeper than 200'],
    ['a.yaml', `a: ${'x'.repeat(maxFileBytes)}`, 'at most 1048576 bytes'],
  ])('refuses %s with %#', async (name, text, words) => {
    const file = testFolder().write(name, text)
    const started = performance.now()
    await expect(readDocument(file)).rejects.toMatchObject({ code: 'invalid_argument', message: expect.stringContaining(words) })
    expect(performance.now() - started).toBeLessThan(5000)
  })

  it('refuses bytes that are no text, and a folder', async () => {
    const { write, path } = testFolder()
    const { writeFileSync } = await import('node:fs')
    const file = write('a.json', '')
    writeFileSync(file, new Uint8Array([0x22, 0xff, 0x22]))
    await expect(readDocument(file)).rejects.toMatchObject({ message: expect.stringContaining('UTF-8') })
    write('x.json/y', '')
    await expect(readDocument(`${path}/x.json`)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('refuses an endless file as soon as it is too long', async () => {
    const { symlinkSync } = await import('node:fs')
    const { path } = testFolder()
    symlinkSync('/dev/zero', `${path}/endless.json`)
    await expect(readDocument(`${path}/endless.json`)).rejects.toMatchObject({ message: expect.stringContaining('at most') })
  })
})
