import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readPythonLiteral } from './python-literal.ts'

test('reads what str prints: constants, numbers, both quotes, escapes, tuples, sets, nested', () => {
  expect(readPythonLiteral(`[{'a': None, "b": (True, False), 'c': [1, -2.5, 1e3, nan], 'd': {1, 2}, 3: {}}, ()]`)).toEqual([
    { a: null, b: [true, false], c: [1, -2.5, 1000, NaN], d: [1, 2], 3: {} },
    [],
  ])
  expect(readPythonLiteral(`['it\\'s', "say \\"hi\\"", 'a\\nb\\tc\\\\d', '\\xe9\\u20ac\\U0001f600', b'raw', r'\\n']`)).toEqual([
    "it's",
    'say "hi"',
    'a\nb\tc\\d',
    'é€😀',
    'raw',
    '\\n',
  ])
  expect(readPythonLiteral(` [1, 2,] `)).toEqual([1, 2])
  expect(readPythonLiteral(`-inf`)).toBe(-Infinity)
})

test('reads objects that print themselves by their fields', () => {
  const text = `[Message(content=None, role='assistant', tool_calls=[Call(function=Function(arguments='{"q":1}', name='price'), id='c1')])]`
  expect(readPythonLiteral(text)).toEqual([
    { content: null, role: 'assistant', tool_calls: [{ function: { arguments: '{"q":1}', name: 'price' }, id: 'c1' }] },
  ])
})

test('answers undefined for anything else', () => {
  const none = [
    '',
    '[',
    '[1',
    '[1 2]',
    "{'a'}}",
    "{'a': 1, 2}",
    "'open",
    '<object at 0x7f>',
    'name',
    'f(1)',
    '1 2',
    '[1]x',
    '--',
    '{1: }',
    '\\',
  ]
  expect(none.filter((text) => readPythonLiteral(text) !== undefined)).toEqual([])
})

test('takes every key for a key', () => {
  expect(Object.keys(readPythonLiteral(`{'__proto__': 1, 'a': 2}`) as object)).toEqual(['__proto__', 'a'])
})

test('neither deep nesting nor long text is a danger', () => {
  expect(readPythonLiteral('['.repeat(100_000))).toBeUndefined()
  expect(readPythonLiteral('{1:'.repeat(100_000))).toBeUndefined()
  const long = `'${'\\x41'.repeat(200_000)}'`
  expect(readPythonLiteral(long)).toBe('A'.repeat(200_000))
})

test('never throws', () => {
  const alphabet = [
    '[',
    ']',
    '{',
    '}',
    '(',
    ')',
    "'",
    '"',
    '\\',
    ',',
    ':',
    '=',
    ' ',
    'None',
    'a',
    '1',
    '-',
    '.',
    'x',
    'U',
    'é',
    '😀',
  ]
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...alphabet), { maxLength: 30 }), (pieces) => {
      expect(() => readPythonLiteral(pieces.join(''))).not.toThrow()
    }),
    { numRuns: 2000 },
  )
})

test('reads all values that Python prints', () => {
  const leaf = fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.boolean(), fc.constant(null))
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('tree')), fc.dictionary(fc.string(), tie('tree'))),
  }))
  fc.assert(
    fc.property(tree, (value) => {
      expect(readPythonLiteral(printed(value))).toEqual(value)
    }),
  )
})

/** As Python's `repr`, strings with every escape it uses. */
function printed(value: unknown): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'string') return quoted(value)
  if (Array.isArray(value)) return `[${value.map(printed).join(', ')}]`
  if (typeof value !== 'object') return String(value)
  return `{${Object.entries(value)
    .map(([key, item]) => `${quoted(key)}: ${printed(item)}`)
    .join(', ')}}`
}

function quoted(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = [...text].map((character) => {
    const code = character.codePointAt(0)!
    if (character === '\\' || character === mark) return `\\${character}`
    if (character === '\n') return '\\n'
    if (code < 32 || code === 127) return `\\x${code.toString(16).padStart(2, '0')}`
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : character
  })
  return mark + escaped.join('') + mark
}
