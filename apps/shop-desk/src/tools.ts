import type { ShopTask } from './tasks.ts'

/** Carries out what a clerk wrote: `price(pen)`, `stock(pen)` or `calc(3*7)` (one `*` or `+` of two whole numbers). */
export function runTool({ prices, stock }: ShopTask, call: string): string {
  const lookup = /^(price|stock)\(([a-z]+)\)$/.exec(call)
  if (lookup !== null) {
    const table = lookup[1] === 'price' ? prices : stock
    const item = lookup[2]!
    return Object.hasOwn(table, item) ? String(table[item]) : 'error: no such item'
  }
  const sum = /^calc\((\d{1,6})([*+])(\d{1,6})\)$/.exec(call)
  if (sum === null) return 'error: bad call'
  const [left, right] = [Number(sum[1]), Number(sum[3])]
  return String(sum[2] === '*' ? left * right : left + right)
}

/** Whether a clerk's message is meant for a tool, rightly written or not. */
export function isCall(said: string): boolean {
  return /^(price|stock|calc)\(/.test(said)
}
