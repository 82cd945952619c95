import { isDeepStrictEqual } from 'node:util'
import { isPlainObject, type JsonObject, type JsonValue } from '@agl/types'
import { z } from 'zod'
import { type Shape, shapeUnder } from './shape.ts'

export interface Comparison {
  /** What may be applied: the new values of live fields, the old values of all others. */
  readonly mixed: JsonObject
  /** Live fields that differ, as `runner.concurrency`. */
  readonly changed: readonly string[]
  /** Fields that differ and are not live. */
  readonly needsRestart: readonly string[]
}

/** Compares field by field. What a schema marks as live is so with everything in it. */
export function compare(before: JsonObject, after: JsonObject, shape: Shape): Comparison {
  const changed: string[] = []
  const needsRestart: string[] = []
  const mixed = mix(before, after, shape, [])
  return { mixed: (mixed ?? {}) as JsonObject, changed, needsRestart }

  function mix(
    one: JsonValue | undefined,
    other: JsonValue | undefined,
    inner: Shape,
    path: readonly string[],
  ): JsonValue | undefined {
    if (isDeepStrictEqual(one, other)) return one
    if (inner.live === true) {
      changed.push(z.core.toDotPath(path))
      return other
    }
    if (!canDescend(one, other, inner)) {
      needsRestart.push(z.core.toDotPath(path))
      return one
    }
    const [low, high] = [one ?? {}, other ?? {}] as readonly [JsonObject, JsonObject]
    const keys = [...new Set([...Object.keys(low), ...Object.keys(high)])]
    const values = keys.map((key): [string, JsonValue | undefined] => [
      key,
      mix(low[key], high[key], shapeUnder(inner, key, { ...high, ...low }), [...path, key]),
    ])
    const kept = values.filter((entry): entry is [string, JsonValue] => entry[1] !== undefined)
    return kept.length === 0 && one === undefined ? undefined : Object.fromEntries(kept)
  }
}

/** Into objects whose fields are known; an object that is not there counts as empty. Another type of component is another component. */
function canDescend(one: JsonValue | undefined, other: JsonValue | undefined, shape: Shape): boolean {
  if (![one, other].every((value) => value === undefined || isPlainObject(value))) return false
  const isChoice = shape.component !== null || shape.variants.size > 1
  if (!isChoice) return shape.fields.size > 0
  return isPlainObject(one) && isPlainObject(other) && one['type'] === other['type']
}
