import { isPlainObject } from '@agl/types'

/** Readers of JSON whose shape nobody promises: what is not as expected counts as absent, and nothing throws. */

export type Fields = Readonly<Record<string, unknown>>

const noFields: Fields = Object.freeze({})

export function fieldsOf(value: unknown): Fields {
  return isPlainObject(value) ? value : noFields
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

export function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

/** No ids at all are as good as none: null for both. */
export function tokenIdsOf(value: unknown): readonly number[] | null {
  if (!Array.isArray(value) || value.length === 0) return null
  for (const id of value) if (!Number.isSafeInteger(id)) return null
  return value
}

/** Null for text that is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Text as it is; anything else as JSON text; '' for nothing. */
export function asText(value: unknown): string {
  if (typeof value === 'string') return value
  return value === null || value === undefined ? '' : JSON.stringify(value)
}

/** The fields that say something and are not among the named ones. */
export function otherFields(fields: Fields, named: ReadonlySet<string>): Fields {
  const others: [string, unknown][] = []
  for (const [name, value] of Object.entries(fields)) {
    const saysSomething = value !== null && value !== undefined && !(Array.isArray(value) && value.length === 0)
    if (saysSomething && !named.has(name)) others.push([name, value])
  }
  return Object.fromEntries(others)
}
