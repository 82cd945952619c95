/*
 * Where the parts of a JSON text lie. Only for text that JSON.parse has taken: nothing is checked here.
 */

/** From the first character of a value to the one behind its last. */
export type Slice = readonly [start: number, end: number]

const space = /\s*/y
const scalar = /[^,\]}\s]+/y

function skipSpace(text: string, at: number): number {
  space.lastIndex = at
  space.test(text)
  return space.lastIndex
}

function endOfString(text: string, at: number): number {
  for (let index = at + 1; ; index++) {
    const character = text[index]
    if (character === '"' || character === undefined) return index + 1
    if (character === '\\') index++
  }
}

function endOfValue(text: string, at: number): number {
  const first = text[at]
  if (first === '"') return endOfString(text, at)
  if (first !== '{' && first !== '[') {
    scalar.lastIndex = at
    scalar.test(text)
    return scalar.lastIndex
  }
  let depth = 0
  for (let index = at; index < text.length; index++) {
    const character = text[index]
    if (character === '"') index = endOfString(text, index) - 1
    else if (character === '{' || character === '[') depth++
    else if ((character === '}' || character === ']') && --depth === 0) return index + 1
  }
  return text.length
}

/** The values of an object by key, of a key that comes twice the last; empty for what is no object. */
export function sliceMembers(text: string, from: number): ReadonlyMap<string, Slice> {
  const members = new Map<string, Slice>()
  let at = skipSpace(text, from)
  if (text[at] !== '{') return members
  at = skipSpace(text, at + 1)
  while (text[at] === '"') {
    const keyEnd = endOfString(text, at)
    const key = JSON.parse(text.slice(at, keyEnd)) as string
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const end = endOfValue(text, start)
    members.set(key, [start, end])
    at = skipSpace(text, skipSpace(text, end) + 1)
  }
  return members
}

/** The items of a list; none for what is no list. */
export function sliceItems(text: string, from: number): readonly Slice[] {
  const items: Slice[] = []
  let at = skipSpace(text, from)
  if (text[at] !== '[') return items
  at = skipSpace(text, at + 1)
  while (at < text.length && text[at] !== ']') {
    const end = endOfValue(text, at)
    items.push([at, end])
    at = skipSpace(text, end)
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return items
}
