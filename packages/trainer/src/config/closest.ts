/** The known name that is most like the one given; null when none is alike. */
export function closest(name: string, known: Iterable<string>): string | null {
  const wanted = plain(name)
  let best: string | null = null
  // A third of the letters may be wrong, but one always.
  let least = Math.max(1, Math.floor(wanted.length / 3)) + 1
  for (const candidate of known) {
    const distance = distanceOf(wanted, plain(candidate))
    if (distance >= least) continue
    best = candidate
    least = distance
  }
  return best
}

/** `did you mean "x"?` or nothing, and what there is. */
export function suggest(name: string, known: Iterable<string>): string {
  const names = [...known]
  const found = closest(name, names)
  const guess = found === null ? '' : `; did you mean ${JSON.stringify(found)}?`
  if (names.length === 0) return guess
  return `${guess}${guess === '' ? '.' : ''} Known here: ${names.join(', ')}.`
}

/** `lease_ms`, `lease-ms` and `leaseMs` are one name to who types it. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '')
}

/** Letters to be changed, left out, put in or swapped with their neighbour. Names of more than 100 letters are not like any. */
function distanceOf(one: string, other: string): number {
  if (one.length > 100 || other.length > 100) return Infinity
  let beforeLast: number[] = []
  let last = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let row = 1; row <= one.length; row++) {
    const next = [row]
    for (let column = 1; column <= other.length; column++) {
      const isSame = one[row - 1] === other[column - 1]
      let cost = Math.min(last[column]! + 1, next[column - 1]! + 1, last[column - 1]! + (isSame ? 0 : 1))
      const isSwap = row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
      if (isSwap) cost = Math.min(cost, beforeLast[column - 2]! + 1)
      next.push(cost)
    }
    beforeLast = last
    last = next
  }
  return last[other.length]!
}
