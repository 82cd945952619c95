import { hideCredentials, isPlainObject, type JsonValue } from '@agl/types'
import type { z } from 'zod'
import { type Shape, shapeOf, shapeUnder } from './shape.ts'

export const redacted = '[redacted]'

const secretWords =
  /^(key|keys|token|tokens|password|passwords|passwd|passphrase|secret|secrets|authorization|cookie|credential|credentials)$/
/** What ends so tells of a secret but is none: `tokenFile`, `max_tokens_count`. */
const harmlessEnd = /^(file|path|count|limit|bytes|ms|seconds|name|names)$/

/** Whether what is kept under such a name is a secret. */
export function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
  return words.some((word) => secretWords.test(word) || word.endsWith('apikey')) && !harmlessEnd.test(words.at(-1)!)
}

/** Whether a value at such a place is not to be shown. Numbers under a name are amounts (`max_tokens`), unless it is a password. */
export function isSecret(name: PropertyKey, shape: Shape, value: unknown): boolean {
  if (shape.secret === true) return true
  if (typeof value === 'boolean' || (typeof value === 'number' && /token|key/i.test(String(name)))) return false
  return typeof name === 'string' && isSecretName(name)
}

/**
 * A text without the secrets that can be told by their form: users and passwords of URLs, parameters of URLs with secret names,
 * and what follows `Bearer` and `Basic`. A password may hold what a URL should have escaped, so everything up to the last
 * `@` counts as one.
 */
export function redactText(text: string): string {
  return hideCredentials(text, redacted)
    .replace(/([?&#;]([^=&?#;\s]+)=)[^&#\s]+/g, (found, start: string, name: string) =>
      isSecretName(name) ? start + redacted : found,
    )
    .replace(/\b(bearer|basic)\s+\S+/gi, `$1 ${redacted}`)
}

/**
 * A configuration as it may be printed: fields that the schema marks as `secret`, fields under names like `api_key`, `token` or
 * `password`, and the users and passwords in URLs are replaced by `[redacted]`.
 */
export function redact(schema: z.ZodType, value: unknown): JsonValue {
  return redactBy(shapeOf(schema), value)
}

export function redactBy(shape: Shape, value: unknown): JsonValue {
  if (shape.secret === true && value !== null && value !== undefined) return redacted
  if (typeof value === 'string') return redactText(value)
  if (Array.isArray(value)) return value.map((item, index) => redactBy(shapeUnder(shape, index, value), item))
  if (isPlainObject(value)) {
    const entries = Object.entries(value).map(([key, item]): [string, JsonValue] => {
      const inner = shapeUnder(shape, key, value)
      const isHidden = item !== null && item !== undefined && isSecret(key, inner, item)
      return [redactText(key), isHidden ? redacted : redactBy(inner, item)]
    })
    return Object.fromEntries(entries)
  }
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value
  return value === undefined ? null : `[${typeof value}]`
}

/** Every text that `redact` would hide whole. */
export function secretsIn(shape: Shape, value: unknown, isHidden: boolean = false): readonly string[] {
  const hidden = isHidden || shape.secret === true
  if (typeof value === 'string') return hidden ? [value] : credentialsIn(value)
  if (typeof value === 'number') return hidden ? [String(value)] : []
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => {
    const name = Array.isArray(value) ? Number(key) : key
    const inner = shapeUnder(shape, name, value)
    return secretsIn(inner, item, hidden || isSecret(name, inner, item))
  })
}

function credentialsIn(text: string): readonly string[] {
  const users = text.split(/\s+/).flatMap((word) => {
    const start = word.indexOf('://') + 3
    const found = word.slice(start, Math.max(start, word.lastIndexOf('@')))
    return start > 2 ? [found, ...found.split(':')] : []
  })
  const words = [...text.matchAll(/\b(?:bearer|basic)\s+(\S+)/gi)].map(([, found]) => found!)
  return [...users, ...words].flatMap((found) => [found, decoded(found)])
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A message without any of these texts; those of fewer than 4 letters are too common to be told from other words. */
export function scrub(message: string, secrets: Iterable<string>): string {
  const longestFirst = [...new Set(secrets)].filter(({ length }) => length >= 4).sort((one, other) => other.length - one.length)
  return longestFirst.reduce((text, secret) => text.replaceAll(secret, redacted), message)
}
