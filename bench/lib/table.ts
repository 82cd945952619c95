import { formatTarget, isMet, ratioOf, type Result } from './result.ts'
import type { Spread } from './measure.ts'

export type Row =
  | { readonly kind: 'result'; readonly result: Result }
  | { readonly kind: 'missing'; readonly name: string; readonly reason: string }

const columns = ['scenario', 'ours', 'min-max', 'unit', 'peer', 'its value', 'min-max', 'ratio', 'target', 'met'] as const

/** Columns of figures stand on the right. */
const isRight: readonly boolean[] = [false, true, true, false, false, true, true, true, true, false]

/** An aligned table, with the notes of the results below it. */
export function formatTable(rows: readonly Row[]): string {
  const cells = [[...columns], ...rows.map(cellsOf)]
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  const lines = cells.map((row) =>
    row
      .map((cell, column) => (isRight[column] === true ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
  const notes = rows.flatMap((row) =>
    row.kind === 'result' && row.result.note !== undefined ? [`  ${row.result.name}: ${row.result.note}`] : [],
  )
  const rule = widths.map((width) => '-'.repeat(width)).join('  ')
  return [lines[0]!, rule, ...lines.slice(1), ...(notes.length === 0 ? [] : ['', ...notes])].join('\n')
}

/** One row on its own, for whoever watches a long run. */
export function formatRow(row: Row): string {
  if (row.kind === 'missing') return `${row.name}: ${row.reason}`
  const { result } = row
  const ratio = ratioOf(result)
  const met = isMet(result)
  return [
    `${result.name}: ${formatNumber(result.ours.median)} ${result.unit}`,
    ...(ratio === null ? [] : [`${formatNumber(ratio)}x of ${result.peer!.name}`]),
    ...(met === null ? [] : [met ? 'met' : `NOT MET (${formatTarget(result)})`]),
  ].join(', ')
}

function cellsOf(row: Row): string[] {
  if (row.kind === 'missing') return [row.name, row.reason, ...columns.slice(2).map(() => '')]
  const { result } = row
  const ratio = ratioOf(result)
  const met = isMet(result)
  return [
    result.name,
    formatNumber(result.ours.median),
    formatSpread(result.ours),
    result.unit,
    result.peer?.name ?? '-',
    result.peer === null ? '-' : formatNumber(result.peer.spread.median),
    result.peer === null ? '' : formatSpread(result.peer.spread),
    ratio === null ? '-' : `${formatNumber(ratio)}x`,
    formatTarget(result) ?? '-',
    met === null ? '-' : met ? 'yes' : 'NO',
  ]
}

function formatSpread({ min, max }: Spread): string {
  return min === max ? '' : `${formatNumber(min)}-${formatNumber(max)}`
}

/** Three digits that count, and groups of thousands. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}
