import { AglError, type PromptTemplate } from '@agl/types'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkTemplate, createPrompt, formatPrompt, placeholdersOf, type PromptValues, renderLimits } from './index.ts'

const fString = (template: string): PromptTemplate => ({ resource_type: 'prompt_template', template, engine: 'f-string' })
const jinja = (template: string): PromptTemplate => ({ resource_type: 'prompt_template', template, engine: 'jinja' })

/** The error of a rendering, without the stack. */
function refusal(template: PromptTemplate, values: PromptValues = {}): Pick<AglError, 'code' | 'message' | 'data'> {
  try {
    return { code: 'rendered', message: formatPrompt(template, values), data: {} }
  } catch (error) {
    if (!AglError.isInstance(error)) throw error
    return { code: error.code, message: error.message, data: error.data }
  }
}

describe('formatPrompt', () => {
  it('names the placeholder that has no value, its place, and what is there', () => {
    expect(refusal(fString('One.\nHello {nam}!'), { name: 'Ada', age: 36 })).toEqual({
      code: 'invalid_argument',
      message: 'Line 2, column 7 of the template: expected a value for the placeholder "nam", got name, age; give it a value',
      data: { problem: 'expected a value for the placeholder "nam", got name, age; give it a value', line: 2, column: 7 },
    })
    expect(refusal(jinja('One.\r\nHello {{ nam }}!'), { name: 'Ada' })).toMatchObject({
      code: 'invalid_argument',
      data: { problem: 'expected a value for "nam", got name', line: 2, column: 10 },
    })
  })

  it.each(['Answer as {"answer": 1}.', 'Answer as {}.', 'Answer as { and }.', '{"a": {"b": 1}}', 'a } b', '{"a"'])(
    'says of %s that braces are doubled',
    (template) => {
      expect(refusal(fString(template), { answer: 1 }).message).toContain('are written {{ and }}')
    },
  )

  it('takes what JSON has no word for', () => {
    const values = {
      big: 2n ** 64n,
      nan: Number.NaN,
      inf: -Infinity,
      map: new Map<unknown, unknown>([
        ['b', 1],
        [2, null],
      ]),
      whole: 3,
    }
    expect(formatPrompt(fString('{big:,} {big:x} {nan} {inf:>6} {map} {map[b]} {whole} {whole:.1f}'), values)).toBe(
      "18,446,744,073,709,551,616 10000000000000000 nan   -inf {'b': 1, 2: None} 1 3 3.0",
    )
    expect(formatPrompt(jinja('{{ big }} {{ nan }} {{ map }} {{ map.b }} {{ map[2] }}'), values)).toBe(
      "18446744073709551616 nan {'b': 1, 2: None} 1 None",
    )
  })

  it('has no value for undefined', () => {
    expect(refusal(fString('{a}'), { a: undefined }).code).toBe('invalid_argument')
    expect(formatPrompt(jinja('{{ a is defined }} {{ {"b": 1} }} {{ c }}'), { a: undefined, c: { d: undefined, e: 1 } })).toBe(
      "False {'b': 1} {'e': 1}",
    )
  })

  it.each([() => 1, new Date(0), Symbol('x'), /x/])('refuses values that are no JSON: %s', (value) => {
    for (const template of [
      fString('{value}'),
      fString('{value:>5}'),
      jinja('{{ value }}'),
      jinja('{{ [value] }}'),
      jinja('{{ value() }}'),
    ]) {
      expect(refusal(template, { value }).code).toBe('invalid_argument')
    }
  })

  it('does not render poml, and says why', () => {
    const poml: PromptTemplate = { resource_type: 'prompt_template', template: '<poml/>', engine: 'poml' }
    expect(refusal(poml)).toMatchObject({ code: 'not_supported', message: expect.stringContaining('"poml"') as string })
    expect(() => placeholdersOf(poml)).toThrow(AglError)
    expect(() => checkTemplate(poml)).toThrow(AglError)
  })

  it.each(['include "a"', 'import "a" as a', 'extends "a"', 'block b', 'macro m()', 'with a = 1', 'for x in xs recursive'])(
    'does not have the tag {%% %s %%}',
    (tag) => {
      expect(refusal(jinja(`a {% ${tag} %}`), { xs: [] })).toMatchObject({ code: 'not_supported', data: { line: 1 } })
    },
  )

  it('is what createPrompt adds', () => {
    const prompt = createPrompt(fString('Hello {name}!'))
    expect(prompt.format({ name: 'Ada' })).toBe('Hello Ada!')
    expect(JSON.parse(JSON.stringify(prompt))).toEqual(fString('Hello {name}!'))
  })
})

