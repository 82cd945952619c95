import { compare, equals, isTruthy, numericOf } from '../python/operators.ts'
import { entriesOf, Tuple } from '../python/values.ts'
import { invalid } from '../template-error.ts'
import { getItem, iterate, textArgument, textOf, wholeArgument } from './access.ts'
import { type Arguments, type Callable, callable, type Tools } from './call.ts'
import { defined, Undefined } from './undefined.ts'

type Given = Readonly<Record<string, unknown>>

/** The value at a dotted path such as `user.name` or `0`; the item itself without one. */
export function attributeOf(item: unknown, path: unknown, { meter }: Tools): unknown {
  if (path === undefined || path === null) return item
  if (typeof path === 'string') meter.characters(path.length)
  const steps = typeof path === 'string' ? path.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step)) : [path]
  return steps.reduce<unknown>((found, step) => getItem(found, step, meter), item)
}

/** What items are sorted, grouped and told apart by. */
function keyOf(item: unknown, { attribute, case_sensitive: isSensitive = false }: Given, tools: Tools): unknown {
  const key = defined(attributeOf(item, attribute, tools))
  if (typeof key !== 'string' || isTruthy(isSensitive)) return key
  tools.meter.characters(key.length)
  return key.toLowerCase()
}

/** By several attributes, with commas between them, too. */
export function sorted(value: unknown, given: Given, tools: Tools): unknown[] {
  const { attribute } = given
  const key = (item: unknown): unknown =>
    typeof attribute === 'string' && attribute.includes(',')
      ? attribute.split(',').map((one) => keyOf(item, { ...given, attribute: one }, tools))
      : keyOf(item, given, tools)
  const keyed = iterate(value, tools.meter).map((item) => ({ item, key: key(item) }))
  const direction = isTruthy(given['reverse'] ?? false) ? -1 : 1
  return keyed.sort((left, right) => direction * compare(left.key, right.key, tools.meter)).map(({ item }) => item)
}

export function extreme(direction: 1 | -1): Callable {
  return callable('case_sensitive attribute', (value, given, tools) => {
    const items = iterate(value, tools.meter)
    if (items.length === 0) return new Undefined(() => 'expected at least one item')
    const key = (item: unknown): unknown => keyOf(item, given, tools)
    return items.reduce((best, item) => (direction * compare(key(item), key(best), tools.meter) > 0 ? item : best))
  })
}

export function unique(value: unknown, given: Given, tools: Tools): unknown[] {
  const seen = new Set<unknown>()
  return iterate(value, tools.meter).filter((item) => {
    const key = keyOf(item, given, tools)
    const mark = typeof key === 'string' ? `text ${key}` : (numericOf(key)?.value ?? key)
    if (typeof mark === 'object' && mark !== null) throw invalid('expected texts or numbers to tell apart; name an attribute')
    return !seen.has(mark) && seen.add(mark)
  })
}

/** Jinja's `map` and `select` take anything that counts as false for empty. */
function itemsIfAny(value: unknown, { meter }: Tools): readonly unknown[] {
  return isTruthy(defined(value)) ? iterate(value, meter) : []
}

/** `select` and its like: which items stay, by a test of them or of one of their attributes. */
export function selecting(isKept: boolean, byAttribute: boolean): Callable {
  return callable(null, (value, _given, tools, { positional, named }) => {
    const [attribute, ...rest] = byAttribute ? positional : [undefined, ...positional]
    if (byAttribute && attribute === undefined) throw invalid('expected the name of an attribute')
    const [name, ...args] = rest
    return itemsIfAny(value, tools).filter((item) => {
      const tested = attributeOf(item, attribute, tools)
      const holds =
        name === undefined
          ? isTruthy(defined(tested))
          : tools.test(textArgument(name, 'the name of a test'), tested, { positional: args, named })
      return holds === isKept
    })
  })
}

export function map(value: unknown, tools: Tools, { positional, named }: Arguments): readonly unknown[] {
  const items = itemsIfAny(value, tools)
  const [name, ...args] = positional
  if (name !== undefined)
    return items.map((item) => tools.filter(textArgument(name, 'the name of a filter'), item, { positional: args, named }))
  if (!named.has('attribute')) throw invalid('expected the name of a filter, or an attribute')
  const other = named.get('default')
  return items.map((item) => {
    const found = attributeOf(item, named.get('attribute'), tools)
    return found instanceof Undefined && other !== undefined ? other : defined(found)
  })
}

export function grouped(value: unknown, { attribute, default: other, ...given }: Given, tools: Tools): readonly Tuple[] {
  const keyed = iterate(value, tools.meter).map((item) => {
    const found = attributeOf(item, attribute, tools)
    return new Tuple([found instanceof Undefined && other !== undefined ? other : defined(found), item])
  })
  const groups: { readonly key: unknown; readonly shown: unknown; readonly items: unknown[] }[] = []
  for (const { items } of sorted(keyed, { ...given, attribute: 0 }, tools) as readonly Tuple[]) {
    const key = keyOf(items[0], given, tools)
    const last = groups.at(-1)
    if (last !== undefined && equals(last.key, key, tools.meter)) last.items.push(items[1])
    else groups.push({ key, shown: items[0], items: [items[1]] })
  }
  return groups.map(({ shown, items }) => new Tuple([shown, items]))
}

export function batches(value: unknown, { linecount, fill_with: fill = null }: Given, { meter }: Tools): readonly unknown[] {
  const size = wholeArgument(linecount, 'linecount')
  if (size < 1) throw invalid(`expected batches of at least 1, got ${size}`)
  const items = iterate(value, meter)
  const lines = Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
  const last = lines.at(-1)
  if (last === undefined || fill === null || last.length === size) return lines
  meter.step(size)
  return [...lines.slice(0, -1), [...last, ...Array.from({ length: size - last.length }, () => fill)]]
}

export function joined(value: unknown, { d = '', attribute }: Given, tools: Tools): string {
  const glue = textOf(d, tools.meter)
  const texts = iterate(value, tools.meter).map((item) => textOf(attributeOf(item, attribute, tools), tools.meter))
  tools.meter.characters(texts.reduce((sum, text) => sum + text.length + glue.length, 0))
  return texts.join(glue)
}

export function reversed(value: unknown, { meter }: Tools): unknown {
  const items = iterate(value, meter).toReversed()
  return typeof value === 'string' ? items.join('') : items
}

export function items(value: unknown, { meter }: Tools): readonly Tuple[] {
  if (value instanceof Undefined) return []
  iterate(value, meter)
  const entries = entriesOf(value)
  if (entries === null) throw invalid('expected a dict')
  return entries.map((entry) => new Tuple(entry))
}

export function dictSorted(value: unknown, { by = 'key', ...given }: Given, tools: Tools): unknown {
  if (by !== 'key' && by !== 'value') throw invalid('expected to sort by "key" or "value"')
  return sorted(items(defined(value), tools), { ...given, attribute: by === 'key' ? 0 : 1 }, tools)
}

export function at(index: 0 | -1): Callable {
  return callable('', (value, _given, { meter }) => {
    const all = iterate(value, meter)
    return all.length === 0 ? new Undefined(() => 'expected at least one item') : all.at(index)
  })
}
