import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { AglError, type Logger, type Metrics, noMetrics } from '@agl/types'
import { packError, unpackError } from './errors.ts'
import { replayMetrics } from './forward-metrics.ts'
import { keepTail } from './output-tail.ts'
import {
  type ChildJob,
  type FromChild,
  reportsFd,
  runawayFactor,
  type RunJob,
  type ToChild,
  type WatchdogReport,
} from './protocol.ts'
import { readReports } from './read-reports.ts'

/** How a child ended. */
export type ChildEnd =
  /** By itself or as it was told; `endedBy` is what the store said if that ended it. */
  | { readonly kind: 'ended'; readonly endedBy: AglError | null }
  /** It has used too much and made room for another one; `attempts` is how many it has run. */
  | { readonly kind: 'replaced'; readonly error: AglError; readonly attempts: number }
  /** It could not go on. */
  | { readonly kind: 'failed'; readonly error: AglError }
  /** It was gone without a word. */
  | { readonly kind: 'died'; readonly error: AglError }

/** A process that runs one runner. */
export interface RunnerChild {
  readonly workerId: string
  readonly pid: number | undefined
  /** Never rejects. */
  readonly end: Promise<ChildEnd>
  setConcurrency(concurrency: number): void
  /** Asks it to end, then insists; resolves when it is gone. */
  stop(): Promise<void>
}

/** How children are ended, in milliseconds. */
export interface StopGraces {
  /** From being above the limit of memory to being asked. */
  readonly memoryGraceMs: number
  /** From being asked to SIGTERM. */
  readonly graceMs: number
  /** From SIGTERM to SIGKILL. */
  readonly terminateMs: number
}

/** From the sources the entry is TypeScript, from the build JavaScript, in the root of the build. */
const isSource = import.meta.url.endsWith('.ts')
const entry = fileURLToPath(new URL(isSource ? './runner-child.ts' : './runner-child.js', import.meta.url))

/**
 * The flags of this process that decide how modules are found and read. Others are its own: a debugger's port or a test runner's
 * settings would be in the way.
 */
const moduleFlags =
  /^(?:-C|-r|--conditions|--require|--import|--loader|--experimental-loader|--experimental-transform-types|--enable-source-maps|--preserve-symlinks)(?:=|$)/
const takesValue = /^(?:-C|-r|--conditions|--require|--import|--loader|--experimental-loader)$/

export function inheritedFlags(execArgv: readonly string[]): readonly string[] {
  return execArgv.flatMap((flag, index) => {
    if (!moduleFlags.test(flag)) return []
    return takesValue.test(flag) ? [flag, ...execArgv.slice(index + 1, index + 2)] : [flag]
  })
}

/** How long what a dead process wrote is waited for, in milliseconds. */
const lastWordsMs = 200

const sourceFlags = isSource ? ['--conditions=@agl/source', '--disable-warning=ExperimentalWarning'] : []

/** What a child is told about and counted with. */
export interface ChildSurroundings {
  readonly logger: Logger
  /** Null: what the child counts is not asked for. */
  readonly metrics: Metrics | null
}

/**
 * Starts a child. Above its limit of memory it is drained: it claims nothing more and has `memoryGraceMs` to finish what it runs; then
 * it is stopped, and that work fails by the limit.
 */
