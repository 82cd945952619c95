import type { Attributes, AttributeValue } from '../attribute.ts'

/** The `{i}.{field}` groups under a dotted prefix, in order of their index; keys of any other form are ignored. */
export function indexedGroups(attributes: Attributes, prefix: string): readonly Readonly<Record<string, AttributeValue>>[] {
  const groups = new Map<number, Record<string, AttributeValue>>()
  const start = `${prefix}.`
  for (const [key, value] of Object.entries(attributes)) {
    if (!key.startsWith(start)) continue
    const match = /^(\d+)\.(.+)$/.exec(key.slice(start.length))
    if (match === null) continue
    const index = Number(match[1])
    const group = groups.get(index) ?? {}
    group[match[2]!] = value
    groups.set(index, group)
  }
  return [...groups.entries()].sort(([a], [b]) => a - b).map(([, group]) => group)
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
