import { AglError, errorMessage, parseOptions } from '@agl/types'
import type { Piscina } from 'piscina'
import { z } from 'zod'

export interface JobPoolOptions {
  /** The module of the job: a file URL, as `new URL('./job.ts', import.meta.url)`. */
  readonly module: URL | string
  /** What it exports: a function of one value. Default `default`. */
  readonly export?: string
  /** Threads; at least 1. Default: one for each core but one. */
  readonly maxWorkers?: number
  /** Jobs that wait for a thread; at least 0. Default 100. */
  readonly maxQueue?: number
  /** What happens to one more: it is refused with `queue_full`, which may be tried again, or waits. Default `refuse`. */
  readonly whenFull?: 'refuse' | 'wait'
  /** How long a job may run from when it was given, in milliseconds; null = no limit. Default null. */
  readonly timeoutMs?: number | null
  /** The heap of a thread in MiB, at least 16; what it takes beyond ends the job. Default: that of Node. */
  readonly maxMemoryMb?: number
  /** How long `close` waits for jobs, in milliseconds; then they are ended. Default 60 s. */
  readonly graceMs?: number
}

/** What a pool does where its options do not say, `maxWorkers` and `maxMemoryMb` apart. */
export const jobPoolDefaults: Readonly<{
  export: string
  maxQueue: number
  whenFull: 'refuse' | 'wait'
  timeoutMs: number | null
  graceMs: number
}> = Object.freeze({ export: 'default', maxQueue: 100, whenFull: 'refuse', timeoutMs: null, graceMs: 60_000 })

/** A function of a module, run in threads of its own. Input and output are copied, as `structuredClone` does. */
export interface JobPool<Input, Output> extends AsyncDisposable {
  /**
   * Rejects with `job_failed` when the job throws, `job_died` when it took its thread down, `memory_limit`, `timeout`, `queue_full`,
   * `closed`, or with the reason of the signal. None of that touches other jobs. A job that runs and is given up is ended with its thread.
   */
  run(input: Input, options?: { readonly signal?: AbortSignal }): Promise<Output>
  /** Jobs that run or wait for a thread. */
  readonly pending: number
  /** Takes no more, waits for what is pending, and ends the threads. */
  close(): Promise<void>
}

const optionsSchema = z.strictObject({
  module: z.union([z.instanceof(URL), z.string().min(1)], { error: 'expected a file URL' }),
  export: z.string().min(1).optional(),
  maxWorkers: z.int().min(1).optional(),
  maxQueue: z.int().min(0).optional(),
  whenFull: z.enum(['refuse', 'wait']).optional(),
  timeoutMs: z.number().positive().nullable().optional(),
  maxMemoryMb: z.number().min(16).optional(),
  graceMs: z.number().min(0).optional(),
})

/** Makes a pool; its threads start with its jobs. Needs the package `piscina`. */
export function createJobPool<Input, Output>(options: JobPoolOptions): JobPool<Input, Output> {
  const resolved = parseOptions(optionsSchema, options, jobPoolDefaults, 'options of createJobPool')
  const { maxQueue, whenFull, timeoutMs, graceMs } = resolved
  const closing = new AbortController()
  const pending = new Set<Promise<unknown>>()
  const waiting: (() => void)[] = []
  let opened: Promise<Piscina<Input, Output>> | null = null
  let closed: Promise<void> | null = null
  let taken = 0

  /** A place among those that run and those that wait for a thread. */
  async function takePlace(most: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (taken < most) {
      taken += 1
      return
    }
    if (whenFull === 'refuse') {
      throw new AglError({
        code: 'queue_full',
        message: `${most} jobs run or wait, and \`maxQueue\` allows no more. Give the job again later, or let it wait with whenFull: 'wait'.`,
        isRetryable: true,
      })
    }
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        waiting.splice(waiting.indexOf(enter), 1)
        reject(signal.reason as Error)
      }
      const enter = (): void => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      waiting.push(enter)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Handed on to whoever has waited longest, so that nobody comes in between. */
  function leavePlace(): void {
    const next = waiting.shift()
    if (next === undefined) taken -= 1
    else next()
  }

  async function runJob(input: Input, given: AbortSignal | undefined): Promise<Output> {
    given?.throwIfAborted()
    const deadline = timeoutMs === null ? [] : [AbortSignal.timeout(timeoutMs)]
    const signal = AbortSignal.any([closing.signal, ...deadline, ...(given === undefined ? [] : [given])])
    try {
      const pool = await (opened ??= openPool(resolved))
      await takePlace(pool.maxThreads + maxQueue, signal)
      try {
        return await pool.run(input, { signal })
      } finally {
        leavePlace()
      }
    } catch (error) {
      if (given?.aborted === true) throw given.reason
      if (deadline[0]?.aborted === true) throw tooLate(timeoutMs!)
      if (closing.signal.aborted) throw closing.signal.reason
      throw AglError.isInstance(error) ? error : jobError(error)
    }
  }

  async function closeNow(): Promise<void> {
    const late = setTimeout(() => closing.abort(isClosed()), graceMs)
    await Promise.allSettled(pending)
    clearTimeout(late)
    const pool = await opened?.catch(() => null)
    await pool?.destroy()
  }
  const close = (): Promise<void> => (closed ??= closeNow())

  return Object.freeze<JobPool<Input, Output>>({
    async run(input, { signal } = {}) {
      if (closed !== null) throw isClosed()
      const job = runJob(input, signal)
      pending.add(job)
      try {
        return await job
      } finally {
        pending.delete(job)
      }
    },
    get pending() {
      return pending.size
    },
    close,
    [Symbol.asyncDispose]: close,
  })
}

async function openPool<Input, Output>(options: JobPoolOptions & typeof jobPoolDefaults): Promise<Piscina<Input, Output>> {
  const { Piscina } = await loadPiscina()
  const { availableParallelism } = await import('node:os')
  const pool = new Piscina<Input, Output>({
    filename: String(options.module),
    name: options.export,
    minThreads: 0,
    maxThreads: options.maxWorkers ?? Math.max(1, availableParallelism() - 1),
    // The places are counted here, where one that is full can be waited for.
    maxQueue: Infinity,
    idleTimeout: 1_000,
    ...(options.maxMemoryMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: options.maxMemoryMb } }),
  })
  // A thread that breaks without a job is replaced, and nobody has to hear of it.
  pool.on('error', () => {})
  return pool
}

async function loadPiscina(): Promise<{ readonly Piscina: typeof Piscina }> {
  try {
    // Its types tell another shape of the module than it has.
    return (await import('piscina')) as unknown as { readonly Piscina: typeof Piscina }
  } catch (cause) {
    throw new AglError({
      code: 'missing_package',
      message: 'A job pool runs on piscina, which is not installed. Run: npm install piscina',
      data: { package: 'piscina' },
      cause,
    })
  }
}

function jobError(error: unknown): AglError {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null
  const message = errorMessage(error)
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new AglError({
      code: 'memory_limit',
      message: `The job was ended: it used more than \`maxMemoryMb\` allows. (${message})`,
      cause: error,
    })
  }
  if (/worker exited/i.test(message)) {
    return new AglError({
      code: 'job_died',
      message: `The job took its thread down: ${message}`,
      isRetryable: true,
      cause: error,
    })
  }
  return new AglError({ code: 'job_failed', message: `The job failed: ${message}`, cause: error })
}

function tooLate(timeoutMs: number): AglError {
  return new AglError({ code: 'timeout', message: `The job had not ended after ${timeoutMs} ms and was given up.` })
}

function isClosed(): AglError {
  return new AglError({ code: 'closed', message: 'This job pool has been closed.' })
}
