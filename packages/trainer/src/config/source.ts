import type { JsonValue } from '@agl/types'
import { type Environment, resolveReferences } from './references.ts'
import { type Shape, shapeUnder } from './shape.ts'

/** Where a value comes from. */
export interface Origin {
  /** A file's path, or the flag. */
  readonly label: string
  /** From where its relative paths are meant. */
  readonly folder: string
}

/**
 * A value before it is checked, each part with its origin. A `text` is what came from the environment or from the command line: it
 * becomes a number, a boolean, null or a list by what the schema expects there.
 */
export type Source =
  | { readonly kind: 'object'; readonly origin: Origin; readonly entries: ReadonlyMap<string, Source> }
  | { readonly kind: 'list'; readonly origin: Origin; readonly items: readonly Source[] }
  | { readonly kind: 'value'; readonly origin: Origin; readonly value: string | number | boolean | null }
  | { readonly kind: 'text'; readonly origin: Origin; readonly texts: readonly string[]; readonly variable: string | null }

/** @throws AglError for a reference that leads nowhere */
export function sourceOf(value: JsonValue, origin: Origin, environment: Environment, path: readonly PropertyKey[] = []): Source {
  if (typeof value === 'string') return textSource(value, origin, environment, path)
  if (typeof value !== 'object' || value === null) return { kind: 'value', origin, value }
  if (Array.isArray(value)) {
    const items = value.map((item: JsonValue, index) => sourceOf(item, origin, environment, [...path, index]))
    return { kind: 'list', origin, items }
  }
  const entries = Object.entries(value as Readonly<Record<string, JsonValue>>)
  return {
    kind: 'object',
    origin,
    entries: new Map(entries.map(([key, item]) => [key, sourceOf(item, origin, environment, [...path, key])])),
  }
}

function textSource(text: string, origin: Origin, environment: Environment, path: readonly PropertyKey[]): Source {
  const found = resolveReferences(text, environment, { file: origin.label, path })
  if (found.variable === null) return { kind: 'value', origin, value: found.text }
  return { kind: 'text', origin, texts: [found.text], variable: found.variable }
}

/**
 * Lays one source over another. Objects are merged key by key; everything else, lists too, takes the place of what was
 * there. Where a component is configured, a name alone is `{ type: name }`, and another `type` takes the place of the whole: its options
 * are not those of the type before.
 */
export function merge(lower: Source, upper: Source, shape: Shape): Source {
  const below = asObject(lower, shape)
  const above = asObject(upper, shape)
  if (below.kind !== 'object' || above.kind !== 'object') return upper
  const types = [below, above].map(({ entries }) => textOf(entries.get('type')))
  const isComponent = shape.component !== null || shape.variants.size > 1
  if (isComponent && types[1] !== undefined && types[0] !== types[1]) return above
  const owner = { type: types[1] ?? types[0] }
  const entries = new Map(below.entries)
  for (const [key, item] of above.entries) {
    const present = entries.get(key)
    entries.set(key, present === undefined ? item : merge(present, item, shapeUnder(shape, key, owner)))
  }
  return { kind: 'object', origin: above.origin, entries }
}

/** A component by its name alone in the form that can be merged. */
export function asObject(source: Source, shape: Shape): Source {
  const name = shape.component === null ? undefined : textOf(source)
  if (name === undefined || (shape.types.has('null') && isNone(source))) return source
  return { kind: 'object', origin: source.origin, entries: new Map([['type', source]]) }
}

/** The command line's way to say null. */
export function isNone(source: Source): boolean {
  return (
    source.kind === 'text' && source.variable === null && source.texts.length === 1 && /^(none|null)$/i.test(source.texts[0]!)
  )
}

export function textOf(source: Source | undefined): string | undefined {
  if (source?.kind === 'value' && typeof source.value === 'string') return source.value
  // What begins so is an object in JSON.
  return source?.kind === 'text' && !source.texts[0]!.startsWith('{') ? source.texts.at(-1) : undefined
}

/** The part at a path, or the innermost part above it that was given. */
export function sourceAt(source: Source, path: readonly PropertyKey[]): Source {
  let present = source
  for (const key of path) {
    const next =
      present.kind === 'object'
        ? present.entries.get(String(key))
        : present.kind === 'list'
          ? present.items[Number(key)]
          : undefined
    if (next === undefined) return present
    present = next
  }
  return present
}
