import type { Attributes } from '@agl/types'
import type { Fields } from './values.ts'

/** Deeper than any schema of a tool, and safely within the stack; what is below becomes one key. */
const maxDepth = 64

type Branch = Map<string, unknown>

/**
 * The values under a dotted prefix, as the nested value they were flattened from. A level whose keys are all indices is a
 * list, in order of the indices, gaps closed. Where a value stands in the way of a nested key, the nested key wins.
 */
export function treeUnder(attributes: Attributes, prefix: string): Fields {
  const root: Branch = new Map()
  for (const key of Object.keys(attributes)) if (key.startsWith(prefix)) insert(root, key, prefix.length, attributes[key])
  return toFields(root)
}

function insert(root: Branch, key: string, start: number, value: unknown): void {
  let current = root
  let from = start
  for (let depth = 1; depth < maxDepth; depth++) {
    const dot = key.indexOf('.', from)
    if (dot === -1) break
    const step = key.slice(from, dot)
    const known = current.get(step)
    if (known instanceof Map) current = known as Branch
    else {
      const next: Branch = new Map()
      current.set(step, next)
      current = next
    }
    from = dot + 1
  }
  const last = key.slice(from)
  if (!(current.get(last) instanceof Map)) current.set(last, value)
}

function finish(value: unknown): unknown {
  if (!(value instanceof Map)) return value
  const branch = value as Branch
  const keys = [...branch.keys()]
  if (!keys.every(isIndex)) return toFields(branch)
  return keys.sort((a, b) => Number(a) - Number(b)).map((key) => finish(branch.get(key)))
}

/** `fromEntries` takes every key for a key, `__proto__` too. */
function toFields(branch: Branch): Fields {
  return Object.fromEntries([...branch].map(([key, value]) => [key, finish(value)]))
}

/** Whether a step of a dotted name is a place in a list. */
export function isIndex(step: string): boolean {
  if (step.length === 0 || step.length > 9) return false
  for (let at = 0; at < step.length; at++) {
    const code = step.charCodeAt(at)
    if (code < 48 || code > 57) return false
  }
  return true
}
