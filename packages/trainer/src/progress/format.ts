import { stripVTControlCharacters } from 'node:util'
import type { RunEvent, Spend } from '@agl/types'

type EventOf<Type extends RunEvent['type']> = Extract<RunEvent, { readonly type: Type }>

/** What is known of a phase beside its latest event. */
export interface PhaseFacts {
  /** Since the first event of the phase. */
  readonly elapsedMs: number
  /** What was done then. */
  readonly doneBefore: number
  /** Null: nobody asked. */
  readonly busyWorkers: number | null
  readonly spend: Spend | null
}

/** How far a phase is, the most important first, since narrow terminals cut the rest. */
export function formatPhase({ phase, step, done, total, reward }: EventOf<'phase'>, facts: PhaseFacts): string {
  const { elapsedMs, doneBefore, busyWorkers, spend } = facts
  const perMs = elapsedMs > 0 ? (done - doneBefore) / elapsedMs : 0
  const spent = spend === null ? '' : formatSpend(spend)
  const parts = [
    `step ${step}, ${phase}: ${done} of ${total}`,
    perMs > 0 ? formatRate(perMs * 1000) : '',
    perMs > 0 && done < total ? `${formatDuration((total - done) / perMs)} left` : '',
    reward === null ? '' : `reward ${formatNumber(reward)}`,
    busyWorkers === null ? '' : `${busyWorkers} ${busyWorkers === 1 ? 'worker' : 'workers'} busy`,
    spent,
  ]
  return oneLine(parts.filter((part) => part !== '').join(', '))
}

export function formatPlan({ limits, lines }: EventOf<'plan'>): readonly string[] {
  const most = formatSpend(limits)
  return ['plan:', ...lines.map((line) => `  ${oneLine(line)}`), ...(most === '' ? [] : [`  at most ${most}`])]
}

export function formatMetrics({ step, metrics }: EventOf<'metrics'>): string {
  const facts = Object.entries(metrics).map(([name, value]) => `${name} ${formatNumber(value)}`)
  return oneLine(`step ${step} done: ${facts.join(', ')}`)
}

const units: readonly (readonly [keyof Spend, (amount: number) => string])[] = [
  ['rollouts', (count) => counted(count, 'rollout')],
  ['modelCalls', (count) => counted(count, 'model call')],
  ['tokens', (count) => counted(count, 'token')],
  ['usd', (amount) => `$${amount.toFixed(amount < 1 ? 4 : 2)}`],
  ['minutes', (minutes) => formatDuration(minutes * 60_000)],
]

/** What is nothing is not told. */
export function formatSpend(spend: Partial<Spend>): string {
  return units
    .flatMap(([name, format]) => {
      const amount = spend[name] ?? 0
      return amount > 0 && Number.isFinite(amount) ? [format(amount)] : []
    })
    .join(', ')
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`
}

function formatRate(perSecond: number): string {
  if (perSecond >= 10) return `${Math.round(perSecond)}/s`
  return perSecond >= 0.1 ? `${perSecond.toFixed(1)}/s` : `${(perSecond * 60).toFixed(1)}/min`
}

export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(1, Math.round(milliseconds / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

function formatNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4).replace(/\.?0+$/, '')
}

/** What algorithms and agents have named must neither move the cursor nor begin a line of its own. */
export function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  return stripVTControlCharacters(text).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
}

/** The beginning of a line that fits into so many columns. */
export function cut(text: string, columns: number): string {
  let width = 0
  let kept = ''
  for (const character of text) {
    const next = width + widthOf(character)
    if (next > columns) return `${shorten(kept, columns - 1)}…`
    width = next
    kept += character
  }
  return kept
}

function shorten(text: string, columns: number): string {
  const characters = [...text]
  while (characters.reduce((width, character) => width + widthOf(character), 0) > columns) characters.pop()
  return characters.join('')
}

/** Marks take no column; from Hangul on most characters take two, and one taken for two does no harm. */
function widthOf(character: string): number {
  if (/^\p{M}$/u.test(character)) return 0
  return character.codePointAt(0)! >= 0x1100 && !/^[\u2000-\u2bff]$/u.test(character) ? 2 : 1
}
