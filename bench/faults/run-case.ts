import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AttemptOutcome, LightningStore } from '@agl/types'
import { freePort } from '../lib/free-port.ts'
import { keep, type Kept } from '../lib/keep.ts'
import { nextTimer } from '../lib/loop-delay.ts'
import { redisArguments } from '../lib/redis-server.ts'
import { openTcpProxy, type TcpProxy } from '../lib/tcp-proxy.ts'
import { watchStore, type Watcher } from '../soak/judge.ts'
import type { Cell, Place } from './cells.ts'
import { inject } from './inject.ts'
import { entriesOf, openJournal } from './journal.ts'
import { type Fault, judge, type Violation } from './judge.ts'
import { findLeftovers, isAlive } from './leftovers.ts'
import { openAccess } from './open-access.ts'
import { type Access, folderVariable, type Plan, type Plant, writePlan } from './plan.ts'
import { readRecord, type RunRecord, untilQuiet } from './record.ts'

export interface CaseOptions extends Place {
  /** Who is hit, how and when; null = nobody is. */
  readonly cell: Cell | null
  readonly seed: number
  readonly rollouts: number
  readonly leaseMs: number
  /** A case that takes longer hangs, in milliseconds. */
  readonly giveUpMs: number
  readonly plant?: Plant
}

export interface CaseReport extends Place {
  readonly seed: number
  readonly cell: Cell | null
  readonly seconds: number
  readonly violations: readonly Violation[]
  readonly outcomes: Readonly<Partial<Record<AttemptOutcome, number>>>
  readonly starved: number
  /** Programs that were needed until all was done. */
  readonly programs: number
  /** Whether the data was gone with its program, so that only what is left behind could be judged. */
  readonly isDataGone: boolean
  /** The last of what the processes wrote to their standard error, where something is wrong. */
  readonly lastWords?: string
}

const compileCache = fileURLToPath(new URL('../node_modules/.cache/faults', import.meta.url))

/** More programs than any one fault costs. */
const mostPrograms = 6

/** Runs one program over one store, does one thing to one of the processes, lets others finish what is left, and judges. */
export async function runCase(options: CaseOptions): Promise<CaseReport> {
  const { strategy, store, cell, seed, giveUpMs } = options
  const begun = performance.now()
  const folder = await mkdtemp(join(tmpdir(), 'agl-faults-'))
  const errorsTo = openSync(join(folder, 'stderr.log'), 'a')
  const pids: number[] = []
  const over = new AbortController()
  const journal = openJournal(folder)
  // What starts again and again is compiled once.
  const environment = { ...process.env, [folderVariable]: folder, NODE_COMPILE_CACHE: compileCache }
  const kept: Kept[] = []
  let proxy: TcpProxy | null = null
  let observer: LightningStore | null = null
  let watcher: Watcher | null = null
  let programs = 0
  let hasEnded = false

  const keepOne = (name: string, command: readonly [string, readonly string[]]): Kept => {
    const one = keep(name, () => command, { pauseMs: () => 300, alsoAfterSuccess: true, environment, errorsTo })
    kept.push(one)
    return one
  }

  async function run(): Promise<Omit<CaseReport, keyof Place | 'seed' | 'cell' | 'seconds' | 'programs'>> {
    const places = await planOf(options, folder)
    if (cell?.victim === 'connection') {
      proxy = await openTcpProxy(strategy === 'cs' ? places.plan.listenPort! : places.redisPort!)
    }
    const plan = proxy === null ? places.plan : throughProxy(places.plan, proxy)
    writePlan(plan)
    const redis =
      places.redisPort === null ? null : keepOne('redis', ['redis-server', redisArguments(folder, places.redisPort, true)])
    // Opened before anybody writes, so that the feed is followed from its beginning.
    const server = plan.serverAccess === null ? null : keepOne('server', node('server.ts'))
    observer = places.observed === null ? null : await openAccess(places.observed)
    watcher = observer === null ? null : watchStore(observer)
    await watcher?.opened
    const runners = strategy === 'cs' ? [0, 1].map((index) => keepOne(`runner-${index}`, node('program.ts', 'runner'))) : []

    let programPid: number | undefined
    const targets = {
      journal,
      proxy,
      programPid: () => programPid,
      serverPid: () => server?.pid,
      redisPid: () => redis?.pid,
    }
    const injecting: Promise<Fault | null> = cell === null ? Promise.resolve(null) : inject(plan, targets, over.signal)
    const isComplete = (): boolean => entriesOf(journal.read(), 'complete').length > 0
    while (!isComplete() && programs < mostPrograms && !over.signal.aborted) {
      const [file, args] = node('program.ts', 'algorithm', programs === 0 ? 'first' : 'later', 'program')
      programs++
      const child = spawn(file, args, { stdio: ['ignore', 'ignore', errorsTo], env: environment })
      programPid = child.pid
      pids.push(child.pid!)
      await once(child, 'exit')
      if (plan.programAccess.kind === 'memory') break
    }
    hasEnded = true
    if (!existsSync(join(folder, 'hit.json'))) over.abort()
    const fault = await injecting
    const violations: Violation[] = []
    if (cell !== null && fault === null) violations.push({ kind: 'not-hit', detail: 'nobody ever stood at the gate' })
    const isDataGone = plan.programAccess.kind === 'memory' && !isComplete() && cell?.victim === 'program'
    if (!isComplete() && !isDataGone) violations.push({ kind: 'unfinished', detail: `not done after ${programs} programs` })
    if (observer !== null) await untilQuiet(observer, 4 * plan.leaseMs)
    // Runners of `cs` go on for an algorithm that may come back, until they are told.
    for (const runner of runners) {
      const isLate = await Promise.race([runner.stop('SIGTERM').then(() => false), nextTimer(10_000).then(() => true)])
      if (isLate) violations.push({ kind: 'left-behind', detail: `${runner.name} did not end within 10 s of SIGTERM` })
    }
    const record = observer === null ? readRecordFile(folder) : await readRecord(observer, watcher!)
    pids.push(...entriesOf(journal.read(), 'process').map(({ pid }) => pid))
    for (const left of await findLeftovers(pids, plan.listenPort)) violations.push({ kind: 'left-behind', detail: left })
    if (record === null) {
      if (!isDataGone) violations.push({ kind: 'unfinished', detail: 'the program left no record' })
      return { violations, outcomes: {}, starved: 0, isDataGone }
    }
    const verdict = judge({ plan, entries: journal.read(), fault, record, mustFinish: !isDataGone })
    return { ...verdict, violations: [...violations, ...verdict.violations], isDataGone }
  }

  const lastWords = (): string => readFileSync(join(folder, 'stderr.log'), 'utf8').slice(-4000)
  const identity = { strategy, store, cell, seed }
  const giveUp = new AbortController()
  try {
    const hung = nextTimerUnless(giveUpMs, giveUp.signal).then(() => null)
    const result = await Promise.race([run(), hung])
    const seconds = (performance.now() - begun) / 1000
    if (result === null) {
      const where = hasEnded ? 'after the last program had ended' : `in program ${programs}`
      const detail = `not over after ${giveUpMs} ms, ${where}: ${JSON.stringify(journal.read().slice(-3))}`
      const rest = { outcomes: {}, starved: 0, isDataGone: false, lastWords: lastWords() }
      return { ...identity, seconds, programs, violations: [{ kind: 'hung', detail }], ...rest }
    }
    return { ...identity, seconds, programs, ...result, ...(result.violations.length === 0 ? {} : { lastWords: lastWords() }) }
  } finally {
    giveUp.abort()
    over.abort()
    const left = [...pids, ...entriesOf(journal.read(), 'process').map(({ pid }) => pid)]
    for (const pid of left.filter(isAlive)) process.kill(pid, 'SIGKILL')
    await (watcher as Watcher | null)?.stop()
    await (observer as LightningStore | null)?.close()
    for (const one of kept.toReversed()) await one.stop()
    await (proxy as TcpProxy | null)?.close()
    closeSync(errorsTo)
    await rm(folder, { recursive: true, force: true })
  }
}

