import type { Attributes } from '@agl/types'

/**
 * The attributes below a dotted prefix as nested values, as the reference reads them: a level whose keys are 0 to n−1 is a
 * list, any other an object. Undefined when there are none.
 */
export function unflatten(attributes: Attributes, prefix: string): unknown {
  const start = `${prefix}.`
  const root: Branch = new Map()
  for (const key in attributes) {
    if (!key.startsWith(start)) continue
    let branch = root
    const path = key.slice(start.length).split('.', deepest)
    const last = path.pop()!
    for (const part of path) {
      const next = branch.get(part)
      if (next instanceof Map) branch = next
      else branch.set(part, (branch = new Map()))
    }
    // A plain value gives way to what is nested below the same key.
    if (!(branch.get(last) instanceof Map)) branch.set(last, attributes[key])
  }
  return root.size === 0 ? undefined : toValue(root)
}

/** No tracer nests deeper; what a longer key says beyond is cut off. */
const deepest = 64

type Branch = Map<string, unknown>

function toValue(branch: Branch): unknown {
  const entries = [...branch].map(([key, value]) => [key, value instanceof Map ? toValue(value) : value] as const)
  const isList = entries.every(([key]) => /^(0|[1-9]\d*)$/.test(key) && Number(key) < entries.length)
  if (!isList) return Object.fromEntries(entries)
  return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, value]) => value)
}