describe('templates that a model wrote', () => {
  const values = { dict: { a: 1 }, list: [1, 2, 3], text: 'abc' }

  it.each([
    'dict.constructor',
    'dict.constructor.constructor("return process")()',
    'dict["__proto__"]',
    'dict.hasOwnProperty("a")',
    'dict|attr("constructor")',
    'list.length',
    'list.constructor',
    'list|map(attribute="constructor")|list',
    'list|map("constructor")|list',
    'text.constructor("x")',
    'text["constructor"]',
    '"".sub.call',
    'range.constructor',
    'loop.constructor',
    'namespace().constructor',
    'constructor',
    '__proto__',
    'toString()',
    'globalThis',
  ])('reach nothing of JavaScript: {{ %s }}', (expression) => {
    expect(refusal(jinja(`{{ ${expression} }}`), values).code).toBe('invalid_argument')
  })

  it.each([
    '{dict.constructor}',
    '{dict[__proto__]}',
    '{list.length}',
    '{text.length}',
    '{__proto__}',
    '{constructor}',
    '{list[length]}',
  ])('reach nothing of JavaScript: %s', (template) => {
    expect(refusal(fString(template), values).code).toBe('invalid_argument')
  })

  it('keep keys of any name apart from the prototype', () => {
    const own = JSON.parse('{"__proto__": "mine", "constructor": "too"}') as PromptValues
    expect(formatPrompt(fString('{__proto__} {constructor}'), own)).toBe('mine too')
    expect(formatPrompt(jinja('{{ __proto__ }} {{ dict(__proto__=1) }} {% set toString = 2 %}{{ toString }}'), own)).toBe(
      "mine {'__proto__': 1} 2",
    )
  })

  const doubling = '{% set x = [1] %}' + '{% set x = [x, x] %}'.repeat(60)
  it.each([
    ['endless loops', '{% for i in range(100000000) %}x{% endfor %}'],
    ['loops in loops', '{% for i in range(2000) %}{% for j in range(2000) %}{% endfor %}{% endfor %}'],
    ['repeated text', '{{ "a" * 1000000000 }}'],
    ['doubled text', `{% set x = "aaaa" %}${'{% set x = x ~ x %}'.repeat(60)}`],
    ['doubled lists', `${doubling}{{ x }}`],
    ['doubled lists, compared', `${doubling}{{ x == x }}`],
    ['doubled lists, as JSON', `${doubling}{{ x|tojson }}`],
    ['indented JSON', '{{ range(900000)|list|tojson(indent=100) }}'],
    ['indented lines', '{{ ("\n" * 900000)|indent(9000) }}'],
    ['replaced text', '{{ ("a" * 100000)|replace("a", "b" * 100000) }}'],
    ['wide text', '{{ "a"|center(999999999) }}'],
    ['wide formats', '{{ "%999999999d" % 1 }}'],
    ['long texts, counted often', '{% set s = "ab" * 100000 %}{% for i in range(100000) %}{{ s|length }}{% endfor %}'],
    ['digits left out again', '{% for i in range(300000) %}{{ "%.9999g" % 0.5 }}{% endfor %}'],
    ['long texts, stripped often', '{% set s = "ab" * 100000 %}{% for i in range(300000) %}{{ s.strip("ab") }}{% endfor %}'],
    ['long texts, compared often', '{% set s = "ab" * 100000 %}{% for i in range(300000) %}{{ s < s ~ "a" }}{% endfor %}'],
    ['deep parentheses', `{{ ${'('.repeat(20_000)}1${')'.repeat(20_000)} }}`],
    ['deep lists', `{{ ${'['.repeat(20_000)}${']'.repeat(20_000)} }}`],
    ['long sums', `{{ 1${'+1'.repeat(20_000)} }}`],
    ['long chains of filters', `{{ 1${'|abs'.repeat(20_000)} }}`],
    ['many signs', `{{ ${'-'.repeat(20_000)}1 }}`],
    ['deep tags', `${'{% if 1 %}'.repeat(20_000)}${'{% endif %}'.repeat(20_000)}`],
  ])('are stopped: %s', (_name, template) => {
    expect(refusal(jinja(template)).code).toBe('invalid_argument')
  })

  it('are stopped in formats: widths, precisions, and many of them', () => {
    const wide = `{text:${renderLimits.width}}`
    expect(formatPrompt(fString(wide), values)).toHaveLength(renderLimits.width)
    for (const template of [`{text:${renderLimits.width + 1}}`, '{list[0]:.999999999f}', wide.repeat(2000)]) {
      expect(refusal(fString(template), values).code).toBe('invalid_argument')
    }
  })

  it('may be given values that hold themselves, or are very deep', () => {
    const cyclic: Record<string, unknown> = {}
    cyclic['me'] = cyclic
    let deep: unknown = 1
    for (let depth = 0; depth < 100_000; depth++) deep = [deep]
    for (const value of [cyclic, deep]) {
      for (const template of [
        fString('{value}'),
        jinja('{{ value }}'),
        jinja('{{ value|tojson }}'),
        jinja('{{ value == value }}'),
      ]) {
        expect(refusal(template, { value }).code).toBe('invalid_argument')
      }
    }
  })
})