interface Places {
  readonly plan: Plan
  readonly redisPort: number | null
  /** How this process looks into the store; null where it is in the program. */
  readonly observed: Access | null
}

async function planOf({ strategy, store, cell, seed, rollouts, leaseMs, plant }: CaseOptions, folder: string): Promise<Places> {
  const redisPort = store === 'redis' ? await freePort() : null
  const own: Access =
    store === 'memory'
      ? { kind: 'memory' }
      : store === 'sqlite'
        ? { kind: 'sqlite', file: join(folder, 'store.db') }
        : redisAccess(redisPort!)
  const serverPort = cell?.victim === 'server' ? await freePort() : null
  const listenPort = strategy === 'cs' && serverPort === null ? await freePort() : null
  const served: Access | null = serverPort === null ? null : { kind: 'http', url: `http://127.0.0.1:${serverPort}` }
  const plan: Plan = {
    folder,
    strategy,
    store,
    victim: cell?.victim ?? 'program',
    way: cell?.way ?? 'terminate',
    phase: cell?.phase ?? 'drain',
    nth: cell === null ? null : nthOf(cell, seed),
    seed,
    rollouts,
    leaseMs,
    programAccess: served ?? own,
    serverAccess: served === null ? null : own,
    serverPort,
    listenPort,
    connectPort: listenPort,
    plant: plant ?? null,
  }
  return { plan, redisPort, observed: store === 'memory' ? served : own }
}

/** The connection that is hit goes through the proxy. */
function throughProxy(plan: Plan, { port }: TcpProxy): Plan {
  if (plan.strategy === 'cs') return { ...plan, connectPort: port }
  return { ...plan, programAccess: redisAccess(port) }
}

function redisAccess(port: number): Access {
  return { kind: 'redis', url: `redis://127.0.0.1:${port}`, namespace: 'faults' }
}

/** Phases that a run passes often are hit at one of their first passages. */
function nthOf({ phase }: Cell, seed: number): number {
  switch (phase) {
    case 'before-claim':
    case 'waiting':
    case 'drain':
      return 1
    case 'claim-reply':
    case 'claimed':
    case 'running':
    case 'spans':
    case 'before-settle':
    case 'settling':
      return 1 + (seed % 5)
    default:
      return phase satisfies never
  }
}

function node(file: string, ...args: readonly string[]): readonly [string, readonly string[]] {
  const flags = ['--conditions=@agl/source', '--disable-warning=ExperimentalWarning']
  return [process.execPath, [...flags, fileURLToPath(new URL(file, import.meta.url)), ...args]]
}

function readRecordFile(folder: string): RunRecord | null {
  const file = join(folder, 'record.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RunRecord) : null
}

function nextTimerUnless(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => clearTimeout(timer))
  })
}
