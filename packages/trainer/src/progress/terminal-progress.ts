import { parseOptions, type RunEvent, type Spend } from '@agl/types'
import { z } from 'zod'
import { cut, formatMetrics, formatPhase, formatPlan, oneLine } from './format.ts'

/** Where progress is written: `process.stderr`, or whatever takes text. */
export interface ProgressStream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
  /** Of a terminal of Node, which asks the environment: `NO_COLOR`, `TERM=dumb`. */
  hasColors?(): boolean
}

export interface TerminalProgressOptions {
  readonly stream: ProgressStream
  /**
   * Whether one line is rewritten while a phase goes on. Default: where the stream is a terminal that takes control sequences and
   * `NO_COLOR` is not set.
   */
  readonly isTerminal?: boolean
  /** Where nothing is rewritten, the least time between two lines about phases, in milliseconds; at least 0. */
  readonly everyMs?: number
  /** Asked once in a second while a phase goes on, for example the store: how many workers are busy. Default: not told. */
  readonly countBusyWorkers?: () => Promise<number>
  /** The time in milliseconds. Default: `performance.now`. */
  readonly now?: () => number
}

/** The defaults of {@link TerminalProgressOptions}. */
export const terminalProgressDefaults: Readonly<{ everyMs: number }> = Object.freeze({ everyMs: 5_000 })

export interface TerminalProgress {
  /** To be given as `onProgress`. */
  show(event: RunEvent): void
  /** Writes a line of somebody else's, such as a logger's, without tearing the one that is rewritten. */
  line(text: string): void
  /** Takes the line that is rewritten away; for the end, in success and in failure. */
  done(): void
}

const optionsSchema = z.strictObject({
  stream: z.custom<ProgressStream>(
    (value) => typeof value === 'object' && value !== null && 'write' in value && typeof value.write === 'function',
    { error: 'expected a stream: an object with `write`, as process.stderr' },
  ),
  isTerminal: z.boolean().optional(),
  everyMs: z.number().min(0).optional(),
  countBusyWorkers: z.custom((value) => typeof value === 'function', { error: 'expected a function' }).optional(),
  now: z.custom((value) => typeof value === 'function', { error: 'expected a function' }).optional(),
})

/** A terminal is rewritten at most so often, in milliseconds. */
const redrawMs = 50
const countMs = 1_000
/** Back to the first column, and away with what stands there. */
const clearLine = '\r\u001b[K'

/**
 * Shows on a terminal how far a run is: plan, notes and the metrics of each step as lines that stay, and one line below them about the
 * phase that goes on. Elsewhere, as in the logs of CI, that line is written anew from time to time. It has no timer.
 */
export function createTerminalProgress(options: TerminalProgressOptions): TerminalProgress {
  const { stream, everyMs, now, countBusyWorkers, ...given } = parseOptions(
    optionsSchema,
    options,
    { ...terminalProgressDefaults, now: () => performance.now() },
    'options of createTerminalProgress',
  )
  const isTerminal = given.isTerminal ?? (stream.isTTY === true && (stream.hasColors?.() ?? true))
  const phases = new Map<string, { readonly startedAt: number; readonly doneBefore: number }>()
  let nextAt = -Infinity
  let live = ''
  let spend: Spend | null = null
  let busyWorkers: number | null = null
  let nextCountAt = -Infinity

  function line(text: string): void {
    stream.write(isTerminal && live !== '' ? `${clearLine}${text}\n${live}` : `${text}\n`)
  }

  function showPhase(event: Extract<RunEvent, { readonly type: 'phase' }>): void {
    const { phase, step, done, total } = event
    const key = `${step} ${phase}`
    const time = now()
    const known = phases.get(key) ?? { startedAt: time, doneBefore: done }
    phases.set(key, known)
    const isOver = done >= total
    if (isOver) phases.delete(key)
    void count()
    // The end of a phase is always drawn, or a stale line would stand there until the next one begins.
    if (time < nextAt && !(isTerminal && isOver)) return
    nextAt = time + (isTerminal ? redrawMs : everyMs)
    const { startedAt, doneBefore } = known
    const text = formatPhase(event, { elapsedMs: time - startedAt, doneBefore, busyWorkers, spend })
    if (!isTerminal) return line(text)
    // In the last column a terminal would begin the next line.
    live = cut(text, Math.max(1, (stream.columns ?? 80) - 1))
    stream.write(clearLine + live)
  }

  async function count(): Promise<void> {
    if (countBusyWorkers === undefined || now() < nextCountAt) return
    nextCountAt = Infinity
    busyWorkers = await countBusyWorkers().catch(() => null)
    nextCountAt = now() + countMs
  }

  return Object.freeze({
    show(event: RunEvent) {
      switch (event.type) {
        case 'plan':
          return formatPlan(event).forEach(line)
        case 'phase':
          return showPhase(event)
        case 'metrics':
          return line(formatMetrics(event))
        case 'spent':
          spend = event.spend
          return
        case 'note':
          return line(oneLine(event.text))
        default:
          return event satisfies never
      }
    },
    line,
    done() {
      if (isTerminal && live !== '') stream.write(clearLine)
      live = ''
    },
  })
}
