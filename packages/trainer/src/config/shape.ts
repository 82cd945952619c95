import { isPlainObject } from '@agl/types'
import { z } from 'zod'

/**
 * What the owner of a schema says of a field beside its type, with `.meta({ … })`:
 *
 *   description   one line for `--help`
 *   default       shown by `--help` where the schema itself fills in none
 *   secret        never printed, whatever its name; see `redact`
 *   live          may change while the program runs; see `watchConfig`
 *   path          a path: one that a file names is meant from that file's folder. What begins with `:` is a name and stays
 *   module        a file or a package, with the name of an export as `./file.ts#export`; a file is meant from the same folder and
 *                 becomes a URL
 */
export interface FieldMeta {
  readonly description?: string
  readonly default?: unknown
  readonly secret?: boolean
  readonly live?: boolean
  readonly path?: boolean
  readonly module?: boolean
}

export type ValueType = 'string' | 'number' | 'integer' | 'boolean' | 'null' | 'object' | 'array' | 'any'

/** A schema as far as files, flags and help need it. */
export interface Shape extends FieldMeta {
  readonly types: ReadonlySet<ValueType>
  /** Of an object, the keys it knows. */
  readonly fields: ReadonlyMap<string, Shape>
  /** Of an object that takes any key, what these hold. */
  readonly values: Shape | null
  /** Of a list, what it holds. */
  readonly items: Shape | null
  /** Of an object whose `type` says what else it has: one shape for each. */
  readonly variants: ReadonlyMap<string, Shape>
  readonly choices: readonly (string | number)[] | null
  /** The kind of component that is configured here. */
  readonly component: string | null
}

type JsonSchema = Readonly<Record<string, unknown>>

const nothing: Shape = Object.freeze({
  types: new Set<ValueType>(),
  fields: new Map(),
  values: null,
  items: null,
  variants: new Map(),
  choices: null,
  component: null,
})

const anything: Shape = Object.freeze({ ...nothing, types: new Set<ValueType>(['any']) })

/** By way of JSON Schema, which zod writes for every schema and which carries the metadata; what it cannot say takes anything. */
export function shapeOf(schema: z.ZodType): Shape {
  return read(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', cycles: 'ref', reused: 'inline' }))
}

function read(schema: unknown): Shape {
  if (!isPlainObject(schema)) return anything
  const branches = (schema['oneOf'] ?? schema['anyOf']) as readonly JsonSchema[] | undefined
  const shape = branches === undefined ? readOne(schema) : branches.map(read).reduce(either)
  return { ...shape, ...metaOf(schema) }
}

function readOne(schema: JsonSchema): Shape {
  const choices = 'const' in schema ? [schema['const']] : (schema['enum'] as readonly unknown[] | undefined)
  const fields = Object.entries((schema['properties'] ?? {}) as JsonSchema).map(([key, field]) => [key, read(field)] as const)
  const rest = schema['additionalProperties']
  const type = '$ref' in schema ? 'any' : ((schema['type'] as ValueType | readonly ValueType[] | undefined) ?? 'any')
  const own = new Map(fields)
  const variant = own.get('type')?.choices
  const shape = {
    ...nothing,
    types: new Set([type].flat()),
    fields: own,
    values: isPlainObject(rest) ? read(rest) : null,
    items: 'items' in schema ? read(schema['items']) : null,
    choices: (choices?.filter((choice) => choice !== null) as Shape['choices'] | undefined) ?? null,
  }
  return variant?.length === 1 ? { ...shape, variants: new Map([[String(variant[0]), shape]]) } : shape
}

function metaOf(schema: JsonSchema): Partial<Shape> {
  const names = ['description', 'default', 'secret', 'live', 'path', 'module', 'component'] as const
  return Object.fromEntries(names.filter((name) => schema[name] !== undefined).map((name) => [name, schema[name]]))
}

/** A value that may have the one shape or the other. Objects that differ by their `type` are kept apart. */
function either(one: Shape, other: Shape): Shape {
  const areVariants = one.variants.size > 0 && other.variants.size > 0
  const isOnlyNull = (shape: Shape): boolean => shape.types.size === 1 && shape.types.has('null')
  return {
    ...other,
    ...one,
    types: new Set([...one.types, ...other.types]),
    fields: areVariants ? new Map() : new Map([...other.fields, ...one.fields]),
    values: one.values ?? other.values,
    items: one.items ?? other.items,
    variants: new Map([...one.variants, ...other.variants]),
    choices: mergedChoices(one, other, isOnlyNull),
  }
}

function mergedChoices(one: Shape, other: Shape, isOnlyNull: (shape: Shape) => boolean): Shape['choices'] {
  if (isOnlyNull(one)) return other.choices
  if (isOnlyNull(other)) return one.choices
  return one.choices === null || other.choices === null ? null : [...one.choices, ...other.choices]
}

/** The shape under a key. @param owner the object it is in, whose `type` chooses among variants */
export function shapeUnder(shape: Shape, key: PropertyKey, owner: unknown): Shape {
  if (typeof key === 'number') return shape.items ?? anything
  const fields = fieldsOf(shape, owner)
  return fields.get(String(key)) ?? shape.values ?? anything
}

/** The keys that an object knows, by its `type` where that decides. */
export function fieldsOf(shape: Shape, owner: unknown): ReadonlyMap<string, Shape> {
  if (shape.variants.size < 2 && shape.component === null) return shape.fields
  const type = isPlainObject(owner) ? owner['type'] : undefined
  const variant = typeof type === 'string' ? shape.variants.get(type) : undefined
  return (
    variant?.fields ??
    new Map([['type', { ...nothing, types: new Set(['string'] as const), choices: [...shape.variants.keys()] }]])
  )
}

export function shapeAt(shape: Shape, path: readonly PropertyKey[], value: unknown): Shape {
  let present = shape
  let owner = value
  for (const key of path) {
    present = shapeUnder(present, key, owner)
    owner = under(owner, key)
  }
  return present
}

/** What is under a key, if the value has keys at all. */
export function under(value: unknown, key: PropertyKey): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return (value as Readonly<Record<PropertyKey, unknown>>)[key]
}

export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((present, key) => under(present, key), value)
}
