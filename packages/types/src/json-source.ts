/*
 * The text that a JSON value came as, kept beside it. JavaScript has one kind of number: 1.0 and 1 are the same to it, and
 * whole numbers beyond 2^53 lose digits; Python tells these apart. Callers see plain values; whoever writes a value back to where
 * it came from writes its text instead. A value that was changed is a new one, without a text.
 */

const key: unique symbol = Symbol.for('agl.jsonSource') as never

/** Remembers the text of an object or list; nothing that enumerates, compares or copies it sees that. */
export function keepJsonSource(value: object, text: string): void {
  Object.defineProperty(value, key, { value: text })
}

/** The text that a value came as; undefined when nobody has kept it. */
export function jsonSourceOf(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null ? (value as { readonly [key]?: string })[key] : undefined
}

/** A float that looks whole, an exponent, or so many digits that a double may not hold them. */
const lossy = /\d\.0*(?![\d])|\d[eE]|\d{16}/

/** Whether reading a text as numbers of JavaScript may lose what it says; it may say so for a text within a text, too. */
export function mayLoseNumbers(text: string): boolean {
  return lossy.test(text)
}
