/**
 * A child process that runs one runner. It imports the module of the agent and nothing else of the program. What it loads of this
 * package goes by relative paths, so that it starts from the sources and from the build alike.
 *
 * Starting → running → (`drain`, `stop`, the store's `closed`, `maxRollouts`) draining → gone. Told to end while it starts, it is gone
 * at once. A drain waits for what runs, a stop for as long as the runner's `shutdownGraceMs`. When the parent is gone, it has `orphanMs` to end its work, and then it is gone too.
 */
import { rmSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { createRunner, type Runner } from '@agl/runner'
import { AglError, jsonOffender, type LightningStore, type LogFields, type Logger, type Metrics } from '@agl/types'
import { loadAgent } from '../agent-module.ts'
import { createComponents } from '../components.ts'
import type { ComponentKind } from '../config/component.ts'
import { hooksKind, scorerKind, tracerKind } from '../config/components/kinds.ts'
import type { PortablePart } from '../portable.ts'
import { openClient } from '../serve-store.ts'
import { packError, unpackError } from './errors.ts'
import { forwardMetrics } from './forward-metrics.ts'
import {
  type FromChild,
  type LogLevel,
  orphanMs,
  reportsFd,
  type RunJob,
  runawayFactor,
  type StoreAccess,
  type ToChild,
} from './protocol.ts'
import type { WatchdogData } from './watchdog.ts'

if (process.send === undefined) throw new Error('runner-child.ts runs as a child process only')

const stop = new AbortController()
const drain = new AbortController()
const stopped = (): AglError => new AglError({ code: 'closed', message: 'The run is over.' })
const parent = process.ppid
/** Of the parent's socket. Not by message: a parent that is killed while this process starts takes its messages with it. */
const folder = process.argv[2] ?? null
let isRunning = false
/** Null while there is none; what is told before that is kept. */
let runner: Runner | null = null
let concurrency: number | null = null

/** Resolves when it is with the parent, or there is none any more. */
async function send(message: FromChild): Promise<void> {
  if (!process.connected) return
  await new Promise<void>((resolve) => process.send!(message, undefined, undefined, () => resolve()))
}

function createForwardingLogger(): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void => {
      // A value that cannot cross must not end the run.
      const known = fields !== undefined && jsonOffender(fields) === null ? { fields } : {}
      void send({ kind: 'log', level, message, ...known })
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

async function openStore(
  access: StoreAccess,
  surroundings: { readonly logger: Logger; readonly metrics?: Metrics },
): Promise<LightningStore> {
  switch (access.kind) {
    case 'server':
      return await openClient({ url: access.url, ...(access.token === null ? {} : { token: access.token }), ...surroundings })
    case 'spec': {
      const { module, factory, options } = access.spec
      const exports = (await import(/* @vite-ignore */ module)) as Readonly<
        Record<string, (options: object) => LightningStore | Promise<LightningStore>>
      >
      return await exports[factory]!(options)
    }
    default:
      return access satisfies never
  }
}

const aliveEveryMs = 500

/** An agent that computes for long keeps this thread from hearing that the parent is gone, and from seeing what it does to its process. */
function startWatchdog(job: RunJob): void {
  const isSource = import.meta.url.endsWith('.ts')
  const alive = new BigInt64Array(new SharedArrayBuffer(8))
  const sayAlive = (): void => void Atomics.store(alive, 0, process.hrtime.bigint())
  sayAlive()
  setInterval(sayAlive, aliveEveryMs).unref()
  const workerData: WatchdogData = { parent, folder, limits: job.limits, runawayFactor, reportsFd, alive }
  const watcher = new Worker(new URL(isSource ? './watchdog.ts' : './watchdog.js', import.meta.url), {
    workerData,
    name: 'agl-watchdog',
    execArgv: isSource ? ['--disable-warning=ExperimentalWarning'] : [],
  })
  // Without it there is still the channel to the parent.
  watcher.on('error', () => {})
  watcher.unref()
}

/** What is too much before anything has run will be too much for the next process as well. */
function checkMemory({ limits: { maxMemoryBytes } }: RunJob): void {
  const bytes = process.memoryUsage.rss()
  if (maxMemoryBytes === null || bytes <= maxMemoryBytes) return
  const [used, limit] = [bytes, maxMemoryBytes].map((each) => Math.ceil(each / 2 ** 20))
  throw new AglError({
    code: 'memory_limit',
    message: `A runner process uses ${used} MiB before it runs anything, and \`maxMemoryMb\` allows ${limit}: it has to be more, by what the agent needs.`,
    data: { usedMb: used, maxMemoryMb: limit },
  })
}

async function run(job: RunJob): Promise<void> {
  startWatchdog(job)
  const logger = createForwardingLogger()
  const metrics = job.isCounted ? forwardMetrics((batch) => void send({ kind: 'metrics', ...batch })) : null
  const surroundings = { logger, ...(metrics === null ? {} : { metrics }) }
  const agent = await loadAgent({ kind: 'agent_module', ...job.agent })
  const components = createComponents(null, surroundings)
  try {
    const makeAll = async <Instance>(kind: ComponentKind<Instance>, name: string, parts: readonly PortablePart[]) =>
      await Promise.all(parts.map((part, index) => components.make(`${name}.${index}`, kind, part)))
    const parts = {
      ...(job.tracer === null ? {} : { tracer: await components.make('tracer', tracerKind, job.tracer) }),
      hooks: await makeAll(hooksKind, 'hooks', job.hooks),
      scorers: await makeAll(scorerKind, 'scorers', job.scorers),
    }
    const store = await openStore(job.store, surroundings)
    try {
      checkMemory(job)
      isRunning = true
      runner = createRunner({ ...job.settings, ...parts, ...surroundings, agent, store, workerId: job.workerId })
      if (concurrency !== null) runner.setConcurrency(concurrency)
      const { attempts, endedBy } = await runner.run({ signal: stop.signal, drain: drain.signal })
      metrics?.flush()
      await send({ kind: 'ended', attempts, endedBy: endedBy === undefined ? null : packError(endedBy) })
    } finally {
      await store.close()
    }
  } finally {
    await components.close()
  }
}

process.on('message', (message: ToChild) => {
  switch (message.kind) {
    case 'run':
      // Whatever the agent left open (timers, pools) must not keep the process.
      run(message.job).then(
        () => process.exit(0),
        async (error: unknown) => {
          await send({ kind: 'failed', error: packError(error) })
          process.exit(1)
        },
      )
      return
    case 'concurrency':
      concurrency = message.concurrency
      runner?.setConcurrency(concurrency)
      return
    case 'drain':
      if (!isRunning) process.exit(0)
      drain.abort()
      return
    case 'stop':
      if (!isRunning) process.exit(0)
      stop.abort(message.reason === null ? stopped() : unpackError(message.reason))
      return
    default:
      message satisfies never
  }
})

process.on('disconnect', () => {
  stop.abort(stopped())
  setTimeout(() => process.exit(1), orphanMs)
})

// A parent that was killed left it behind, however this process ends and whether or not it has heard of it yet.
process.on('exit', () => {
  const isOrphan = !process.connected || process.ppid !== parent
  if (isOrphan && folder !== null) rmSync(folder, { recursive: true, force: true })
})

// A Ctrl-C reaches the whole group; what it means is for the parent to say.
process.on('SIGINT', () => {})
