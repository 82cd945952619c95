import { isPlainObject } from '@agl/types'

/** Takes what is malformed in a span, as a sentence for whoever looks after the instrumentation. */
export type Report = (problem: string) => void

export type Fields = Readonly<Record<string, unknown>>

export function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** Text that says something: instrumentation writes '' for what it does not know. */
export function nameOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

/** The first that is text and not empty. */
export function firstName(...values: readonly unknown[]): string | null {
  for (const value of values) if (typeof value === 'string' && value !== '') return value
  return null
}

export function countOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null
}

export function fieldsOf(value: unknown): Fields | null {
  return isPlainObject(value) ? value : null
}

export function listOf(value: unknown): readonly unknown[] | null {
  return Array.isArray(value) ? value : null
}

/**
 * What an attribute holds that carries JSON text; a value that came structured is taken as it is. Undefined, and reported,
 * when the text is not JSON.
 */
export function jsonOf(value: unknown, where: string, report: Report): unknown {
  if (typeof value !== 'string') return value ?? undefined
  try {
    return JSON.parse(value) as unknown
  } catch {
    report(`${where}: expected JSON, got ${excerpt(value)}; when it is cut off, raise OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`)
    return undefined
  }
}

/** As {@link jsonOf} for text that begins like a list or an object; other text stays text. */
export function contentOf(value: unknown, where: string, report: Report): unknown {
  return typeof value === 'string' && !startsLikeJson(value) ? value : jsonOf(value, where, report)
}

/** JSON where the text is JSON of a list or an object, else the text itself. */
export function jsonOrText(value: unknown): unknown {
  if (typeof value !== 'string' || !startsLikeJson(value)) return value ?? undefined
  try {
    return JSON.parse(value) as unknown
  } catch {
    return value
  }
}

function startsLikeJson(text: string): boolean {
  const start = text.trimStart()[0]
  return start === '{' || start === '['
}

/** Text stays as it is, anything else becomes JSON text. */
export function toText(value: unknown, where: string, report: Report): string {
  if (typeof value === 'string') return value
  try {
    return JSON.stringify(value) ?? ''
  } catch {
    report(`${where}: expected something that JSON can hold, got a value nested too deep`)
    return ''
  }
}

/** For messages about what came. */
export function excerpt(value: unknown): string {
  if (typeof value !== 'string')
    return value === null ? 'null' : Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`
  return value.length <= 40 ? JSON.stringify(value) : `${JSON.stringify(value.slice(0, 40))} … (${value.length} characters)`
}
