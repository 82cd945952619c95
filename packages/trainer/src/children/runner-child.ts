/**
 * A child process that runs one runner. It imports the module of the agent and nothing else of the program. What it loads of this
 * package goes by relative paths, so that it starts from the sources and from the build alike.
 *
 * Starting → running → (`stop`, the store's `closed`, `maxRollouts`) draining → gone. Told to stop while it starts, it is gone at
 * once. When the parent is gone, it has `orphanMs` to end its work, and then it is gone too.
 */
import { rmSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { createRunner } from '@agl/runner'
import { AglError, jsonOffender, type LightningStore, type LogFields, type Logger } from '@agl/types'
import { loadAgent } from '../agent-module.ts'
import { openClient } from '../serve-store.ts'
import { loadTracer } from '../tracer-module.ts'
import { packError } from './errors.ts'
import { type FromChild, type LogLevel, orphanMs, type RunJob, type StoreAccess, type ToChild } from './protocol.ts'
import type { WatchParentData } from './watch-parent.ts'

if (process.send === undefined) throw new Error('runner-child.ts runs as a child process only')

const stop = new AbortController()
const stopped = (): AglError => new AglError({ code: 'closed', message: 'The run is over.' })
const parent = process.ppid
/** Of the parent's socket. Not by message: a parent that is killed while this process starts takes its messages with it. */
const folder = process.argv[2] ?? null
let isRunning = false

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

async function openStore(access: StoreAccess): Promise<LightningStore> {
  switch (access.kind) {
    case 'server':
      return await openClient({ url: access.url, ...(access.token === null ? {} : { token: access.token }) })
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

/** An agent that computes for long keeps this thread from hearing that the parent is gone. */
function watchParent(): void {
  const isSource = import.meta.url.endsWith('.ts')
  const workerData: WatchParentData = { parent, folder }
  const watcher = new Worker(new URL(isSource ? './watch-parent.ts' : './watch-parent.js', import.meta.url), {
    workerData,
    name: 'agl-watch-parent',
    execArgv: isSource ? ['--disable-warning=ExperimentalWarning'] : [],
  })
  // Without it there is still the channel to the parent.
  watcher.on('error', () => {})
  watcher.unref()
}

async function run(job: RunJob): Promise<void> {
  watchParent()
  const agent = await loadAgent({ kind: 'agent_module', ...job.agent })
  const tracer = job.tracer === null ? {} : { tracer: await loadTracer(job.tracer) }
  const store = await openStore(job.store)
  try {
    const logger = createForwardingLogger()
    isRunning = true
    const runner = createRunner({ ...job.settings, ...tracer, agent, store, logger, workerId: job.workerId })
    const { attempts, endedBy } = await runner.run({ signal: stop.signal })
    await send({ kind: 'ended', attempts, endedBy: endedBy === undefined ? null : packError(endedBy) })
  } finally {
    await store.close()
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
    case 'stop':
      if (!isRunning) process.exit(0)
      stop.abort(stopped())
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
