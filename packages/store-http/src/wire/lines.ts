/** Bytes as lines of text; what a line is made of is put together once, however many pieces it came in. */
export interface Lines {
  /** The lines that this piece ends. */
  add(bytes: Uint8Array): readonly string[]
  /** What is left when no more comes. */
  end(): readonly string[]
  /** How many characters of a line have come whose end has not. */
  readonly pendingLength: number
}

/** @param options.isStrict bytes that are no UTF-8 are an error, instead of marks in the text */
export function createLines({ isStrict = false }: { readonly isStrict?: boolean } = {}): Lines {
  const decoder = new TextDecoder('utf-8', { fatal: isStrict })
  let pending: string[] = []
  let pendingLength = 0

  const take = (text: string): readonly string[] => {
    const lines = text.split('\n')
    const rest = lines.pop()!
    if (lines.length > 0) {
      lines[0] = pending.join('') + lines[0]
      pending = []
      pendingLength = 0
    }
    if (rest !== '') pending.push(rest)
    pendingLength += rest.length
    return lines
  }
  return {
    add: (bytes) => take(decoder.decode(bytes, { stream: true })),
    end() {
      const lines = take(decoder.decode())
      return pendingLength === 0 ? lines : [...lines, pending.join('')]
    },
    get pendingLength() {
      return pendingLength
    },
  }
}
