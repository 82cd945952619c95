import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatPrompt } from '@agl/prompts'
import { AglError, type PromptTemplate } from '@agl/types'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { jsonLines, preparePython, runPython } from './python-process.ts'

interface Rendered {
  readonly text?: string
  readonly error?: string
}

interface Cases {
  readonly values: Readonly<Record<string, unknown>>
  readonly 'f-string': Readonly<Record<string, Rendered | null>>
  readonly jinja: Readonly<Record<string, Rendered | null>>
}

const goldenFile = fileURLToPath(new URL('../packages/prompts/src/golden-prompts.json', import.meta.url))
const golden = JSON.parse(readFileSync(goldenFile, 'utf8')) as Cases

/** The cases as Python renders them. */
async function renderedByPython(cases: Cases): Promise<Cases> {
  const folder = mkdtempSync(join(tmpdir(), 'agl-prompts-'))
  const file = join(folder, 'cases.json')
  writeFileSync(file, JSON.stringify(cases))
  const finished = await runPython('golden_prompts.py', [file])
  rmSync(folder, { recursive: true })
  if (finished.code !== 0) throw new Error(`golden_prompts.py ended with ${finished.code}:\n${finished.stderr}`)
  return jsonLines(finished)[0] as Cases
}

function renderedHere(template: string, engine: PromptTemplate['engine'], values: Cases['values']): string | null {
  try {
    return formatPrompt({ resource_type: 'prompt_template', template, engine }, values)
  } catch (error) {
    if (AglError.isInstance(error)) return null
    throw new Error(`${JSON.stringify(template)} threw what is no AglError`, { cause: error })
  }
}

