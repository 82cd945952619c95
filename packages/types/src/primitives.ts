import { z } from 'zod'
import { type Attributes, type AttributeValue, isAttributeValue } from './attribute.ts'

/** How the plain values inside records are checked: strictly in TypeScript, laxly on the wire. */
export interface Primitives {
  readonly number: z.ZodType<number>
  readonly integer: z.ZodType<number>
  /** At least 1. */
  readonly positiveInteger: z.ZodType<number>
  readonly boolean: z.ZodType<boolean>
  readonly attributes: z.ZodType<Attributes>
}

const attributeError = 'expected a string, boolean, number, or a list of one of them'
const attributesOf = (value: z.ZodType<AttributeValue>): z.ZodType<Attributes> => z.record(z.string(), value)

/** No conversion. */
export const strictPrimitives: Primitives = {
  number: z.number(),
  integer: z.int(),
  positiveInteger: z.int().min(1),
  boolean: z.boolean(),
  attributes: attributesOf(z.custom<AttributeValue>(isAttributeValue, { error: attributeError })),
}

const numeral = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i
const wholeNumeral = /^\s*[+-]?\d+(\.0*)?\s*$/

const toNumber = (value: unknown): unknown => fromNumeral(value, numeral)
const toInteger = (value: unknown): unknown => fromNumeral(value, wholeNumeral)

function fromNumeral(value: unknown, form: RegExp): unknown {
  const isNumeral = typeof value === 'boolean' || (typeof value === 'string' && form.test(value))
  return isNumeral ? Number(value) : value
}

const booleanWords = new Map<unknown, boolean>([
  ...[1, '1', 't', 'true', 'y', 'yes', 'on'].map((word) => [word, true] as const),
  ...[0, '0', 'f', 'false', 'n', 'no', 'off'].map((word) => [word, false] as const),
])

function toBoolean(value: unknown): unknown {
  return booleanWords.get(typeof value === 'string' ? value.toLowerCase() : value) ?? value
}

/** Lists of booleans and numbers become lists of one of them: of booleans while every number is 0 or 1. */
function toAttributeValue(value: unknown): unknown {
  if (!Array.isArray(value) || !value.some((item) => typeof item === 'boolean')) return value
  if (!value.every((item) => typeof item === 'boolean' || typeof item === 'number')) return value
  const isBoolean = value.every((item) => typeof item === 'boolean' || item === 0 || item === 1)
  return value.map((item) => (isBoolean ? Boolean(item) : Number(item)))
}

/** What Pydantic 2 converts in its default, lax mode (docs.pydantic.dev, "Conversion Table"). */
export const laxPrimitives: Primitives = {
  number: z.preprocess(toNumber, z.number()),
  integer: z.preprocess(toInteger, z.int()),
  positiveInteger: z.preprocess(toInteger, z.int().min(1)),
  boolean: z.preprocess(toBoolean, z.boolean()),
  attributes: attributesOf(z.preprocess(toAttributeValue, z.custom<AttributeValue>(isAttributeValue, { error: attributeError }))),
}
