import type { Meter } from '../meter.ts'
import { wholeNumber } from '../python/operators.ts'
import { str } from '../python/text.ts'
import { codePoints, entriesOf, entryOf, itemsOf, knownTypeOf, lengthOf, missing, Tuple, typeOf } from '../python/values.ts'
import { invalid } from '../template-error.ts'
import { defined, Undefined } from './undefined.ts'

/** The variables that a template keeps in `namespace()`, to write to them from within a loop. */
export class Namespace {
  readonly entries: Map<string, unknown>
  constructor(entries: Map<string, unknown>) {
    this.entries = entries
  }
}

/** What `loop` is. */
export class Loop {
  readonly entries: ReadonlyMap<string, unknown>
  /** What `loop.changed(…)` was last given. */
  readonly changes: { last: unknown }
  constructor(entries: ReadonlyMap<string, unknown>, changes: { last: unknown }) {
    this.entries = entries
    this.changes = changes
  }
}

/** `object.name` or `object[key]`: own entries of dicts, items of lists and characters of text. Nothing else can be reached. */
export function getItem(object: unknown, key: unknown, meter: Meter): unknown {
  const container = defined(object)
  const name = defined(key)
  if (container instanceof Namespace || container instanceof Loop) {
    return typeof name === 'string' && container.entries.has(name)
      ? container.entries.get(name)
      : new Undefined(() => `expected ${described(name)} in ${container instanceof Loop ? 'loop' : 'the namespace'}`)
  }
  if (typeof container === 'string') meter.step(1 + Math.floor(container.length / 10))
  const items = typeof container === 'string' && typeof name === 'number' ? codePoints(container) : itemsOf(container)
  if (items !== null && typeof name === 'number') {
    const found = items.at(name)
    return Number.isInteger(name) && found !== undefined
      ? found
      : new Undefined(() => `expected more than ${items.length} items, for item ${name}`)
  }
  const found = entryOf(container, name)
  if (found !== missing) return found
  return new Undefined(() => `expected ${described(name)} in ${contentsOf(container)}`)
}

function described(key: unknown): string {
  if (typeof key === 'string') return `"${key}"`
  return typeof key === 'number' ? `item ${key}` : `an item of a key of type ${describe(key)}`
}

function contentsOf(container: unknown): string {
  const keys = entriesOf(container)?.map(([key]) => String(key))
  return keys === undefined ? `a value of type ${typeOf(container)}` : `a dict of ${keys.join(', ') || 'nothing'}`
}

/** `object[start:stop:step]` */
export function slice(object: unknown, bounds: readonly unknown[], meter: Meter): unknown {
  const container = defined(object)
  const items = typeof container === 'string' ? codePoints(container) : itemsOf(container)
  if (items === null) throw invalid(`expected a text or list to take a part of, got ${typeOf(container)}`)
  meter.step(1 + Math.floor(items.length / 10))
  const [start, stop, step = 1] = bounds.map((bound) => {
    if (bound === null || bound === undefined) return undefined
    if (typeof bound !== 'number' || !Number.isInteger(bound))
      throw invalid(`expected whole numbers in [start:stop:step], got ${describe(bound)}`)
    return bound
  })
  if (step === 0) throw invalid('expected a step other than 0')
  const part: unknown[] = []
  const length = items.length
  const within = (index: number): number =>
    Math.min(Math.max(index < 0 ? index + length : index, step < 0 ? -1 : 0), step < 0 ? length - 1 : length)
  const from = start === undefined ? (step < 0 ? length - 1 : 0) : within(start)
  const to = stop === undefined ? (step < 0 ? -1 : length) : within(stop)
  for (let index = from; step < 0 ? index > to : index < to; index += step) part.push(items[index])
  meter.step(part.length)
  if (typeof container === 'string') return part.join('')
  return container instanceof Tuple ? new Tuple(part) : part
}

function describe(value: unknown): string {
  return knownTypeOf(value) ?? 'something else'
}

/** What a loop or filter goes through: items of lists, keys of dicts, characters of text. */
export function iterate(value: unknown, meter: Meter): readonly unknown[] {
  const container = defined(value)
  const items =
    typeof container === 'string' ? codePoints(container) : (itemsOf(container) ?? entriesOf(container)?.map(([key]) => key))
  if (items === undefined) throw invalid(`expected a list, dict or text to go through, got ${describe(container)}`)
  meter.step(items.length)
  return items
}

/** `value | length` */
export function lengthOfValue(value: unknown, meter: Meter): number {
  const container = defined(value)
  if (typeof container === 'string') {
    meter.step(1 + Math.floor(container.length / 10))
    return lengthOf(container)
  }
  const items = itemsOf(container) ?? entriesOf(container)
  if (items === null) throw invalid(`expected a text, list or dict to have a length, got ${describe(container)}`)
  if (!Array.isArray(container)) meter.step(1 + Math.floor(items.length / 10))
  return items.length
}

/** A value as text: what `{{ … }}` prints. */
export function textOf(value: unknown, meter: Meter): string {
  const shown = defined(value)
  if (shown instanceof Namespace || shown instanceof Loop)
    throw invalid('expected a value to print, got loop or a namespace; print one of its entries')
  const text = str(shown, meter)
  meter.characters(text.length)
  return text
}

/** An argument that has to be a whole number. */
export function wholeArgument(value: unknown, name: string): number {
  const number = typeof value === 'boolean' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isInteger(number))
    throw invalid(`expected a whole number as ${name}, got ${describe(number)}`)
  return wholeNumber(number)
}

/** An argument that has to be text. */
export function textArgument(value: unknown, name: string): string {
  if (typeof value !== 'string') throw invalid(`expected a text as ${name}, got ${describe(value)}`)
  return value
}
