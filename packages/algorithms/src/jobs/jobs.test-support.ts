/** What the tests of the pool run in its threads. */
import { setTimeout as sleep } from 'node:timers/promises'

export const square = (value: number): number => value * value

export async function linger({ ms, value }: { readonly ms: number; readonly value: number }): Promise<number> {
  await sleep(ms)
  return value
}

/** Waits until the cell that it shares is set. */
export function hold(cell: Int32Array): number {
  Atomics.add(cell, 1, 1)
  Atomics.notify(cell, 1)
  Atomics.wait(cell, 0, 0)
  return 1
}

export function fail(message: string): never {
  throw new TypeError(message)
}

export function exit(code: number): never {
  process.exit(code)
}

export function hoard(): never {
  const kept: object[] = []
  for (;;) kept.push({ more: Array.from({ length: 1000 }, (_, index) => ({ index })) })
}

export function spin(): never {
  for (;;);
}
