/** Decimal digits of floats, exactly and rounded half to even as Python does; `toFixed` rounds ties up. */

const view = new DataView(new ArrayBuffer(8))

/** `|value| = mantissa · 2^exponent`. */
function binaryOf(value: number): { readonly mantissa: bigint; readonly exponent: number } {
  view.setFloat64(0, Math.abs(value))
  const bits = view.getBigUint64(0)
  const biased = Number(bits >> 52n)
  const fraction = bits & ((1n << 52n) - 1n)
  return biased === 0 ? { mantissa: fraction, exponent: -1074 } : { mantissa: fraction | (1n << 52n), exponent: biased - 1075 }
}

/** `|value| · 10^power` as a fraction. */
function fraction(value: number, power: number): { readonly numerator: bigint; readonly denominator: bigint } {
  const { mantissa, exponent } = binaryOf(value)
  let numerator = mantissa
  let denominator = 1n
  if (exponent >= 0) numerator <<= BigInt(exponent)
  else denominator <<= BigInt(-exponent)
  if (power >= 0) numerator *= 10n ** BigInt(power)
  else denominator *= 10n ** BigInt(-power)
  return { numerator, denominator }
}

/** `|value| · 10^power`, rounded half to even. */
export function scaled(value: number, power: number): bigint {
  const { numerator, denominator } = fraction(value, power)
  const quotient = numerator / denominator
  const twice = (numerator % denominator) * 2n
  return twice > denominator || (twice === denominator && (quotient & 1n) === 1n) ? quotient + 1n : quotient
}

/** Significant digits and the power of ten of the first. */
export interface Significant {
  readonly digits: string
  readonly exponent: number
}

export function significant(value: number, count: number): Significant {
  if (value === 0) return { digits: '0'.repeat(count), exponent: 0 }
  let { exponent } = shortest(value)
  // The shortest digits of a float just below a power of ten may be that power.
  const { numerator, denominator } = fraction(value, -exponent)
  if (numerator < denominator) exponent--
  const digits = String(scaled(value, count - 1 - exponent))
  if (digits.length > count) exponent++
  return { digits: digits.slice(0, count), exponent }
}

/** The fewest digits that read back as the same float. */
export function shortest(value: number): Significant {
  const [digits = '0', exponent = '0'] = Math.abs(value).toExponential().split('e')
  return { digits: digits.replace('.', ''), exponent: Number(exponent) }
}

/** Digits in plain notation: those before the point and those after it. */
export function plain({ digits, exponent }: Significant): { readonly whole: string; readonly fraction: string } {
  if (exponent < 0) return { whole: '0', fraction: '0'.repeat(-exponent - 1) + digits }
  const padded = digits.padEnd(exponent + 1, '0')
  return { whole: padded.slice(0, exponent + 1), fraction: padded.slice(exponent + 1) }
}

/** `e+05` */
export function exponentText(exponent: number): string {
  return `e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}
