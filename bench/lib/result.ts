import { type Spread, spreadOf } from './measure.ts'

/** What has to hold: of the ratio ours ÷ peer, or of our value itself. */
export interface Target {
  readonly of: 'ratio' | 'value'
  readonly bound: 'atLeast' | 'atMost'
  readonly limit: number
}

/** One figure of ours, beside the peer's where there is one. */
export interface Result {
  readonly name: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
  readonly ours: Spread
  /** A constant peer (a published figure, a number of bytes) has no spread of its own. */
  readonly peer: { readonly name: string; readonly spread: Spread } | null
  /** Null: for information. */
  readonly target: Target | null
  /** What the table cannot say: amounts, wall-clock rates, how it was measured. */
  readonly note?: string
}

/** The line of `--json`. */
export interface ResultLine {
  readonly scenario: string
  /** Null: not available. */
  readonly value: number | null
  readonly unit: string
  readonly peer: string | null
  readonly peer_value: number | null
  readonly ratio: number | null
  readonly better: 'higher' | 'lower'
  readonly target: string | null
}

export const atMost = (of: Target['of'], limit: number): Target => ({ of, bound: 'atMost', limit })
export const atLeast = (of: Target['of'], limit: number): Target => ({ of, bound: 'atLeast', limit })

/** A peer that is a list of measured figures. */
export function measuredPeer(name: string, values: readonly number[]): NonNullable<Result['peer']> {
  return { name, spread: spreadOf(values) }
}

/** A peer that is one known figure, or a range of them. */
export function constantPeer(
  name: string,
  median: number,
  [min, max]: readonly [number, number] = [median, median],
): NonNullable<Result['peer']> {
  return { name, spread: { median, min, max } }
}

/** Ours ÷ peer, of the medians. */
export function ratioOf({ ours, peer }: Result): number | null {
  return peer === null ? null : ours.median / peer.spread.median
}

/** Null without a target. */
export function isMet(result: Result): boolean | null {
  const { target } = result
  if (target === null) return null
  const figure = target.of === 'value' ? result.ours.median : ratioOf(result)
  if (figure === null || Number.isNaN(figure)) return false
  return target.bound === 'atMost' ? figure <= target.limit : figure >= target.limit
}

/** The unit without what it is of: `<= 1 ms` for `ms p50`. */
export function formatTarget({ target, unit }: Result): string | null {
  if (target === null) return null
  const sign = target.bound === 'atMost' ? '<=' : '>='
  return target.of === 'ratio' ? `${sign} ${target.limit}x` : `${sign} ${target.limit} ${unit.split(' ')[0]}`
}

export function toLine(result: Result): ResultLine {
  return {
    scenario: result.name,
    value: rounded(result.ours.median),
    unit: result.unit,
    peer: result.peer?.name ?? null,
    peer_value: result.peer === null ? null : rounded(result.peer.spread.median),
    ratio: rounded(ratioOf(result)),
    better: result.better,
    target: formatTarget(result),
  }
}

/** Four digits that count; more would be noise. */
function rounded(value: number | null): number | null {
  return value === null || !Number.isFinite(value) ? null : Number(value.toPrecision(4))
}
