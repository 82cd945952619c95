/**
 * Random numbers from a seed and a counter: the n-th number of a request depends on nothing else, so neither batching
 * nor the order of requests can change a result. The mixer is lowbias32 (C. Wellons, "Prospecting for hash functions").
 */
export type Random = () => number

/** Uniform on [0, 1), 32 bits. Seeds are any safe integer. */
export function createRandom(seed: number): Random {
  const high = Math.floor(seed / 2 ** 32)
  const key = mix(mix(seed >>> 0) ^ (high >>> 0))
  let counter = 0
  return () => mix(mix(key ^ counter++) + key) / 2 ** 32
}

/** A seed for part `index` of what `seed` stands for; part 0 is the seed itself. */
export function deriveSeed(seed: number, index: number): number {
  return index === 0 ? seed : mix(mix(seed >>> 0) + Math.imul(index, 0x9e37_79b9))
}

/** Standard normal numbers (Box and Muller, 1958). */
export function createNormal(seed: number): Random {
  const random = createRandom(seed)
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

function mix(value: number): number {
  let x = value >>> 0
  x = Math.imul(x ^ (x >>> 16), 0x7feb_352d)
  x = Math.imul(x ^ (x >>> 15), 0x846c_a68b)
  return (x ^ (x >>> 16)) >>> 0
}
