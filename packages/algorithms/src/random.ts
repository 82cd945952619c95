/** A seeded source of randomness: equal seeds give equal draws. */
export interface Random {
  /** In [0, 1). */
  next(): number
  /** Whole, in [0, below). */
  below(below: number): number
  /** A whole number of 32 bits, to seed something else. */
  seed(): number
  /** A shuffled copy (Fisher-Yates). */
  shuffle<Item>(items: readonly Item[]): Item[]
}

/** splitmix32 (the 32-bit form of Steele, Lea and Flood's SplitMix, with Wellons' lowbias32-style mixing). Not for secrets. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const bits = (): number => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = state ^ (state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
  const random: Random = {
    next: () => bits() / 2 ** 32,
    below: (below) => Math.floor(random.next() * below),
    seed: bits,
    shuffle(items) {
      const shuffled = [...items]
      for (let last = shuffled.length - 1; last > 0; last -= 1) {
        const other = random.below(last + 1)
        const held = shuffled[last]!
        shuffled[last] = shuffled[other]!
        shuffled[other] = held
      }
      return shuffled
    },
  }
  return random
}