export function startChild(
  { folder, ...job }: ChildJob,
  graces: StopGraces,
  { logger, metrics }: ChildSurroundings,
): RunnerChild {
  const { workerId } = job
  const { graceMs, terminateMs, memoryGraceMs } = graces
  const child = fork(entry, folder === null ? [] : [folder], {
    execArgv: [...inheritedFlags(process.execArgv), ...heapFlags(job), ...sourceFlags],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc', 'pipe'],
  })
  const { pid } = child
  const lastWords = keepTail(child.stderr!)
  const counted = replayMetrics(metrics ?? noMetrics)
  let said: (ChildEnd & { readonly kind: 'ended'; readonly attempts: number }) | (ChildEnd & { readonly kind: 'failed' }) | null =
    null
  /** The limit that it has gone beyond. */
  let beyond: AglError | null = null
  child.on('message', (message: FromChild) => {
    switch (message.kind) {
      case 'log':
        logger[message.level](message.message, { workerId, ...message.fields })
        return
      case 'metrics':
        counted.replay(message.definitions, message.updates)
        return
      case 'ended': {
        const { attempts, endedBy } = message
        said = { kind: 'ended', attempts, endedBy: endedBy === null ? null : unpackError(endedBy) }
        return
      }
      case 'failed':
        said = { kind: 'failed', error: unpackError(message.error) }
        return
      default:
        message satisfies never
    }
  })
  // What cannot be sent or started is told by how it ends.
  child.on('error', () => {})
  const reports = child.stdio[reportsFd] as Readable
  readReports(reports, onReport)
  let isStopping = false

  function onReport(report: WatchdogReport): void {
    beyond = beyondLimit(job, pid, report)
    if (report.kind !== 'above') return
    logger.warn('A runner process is above its limit of memory: it finishes what it runs and is replaced', {
      workerId,
      pid: pid ?? null,
      megabytes: megabytes(report.bytes),
    })
    tell(child, { kind: 'drain' })
    void drained(beyond)
  }

  async function drained(reason: AglError): Promise<void> {
    if (await endsWithin(memoryGraceMs)) return
    stopping ??= insist({ kind: 'stop', reason: packError(reason) })
  }

  async function untilEnd(): Promise<ChildEnd> {
    const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
    const isRead = new Promise<void>((resolve) => void child.once('close', () => resolve()))
    let how: string
    try {
      const [code, signal] = await exited
      how = signal === null ? `with exit code ${code}` : `by ${signal}`
    } catch (cause) {
      return { kind: 'died', error: died(workerId, pid, 'before it was there', '', cause) }
    }
    // What it wrote last may still be under way, and a grandchild may keep the pipe open for ever.
    const done = new AbortController()
    await Promise.race([isRead, sleep(lastWordsMs, undefined, { signal: done.signal }).catch(() => {})])
    done.abort()
    child.stderr?.destroy()
    reports.destroy()
    counted.end()
    if (said !== null) {
      const isReplaced = said.kind === 'ended' && said.endedBy === null && beyond !== null && !isStopping
      return isReplaced ? { kind: 'replaced', error: beyond!, attempts: (said as { attempts: number }).attempts } : said
    }
    if (isStopping) return { kind: 'ended', endedBy: null }
    const words = lastWords()
    if (beyond === null && outOfHeap.test(words)) beyond = beyondLimit(job, pid, { kind: 'runaway', bytes: null })
    return { kind: 'died', error: beyond ?? died(workerId, pid, how, words) }
  }

  const end = untilEnd()
  tell(child, { kind: 'run', job })
  logger.debug('A runner process starts', { workerId, pid: pid ?? null })

  async function insist(message: ToChild): Promise<void> {
    tell(child, message)
    if (await endsWithin(graceMs)) return
    logger.warn('A runner process did not end when it was asked to; it is terminated', { workerId, pid: pid ?? null })
    child.kill('SIGTERM')
    if (await endsWithin(terminateMs)) return
    logger.warn('A runner process did not end when it was terminated; it is killed', { workerId, pid: pid ?? null })
    child.kill('SIGKILL')
    await end
  }

  async function endsWithin(milliseconds: number): Promise<boolean> {
    const done = new AbortController()
    const isLate = sleep(milliseconds, false, { signal: done.signal }).catch(() => false)
    const hasEnded = await Promise.race([end.then(() => true), isLate])
    done.abort()
    return hasEnded
  }

  let stopping: Promise<void> | null = null
  return {
    workerId,
    setConcurrency: (concurrency) => tell(child, { kind: 'concurrency', concurrency }),
    pid,
    end,
    stop() {
      isStopping = true
      return (stopping ??= insist({ kind: 'stop', reason: null }))
    },
  }
}

const megabytes = (bytes: number): number => Math.round(bytes / 2 ** 20)

/** The heap may grow as far as the process may: what it would take beyond that is refused by the engine at once. */
function heapFlags({ limits: { maxMemoryBytes } }: RunJob): readonly string[] {
  if (maxMemoryBytes === null) return []
  return [`--max-old-space-size=${megabytes(runawayFactor * maxMemoryBytes)}`]
}

const outOfHeap = /heap limit|JavaScript heap out of memory/i

type Beyond = Exclude<WatchdogReport, { kind: 'runaway' }> | { readonly kind: 'runaway'; readonly bytes: number | null }

function beyondLimit({ workerId, limits }: RunJob, pid: number | undefined, report: Beyond): AglError {
  const who = `The process ${pid ?? '(not started)'} of ${workerId}`
  if (report.kind === 'stalled') {
    return new AglError({
      code: 'runner_stalled',
      message: `${who} was killed: an agent kept its event loop busy for ${Math.round(report.milliseconds / 1000)} s, and \`maxStallMs\` allows ${limits.maxStallMs / 1000} s.`,
      data: { workerId, pid: pid ?? null, stalledMs: report.milliseconds },
      isRetryable: true,
    })
  }
  const limit = megabytes(limits.maxMemoryBytes ?? 0)
  const used = report.bytes === null ? 'a heap beyond any bound' : `${megabytes(report.bytes)} MiB`
  return new AglError({
    code: 'memory_limit',
    message:
      report.kind === 'above'
        ? `${who} was replaced: it used ${used}, and \`maxMemoryMb\` allows ${limit}.`
        : `${who} was killed: it used ${used}, far beyond the ${limit} MiB of \`maxMemoryMb\`.`,
    data: { workerId, pid: pid ?? null, usedMb: report.bytes === null ? null : megabytes(report.bytes), maxMemoryMb: limit },
    isRetryable: true,
  })
}

/** One that is going or gone hears nothing, and its end says so. */
function tell(child: ChildProcess, message: ToChild): void {
  if (child.connected) child.send(message, () => {})
}

function died(workerId: string, pid: number | undefined, how: string, lastWords: string, cause?: unknown): AglError {
  return new AglError({
    code: 'runner_died',
    message: `The process ${pid ?? '(not started)'} of ${workerId} ended ${how}${lastWords === '' ? ', without a word' : `; its last words were:\n${lastWords}`}`,
    data: { workerId, pid: pid ?? null, how, lastWords },
    isRetryable: true,
    ...(cause === undefined ? {} : { cause }),
  })
}
