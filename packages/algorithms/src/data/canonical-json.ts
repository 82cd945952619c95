import { AglError, type JsonValue, jsonOffender } from '@agl/types'

/**
 * JSON that is the same text for the same value, whatever the order of its keys: keys sorted by UTF-16 code units, no white space,
 * numbers and strings as `JSON.stringify` writes them (RFC 8785).
 * @param what names the value in the message, for example `task 3`
 * @throws AglError `invalid_argument` for what is no JSON
 */
export function canonicalJson(value: unknown, what: string): string {
  const offender = jsonOffender(value)
  if (offender === null) return write(value as JsonValue)
  throw new AglError({
    code: 'invalid_argument',
    message: `Expected ${what} to be JSON; ${offender.path || 'it'} is ${offender.description}.`,
  })
}

function write(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
  const fields = value as { readonly [key: string]: JsonValue }
  const keys = Object.keys(fields).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${write(fields[key]!)}`).join(',')}}`
}
