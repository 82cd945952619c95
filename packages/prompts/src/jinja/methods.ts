import { equals } from '../python/operators.ts'
import { entriesOf, entryOf, lengthOf, missing, Tuple, type PythonType } from '../python/values.ts'
import { invalid } from '../template-error.ts'
import { iterate, textArgument, wholeArgument } from './access.ts'
import { type Callable, callable } from './call.ts'
import { capitalized, strip, titled } from './text-functions.ts'

type Given = Readonly<Record<string, unknown>>

/** A method of text that makes text. */
function textMethod(parameters: string, run: (text: string, given: Given) => string): Callable {
  return callable(parameters, (value, given, { meter }) => {
    meter.characters((value as string).length)
    const text = run(value as string, given)
    meter.characters(text.length)
    return text
  })
}

/** One that makes anything else, and reads all of the text for it. */
function textQuery(parameters: string, run: (text: string, given: Given) => unknown): Callable {
  return callable(parameters, (value, given, { meter }) => {
    meter.characters((value as string).length)
    return run(value as string, given)
  })
}

function stripping(sides: 'both' | 'start' | 'end'): Callable {
  return textMethod('chars', (text, { chars = null }) => strip(text, chars === null ? null : textArgument(chars, 'chars'), sides))
}

function prefixes(value: unknown): readonly string[] {
  return (value instanceof Tuple ? value.items : [value]).map((one) => textArgument(one, 'prefix'))
}

function split(text: string, { sep = null, maxsplit = -1 }: Given): readonly string[] {
  const most = wholeArgument(maxsplit, 'maxsplit')
  if (sep === null) {
    const words = [...text.matchAll(/\S+/gu)]
    const kept = words.slice(0, most < 0 ? undefined : most).map(([word]) => word)
    return kept.length === words.length ? kept : [...kept, text.slice(words[most]!.index)]
  }
  const separator = textArgument(sep, 'sep')
  if (separator === '') throw invalid('expected a separator that is not empty')
  const parts = text.split(separator)
  return most < 0 || parts.length <= most + 1 ? parts : [...parts.slice(0, most), parts.slice(most).join(separator)]
}

/** The text with up to `count` places replaced; all of them below zero. */
export function replaced(
  text: string,
  old: string,
  by: string,
  count: number,
  meter: { characters(count: number): void },
): string {
  const parts = old === '' ? ['', ...Array.from(text), ''] : text.split(old)
  const most = count < 0 ? parts.length - 1 : Math.min(count, parts.length - 1)
  meter.characters(text.length + most * by.length)
  const glue = (index: number): string => (index < most ? by : index < parts.length - 1 ? old : '')
  return parts.map((part, index) => part + glue(index)).join('')
}

const textMethods: ReadonlyMap<string, Callable> = new Map<string, Callable>([
  ['upper', textMethod('', (text) => text.toUpperCase())],
  ['lower', textMethod('', (text) => text.toLowerCase())],
  ['title', textMethod('', titled)],
  ['capitalize', textMethod('', capitalized)],
  ['strip', stripping('both')],
  ['lstrip', stripping('start')],
  ['rstrip', stripping('end')],
  [
    'removeprefix',
    textMethod('prefix', (text, { prefix }) =>
      text.startsWith(textArgument(prefix, 'prefix')) ? text.slice(String(prefix).length) : text,
    ),
  ],
  [
    'removesuffix',
    textMethod('suffix', (text, { suffix }) =>
      suffix !== '' && text.endsWith(textArgument(suffix, 'suffix')) ? text.slice(0, -String(suffix).length) : text,
    ),
  ],
  [
    'replace',
    callable('old new count', (value, { old, new: by, count = -1 }, { meter }) =>
      replaced(value as string, textArgument(old, 'old'), textArgument(by, 'new'), wholeArgument(count, 'count'), meter),
    ),
  ],
  ['startswith', textQuery('prefix', (text, { prefix }) => prefixes(prefix).some((one) => text.startsWith(one)))],
  ['endswith', textQuery('suffix', (text, { suffix }) => prefixes(suffix).some((one) => text.endsWith(one)))],
  [
    'find',
    textQuery('sub', (text, { sub }) => {
      const at = text.indexOf(textArgument(sub, 'sub'))
      return at < 0 ? at : lengthOf(text.slice(0, at))
    }),
  ],
  [
    'count',
    textQuery('sub', (text, { sub }) => (sub === '' ? lengthOf(text) + 1 : text.split(textArgument(sub, 'sub')).length - 1)),
  ],
  ['split', textQuery('sep maxsplit', split)],
  [
    'splitlines',
    textQuery('', (text) =>
      text
        .replace(/(?:\r\n?|\n)$/, '')
        .split(/\r\n?|\n/)
        .slice(0, text === '' ? 0 : undefined),
    ),
  ],
  ['isdigit', textQuery('', (text) => /^\p{Nd}+$/u.test(text))],
  ['isalpha', textQuery('', (text) => /^\p{L}+$/u.test(text))],
  ['isupper', textQuery('', (text) => text === text.toUpperCase() && text !== text.toLowerCase())],
  ['islower', textQuery('', (text) => text === text.toLowerCase() && text !== text.toUpperCase())],
  [
    'join',
    callable('iterable', (value, { iterable }, { meter }) => {
      const texts = iterate(iterable, meter).map((one) => textArgument(one, 'an item to join'))
      meter.characters(texts.reduce((sum, text) => sum + text.length + (value as string).length, 0))
      return texts.join(value as string)
    }),
  ],
])

const dictMethods: ReadonlyMap<string, Callable> = new Map<string, Callable>([
  [
    'items',
    callable('', (value, _given, { meter }) => {
      iterate(value, meter)
      return entriesOf(value)!.map((entry) => new Tuple(entry))
    }),
  ],
  ['keys', callable('', (value, _given, { meter }) => iterate(value, meter))],
  [
    'values',
    callable('', (value, _given, { meter }) => {
      iterate(value, meter)
      return entriesOf(value)!.map(([, item]) => item)
    }),
  ],
  [
    'get',
    callable('key default', (value, { key, default: other = null }) => {
      const found = entryOf(value, key)
      return found === missing ? other : found
    }),
  ],
])

const listMethods: ReadonlyMap<string, Callable> = new Map<string, Callable>([
  [
    'count',
    callable('value', (list, { value }, { meter }) => iterate(list, meter).filter((item) => equals(item, value, meter)).length),
  ],
  [
    'index',
    callable('value', (list, { value }, { meter }) => {
      const at = iterate(list, meter).findIndex((item) => equals(item, value, meter))
      if (at < 0) throw invalid('expected the list to have the value whose index is asked for')
      return at
    }),
  ],
])

const none: ReadonlyMap<string, Callable> = new Map()

/** The methods of Python that a template may call on a value of this type. They read: nothing a template calls changes a value. */
export function methodsOf(type: PythonType): ReadonlyMap<string, Callable> {
  if (type === 'str') return textMethods
  if (type === 'dict') return dictMethods
  return type === 'list' || type === 'tuple' ? listMethods : none
}
