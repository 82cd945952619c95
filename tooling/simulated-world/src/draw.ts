import { hash } from 'node:crypto'

/**
 * A number in [0, 1) that depends on what it is drawn for and on nothing else, above all not on the order of the draws: the
 * first 48 bits of a SHA-256 over the parts.
 */
export function draw(...parts: readonly (string | number)[]): number {
  return Number.parseInt(hash('sha256', JSON.stringify(parts), 'hex').slice(0, 12), 16) / 2 ** 48
}

/** In [low, high). */
export function drawBetween(low: number, high: number, ...parts: readonly (string | number)[]): number {
  return low + (high - low) * draw(...parts)
}

/** The items in a drawn order. */
export function drawOrder<Item>(items: readonly Item[], ...parts: readonly (string | number)[]): Item[] {
  return items
    .map((item, index) => ({ item, at: draw(...parts, index) }))
    .sort((left, right) => left.at - right.at)
    .map(({ item }) => item)
}

/** One of the items, each as likely as its weight says. */
export function drawByWeight<Item extends { readonly weight: number }>(
  items: readonly Item[],
  ...parts: readonly (string | number)[]
): Item {
  let left = draw(...parts) * items.reduce((sum, { weight }) => sum + weight, 0)
  return items.find(({ weight }) => (left -= weight) < 0) ?? items.at(-1)!
}

/** A log-normal value with this median; `spread` is the standard deviation of its logarithm. */
export function drawLogNormal(median: number, spread: number, ...parts: readonly (string | number)[]): number {
  // Box and Muller; 1 - u keeps the logarithm finite.
  const radius = Math.sqrt(-2 * Math.log(1 - draw(...parts, 'radius')))
  return median * Math.exp(spread * radius * Math.cos(2 * Math.PI * draw(...parts, 'angle')))
}
