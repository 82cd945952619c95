/** Lists and maps in each other; safely within the stack. */
const maxDepth = 200

const constants: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['None', null],
  ['True', true],
  ['False', false],
  ['null', null],
  ['true', true],
  ['false', false],
  ['nan', NaN],
  ['inf', Infinity],
])

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\u0007',
  '\n': '',
}

const codeLengths: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

/**
 * The value that Python's `str` or `repr` wrote: lists, tuples and sets as lists, dictionaries and objects printed as
 * `Name(field=value)` as records. Undefined for text that is none. Linear in the text.
 */
export function readPythonLiteral(text: string): unknown {
  const reader = createReader(text)
  const value = reader.value(0)
  return reader.isAtEnd() ? value : undefined
}

interface Reader {
  /** Undefined when there is no literal here; then {@link isAtEnd} is false for good. */
  value(depth: number): unknown
  isAtEnd(): boolean
}

function createReader(text: string): Reader {
  let at = 0
  let isBroken = false

  function broken(): undefined {
    isBroken = true
    return undefined
  }

  function skipSpace(): void {
    while (at < text.length && isSpace(text.charCodeAt(at))) at++
  }

  /** Whether this character comes next; passes over it. */
  function takes(character: string): boolean {
    skipSpace()
    if (text[at] !== character) return false
    at++
    return true
  }

  function value(depth: number): unknown {
    skipSpace()
    if (depth === maxDepth || at >= text.length) return broken()
    const start = text[at]!
    switch (start) {
      case '[':
        at++
        return items(']', depth)
      case '(':
        at++
        return items(')', depth)
      case '{':
        at++
        return braces(depth)
      case "'":
      case '"':
        return quoted(false)
      default:
        return isWordStart(start) ? word(depth) : number()
    }
  }

  function items(end: string, depth: number): unknown {
    const list: unknown[] = []
    while (!isBroken) {
      if (takes(end)) return list
      list.push(value(depth + 1))
      if (!takes(',') && text[at] !== end) return broken()
    }
    return undefined
  }

  /** A dictionary, or a set where the first item has no colon. */
  function braces(depth: number): unknown {
    const entries: [string, unknown][] = []
    const members: unknown[] = []
    while (!isBroken) {
      if (takes('}')) return members.length > 0 ? members : Object.fromEntries(entries)
      const key = value(depth + 1)
      if (takes(':')) entries.push([typeof key === 'string' ? key : String(key), value(depth + 1)])
      else members.push(key)
      if (members.length > 0 && entries.length > 0) return broken()
      if (!takes(',') && text[at] !== '}') return broken()
    }
    return undefined
  }

  /** `None`, `b'...'`, or an object printed as `Name(field=value)`. */
  function word(depth: number): unknown {
    const start = at
    while (at < text.length && isWordPart(text.charCodeAt(at))) at++
    const name = text.slice(start, at)
    const next = text[at]
    if ((next === "'" || next === '"') && name.length <= 2) return quoted(name.toLowerCase().includes('r'))
    if (next === '(') {
      at++
      return namedFields(depth)
    }
    return constants.has(name) ? constants.get(name) : broken()
  }

  function namedFields(depth: number): unknown {
    const entries: [string, unknown][] = []
    while (!isBroken) {
      if (takes(')')) return Object.fromEntries(entries)
      skipSpace()
      const start = at
      while (at < text.length && isWordPart(text.charCodeAt(at))) at++
      const name = text.slice(start, at)
      if (name === '' || !takes('=')) return broken()
      entries.push([name, value(depth + 1)])
      if (!takes(',') && text[at] !== ')') return broken()
    }
    return undefined
  }

  function quoted(isRaw: boolean): unknown {
    const quote = text[at]!
    at++
    const pieces: string[] = []
    let from = at
    while (at < text.length) {
      const character = text[at]!
      if (character === quote) {
        pieces.push(text.slice(from, at))
        at++
        return pieces.length === 1 ? pieces[0] : pieces.join('')
      }
      if (character === '\\' && !isRaw) {
        pieces.push(text.slice(from, at), escaped())
        from = at
      } else at += character === '\\' ? 2 : 1
    }
    return broken()
  }

  /** An escape that Python does not know stays as it is written. */
  function escaped(): string {
    const letter = text[at + 1] ?? ''
    const length = codeLengths[letter]
    if (length !== undefined) {
      const digits = text.slice(at + 2, at + 2 + length)
      const code = isHex(digits) && digits.length === length ? Number.parseInt(digits, 16) : -1
      if (code < 0 || code > 0x10ffff) return plain(2)
      at += 2 + length
      return String.fromCodePoint(code)
    }
    const known = escapes[letter]
    if (known !== undefined) {
      at += 2
      return known
    }
    if (letter === '\\' || letter === "'" || letter === '"') {
      at += 2
      return letter
    }
    if (letter === '0') {
      at += 2
      return '\0'
    }
    return plain(2)
  }

  function plain(length: number): string {
    const written = text.slice(at, at + length)
    at += length
    return written
  }

  function number(): unknown {
    const start = at
    while (at < text.length && isNumberPart(text.charCodeAt(at))) at++
    const digits = text.slice(start, at)
    if (digits === '-' && text.startsWith('inf', at)) {
      at += 3
      return -Infinity
    }
    const read = Number(digits)
    return digits === '' || Number.isNaN(read) ? broken() : read
  }

  return {
    value,
    isAtEnd() {
      skipSpace()
      return !isBroken && at >= text.length
    },
  }
}

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13)
}

function isWordStart(character: string): boolean {
  const code = character.charCodeAt(0) | 32
  return (code >= 97 && code <= 122) || character === '_'
}

function isWordPart(code: number): boolean {
  const letter = code | 32
  return (letter >= 97 && letter <= 122) || (code >= 48 && code <= 57) || code === 95 || code === 46
}

function isNumberPart(code: number): boolean {
  return (code >= 48 && code <= 57) || code === 43 || code === 45 || code === 46 || code === 69 || code === 101
}

function isHex(digits: string): boolean {
  return digits !== '' && !Number.isNaN(Number(`0x${digits}`))
}