describe('checkTemplate', () => {
  it.each([
    [fString('a\n {b'), 2, 2],
    [fString('a } b'), 1, 3],
    [fString('{a!x}'), 1, 3],
    [fString('{a:{b:{c}}}'), 1, 7],
    [fString('As {\n  "answer": {a}\n}'), 1, 4],
    [jinja('a\n{{ b'), 2, 1],
    [jinja('{% if a %}'), 1, 11],
    [jinja('{{ a | nope }}'), 1, 8],
    [jinja('{{ a is nope }}'), 1, 9],
    [jinja('{{ 1 2 }}'), 1, 6],
    [jinja('\n\n{% nope %}'), 3, 4],
    [jinja('{% macro m() %}'), 1, 4],
  ] as const)('finds the place in %j', (template, line, column) => {
    expect(checkTemplate(template)).toEqual({ line, column, problem: expect.any(String) as string })
  })

  it.each([fString('{a.b[c]:>{width}} {{}}'), jinja('{% for a in b if a %}{{ a|upper }}{% endfor %}')])(
    'finds nothing in %j, which lacks values only',
    (template) => {
      expect(checkTemplate(template)).toBeNull()
    },
  )
})

describe('placeholdersOf', () => {
  it('are the names a template takes, once each, as they are met', () => {
    expect(placeholdersOf(fString('{b.c} {a[0]!r:>{width}} {b} {{no}}'))).toEqual(['b', 'a', 'width'])
    expect(
      placeholdersOf(
        jinja('{{ b.c }}{% for x in a if x > y %}{{ loop.index }}{{ x }}{% endfor %}{% set z = 1 %}{{ z }}{{ range(n) }}{{ b }}'),
      ),
    ).toEqual(['b', 'a', 'y', 'n'])
    expect(
      placeholdersOf(jinja('{% if a %}{% set b = 1 %}{% endif %}{{ b }}{{ x.y }}{% set x %}{{ c }}{% endset %}{{ x }}')),
    ).toEqual(['a', 'b', 'x', 'c'])
  })
})

describe('any template', () => {
  const signs = '{ } {{ }} {% %} {# #} - % ( ) [ ] , . : | !r \' " \\ ~ == > 1 0.5 >9 .2f'.split(' ')
  const words = 'if else endif for in endfor set endset raw endraw is not a b loop map join tojson constructor'.split(' ')
  const piece = fc.constantFrom(...signs, ...words, ' ', '\n')
  const template = fc.oneof(
    fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
    fc.string({ unit: 'binary' }),
  )
  const values = fc.dictionary(
    fc.constantFrom('a', 'b', 'c', '__proto__'),
    fc.oneof(
      fc.jsonValue(),
      fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withNullPrototype: true }),
    ),
  )

  it('with any values renders or throws an AglError', () => {
    const property = fc.property(template, values, fc.constantFrom('f-string', 'jinja'), (text, given, engine) => {
      const result = refusal({ resource_type: 'prompt_template', template: text, engine }, given)
      expect(['rendered', 'invalid_argument', 'not_supported']).toContain(result.code)
    })
    fc.assert(property, { numRuns: 5000 })
  })

  it('that can be rendered passes the check, and needs no values but its placeholders', () => {
    const property = fc.property(template, fc.constantFrom('f-string', 'jinja'), (text, engine) => {
      const prompt: PromptTemplate = { resource_type: 'prompt_template', template: text, engine }
      const given = { a: 'x', b: [1, { c: 0.5 }] }
      const result = refusal(prompt, given)
      fc.pre(result.code === 'rendered')
      expect(checkTemplate(prompt)).toBeNull()
      const names = placeholdersOf(prompt)
      const needed = Object.fromEntries(Object.entries(given).filter(([name]) => names.includes(name)))
      expect(formatPrompt(prompt, needed)).toBe(result.message)
    })
    fc.assert(property, { numRuns: 1000 })
  })

  it('is kept by its escapes', () => {
    const property = fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(formatPrompt(fString(text.replace(/[{}]/g, '$&$&')))).toBe(text)
      expect(formatPrompt(fString('{text}'), { text })).toBe(text)
      expect(formatPrompt(jinja('{{ text }}'), { text })).toBe(text)
      expect(formatPrompt(jinja(`{{ ${JSON.stringify(text)} }}`))).toBe(text)
    })
    fc.assert(property, { numRuns: 1000 })
  })
})
