/** Above this a time is nanoseconds, else it is taken as seconds: the reference's rule for exporters that write seconds. */
const mostSeconds = 1e12

/**
 * Epoch seconds of a 64-bit count of nanoseconds; null for 0, which stands for no time. Exact until the one rounding of the
 * sum (a double near today's seconds has steps of 240 ns), so that it is the same number that an SDK's pair of seconds and
 * nanoseconds gives.
 * @param low bits 0 to 31, unsigned
 * @param high bits 32 to 63, unsigned
 */
export function secondsOfNanos(low: number, high: number): number | null {
  const rough = high * 2 ** 32 + low
  if (rough === 0) return null
  if (rough <= mostSeconds) return rough
  const seconds = Math.floor(rough / 1e9)
  // `rough` lost up to 1,024 ns, so that this may lie as much below 0 or above a second: right modulo 2^32.
  const nanos = (low - Math.imul(seconds, 1e9)) | 0
  return seconds + nanos / 1e9
}