/** Templates that the two sides do not render alike, as `[template, Python, here]`; null where it is refused. */
async function differences(engine: 'f-string' | 'jinja', templates: readonly string[]): Promise<readonly unknown[]> {
  const cases = {
    values: golden.values,
    'f-string': {},
    jinja: {},
    [engine]: Object.fromEntries(templates.map((one) => [one, null])),
  }
  const answered = await renderedByPython(cases)
  return Object.entries(answered[engine]).flatMap(([template, rendered]) => {
    const [python, here] = [rendered?.text ?? null, renderedHere(template, engine, golden.values)]
    // What Jinja of Python makes of a name without a value within a list, and of HTML within one, is a defect of its printing.
    const isOdd = python !== null && /undefined|markup\(/i.test(python)
    return python === here || isOdd ? [] : [[template, python, here]]
  })
}

const names = Object.keys(golden.values)
const optional = (...texts: readonly string[]): fc.Arbitrary<string> => fc.constantFrom('', ...texts)
const joined = (...parts: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> => fc.tuple(...parts).map((all) => all.join(''))

const formatSpec = joined(
  optional('<', '>', '^', '=', '*<', '0>', '_^', '0=', 'é='),
  optional('', '', '+', '-', ' '),
  optional('', '', '', 'z'),
  optional('', '', '#'),
  optional('', '0'),
  optional('1', '4', '8', '15', '23'),
  optional('', '', ',', '_'),
  optional('', '.0', '.1', '.3', '.6', '.17', '.25'),
  optional(...'bcdeEfFgGnosxX%'),
)
const field = joined(
  fc.constantFrom('{'),
  fc.constantFrom(...names),
  optional('', '', '!r', '!s', '!a'),
  fc.constantFrom(':'),
  formatSpec,
  fc.constantFrom('}'),
)
const braces = fc
  .array(fc.constantFrom('{', '}', '{{', '}}', 'name', 'n', 'user', '[name]', '[', ']', '.', '!r', '!', ':', '>9', ' ', 'a"b'), {
    maxLength: 9,
  })
  .map((parts) => parts.join(''))

const operator = fc.constantFrom(
  '+',
  '-',
  '*',
  '/',
  '//',
  '%',
  '~',
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  'and',
  'or',
  'in',
  'not in',
)
const filter = fc.constantFrom(
  'abs',
  'capitalize',
  'd(1)',
  'default("x", true)',
  'dictsort',
  'first|d(0)',
  'float',
  'int',
  'join(",")',
  'last|d(0)',
  'length',
  'list',
  'lower',
  'max|d(0)',
  'min|d(0)',
  'reverse|list',
  'round',
  'round(1)',
  'sort',
  'string',
  'sum',
  'title',
  'tojson',
  'tojson(indent=1)',
  'trim',
  'unique|list',
  'upper',
  'wordcount',
  'batch(2)|list',
  'indent',
  'replace("a","b")',
  'truncate(9)',
  'center(12)',
  'map("string")|list',
  'select("string")|list',
  'reject("number")|list',
  'map("length")|list',
  'items|list',
)
const test = fc.constantFrom(
  'defined',
  'none',
  'string',
  'number',
  'integer',
  'float',
  'boolean',
  'mapping',
  'sequence',
  'iterable',
  'odd',
  'even',
  'lower',
  'upper',
  'true',
  'eq 1',
  'in [1, 2]',
  'divisibleby 3',
)
const atom = fc.constantFrom(
  ...names.filter((name) => name !== 'none' && !['huge', 'e16', 'tiny', 'text', 'big', 'million'].includes(name)),
  '1',
  '0',
  '2.0',
  '0.5',
  '-3',
  "'a'",
  "''",
  '[]',
  '[1, 2]',
  "['b', 'a']",
  '{}',
  "{'a': 1}",
  'none',
  'true',
  'missing|d(2)',
  '(missing is defined)',
  '(1, 2)',
  'user.name',
  'items[2]',
  'words[0]',
  'name[1:]',
  'numbers[::-1]',
  'range(3)|list',
  'user.get("x")',
)
const { expression } = fc.letrec<{ readonly expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    atom,
    joined(tie('expression'), fc.constant(' '), operator, fc.constant(' '), tie('expression')),
    joined(fc.constant('('), tie('expression'), fc.constant(')|'), filter),
    joined(tie('expression'), fc.constant('|'), filter),
    joined(fc.constant('(('), tie('expression'), fc.constant(') is '), test, fc.constant(')')),
    joined(fc.constant('(not ('), tie('expression'), fc.constant('))')),
    joined(fc.constant('-('), tie('expression'), fc.constant(')')),
    joined(
      fc.constant('('),
      tie('expression'),
      fc.constant(' if '),
      tie('expression'),
      fc.constant(' else '),
      tie('expression'),
      fc.constant(')'),
    ),
    joined(fc.constant('['), tie('expression'), fc.constant(', '), tie('expression'), fc.constant(']')),
  ),
}))
const tags = fc
  .array(
    fc.constantFrom(
      '{% if yes %}',
      '{% elif no %}',
      '{% else %}',
      '{% endif %}',
      '{%- if no -%}',
      '{% for x in numbers %}',
      '{% endfor %}',
      '{%- endfor -%}',
      '{{ x }}',
      '{{- name -}}',
      '{{ loop.index }}',
      '{% set x = n %}',
      '{% set x %}',
      '{% endset %}',
      '{# c #}',
      '{#- c -#}',
      '{% raw %}',
      '{% endraw %}',
      ' ',
      '\n',
      'a',
      '{',
      '}}',
      '%}',
    ),
    { maxLength: 10 },
  )
  .map((parts) => parts.join(''))
  // Jinja overlooks that this one is not closed.
  .filter((template) => !/\{% raw %\}\n?$/.test(template))

beforeAll(preparePython, 600_000)

describe('prompt templates', () => {
  it('give in Python what is checked in', async () => {
    expect(await renderedByPython(golden)).toEqual(golden)
  })

  const sample = (arbitrary: fc.Arbitrary<string>, numRuns: number): readonly string[] =>
    fc.sample(arbitrary, { seed: 20261120, numRuns })

  it.each([
    ['format specifiers', 'f-string', sample(field, 6000)],
    ['braces', 'f-string', sample(braces, 3000)],
    [
      'expressions',
      'jinja',
      sample(
        expression.map((one) => `{{ ${one} }}`),
        3000,
      ),
    ],
    ['tags', 'jinja', sample(tags, 3000)],
  ] as const)('drawn %s give the same on both sides', async (_name, engine, templates) => {
    expect(await differences(engine, templates)).toEqual([])
  })
})
