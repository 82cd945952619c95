import { randomBytes } from 'node:crypto'

/** What nobody else writes: the place of a text within a text. */
const mark = `agl-json-${randomBytes(12).toString('hex')}-`
const places = new RegExp(`"${mark}(\\d+)"`, 'g')
let texts: string[] = []

/** Stands for JSON that is there as text already, in what {@link stringify} is given. */
export class JsonText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toJSON(): string {
    return `${mark}${texts.push(this.text) - 1}`
  }
}

/** As `JSON.stringify`, with texts written as they are. */
export function stringify(value: unknown): string {
  texts = []
  const text = JSON.stringify(value)
  if (texts.length === 0) return text
  const found = texts
  return text.replace(places, (_, index: string) => found[Number(index)]!)
}

const isOdd = (value: unknown): boolean => typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))

function hasOddNumber(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return isOdd(value)
  if (Array.isArray(value)) return value.some(hasOddNumber)
  for (const key in value) if (hasOddNumber((value as Readonly<Record<string, unknown>>)[key])) return true
  return false
}

/** JSON text in which NaN, the infinities and -0 are the words that Python writes; rare, and only then at any cost. */
export function stringifyWithOddNumbers(value: unknown): string {
  return hasOddNumber(value) ? stringify(withWords(value)) : JSON.stringify(value)
}

function withWords(value: unknown): unknown {
  if (isOdd(value)) return new JsonText(Object.is(value, -0) ? '-0' : String(value))
  if (Array.isArray(value)) return value.map(withWords)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withWords(item)]))
}
