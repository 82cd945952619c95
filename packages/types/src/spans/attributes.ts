import type { Attributes, AttributeValue } from '../attribute.ts'

/** The `{i}.{field}` groups under a dotted prefix, in order of their index; keys of any other form are ignored. */
export function indexedGroups(attributes: Attributes, prefix: string): readonly Readonly<Record<string, AttributeValue>>[] {
  const start = `${prefix}.`
  const groups = new Map<number, Record<string, AttributeValue>>()
  let highest = -1
  let isInOrder = true
  // By hand: adapters ask this of every call, whose attributes are hundreds when its conversation is long.
  for (const key in attributes) {
    if (!key.startsWith(start)) continue
    const dot = key.indexOf('.', start.length)
    const index = dot === -1 || dot === key.length - 1 ? -1 : readIndex(key, start.length, dot)
    if (index === -1) continue
    let group = groups.get(index)
    if (group === undefined) {
      group = {}
      groups.set(index, group)
      isInOrder &&= index > highest
      highest = index
    }
    group[key.slice(dot + 1)] = attributes[key]!
  }
  if (isInOrder) return [...groups.values()]
  return [...groups.entries()].sort(([a], [b]) => a - b).map(([, group]) => group)
}

/** The digits from `start` to `end` as a number; -1 when they are not all digits. */
function readIndex(text: string, start: number, end: number): number {
  if (start === end) return -1
  let index = 0
  for (let at = start; at < end; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return -1
    index = index * 10 + digit
  }
  return index
}

/** The reverse of {@link indexedGroups}. */
export function toIndexedAttributes<Value extends AttributeValue>(
  prefix: string,
  groups: readonly Readonly<Record<string, Value>>[],
): Record<string, Value> {
  const entries = groups.flatMap((group, index) =>
    Object.entries(group).map(([field, value]) => [`${prefix}.${index}.${field}`, value] as const),
  )
  return Object.fromEntries(entries)
}
