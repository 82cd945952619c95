// A program as its users write it: `fit` under the strategy of the plan, or, started with `runner`, the runners of an algorithm elsewhere.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { agentModule, createTrainer, handleInterrupts, type StrategyChoice } from '@agl/trainer'
import { type AlgorithmContext, errorMessage, type LightningStore, type LogFields, type Logger } from '@agl/types'
import { nextTimer } from '../lib/loop-delay.ts'
import { watchStore } from '../soak/judge.ts'
import { untilDone } from '../soak/parts.ts'
import { openGate } from './gate.ts'
import { entriesOf, openJournal } from './journal.ts'
import { openAccess } from './open-access.ts'
import { type Plan, readPlan, slowSeconds, type Task, tasksOf } from './plan.ts'
import { heldAttempts, readRecord, untilQuiet } from './record.ts'
import { plantedStore, watchedStore } from './watched-store.ts'

const role = process.argv[2] === 'runner' ? 'runner' : 'algorithm'
const plan = readPlan()
const gate = openGate(plan)
const journal = openJournal(plan.folder)
const agents = new URL('agents.ts', import.meta.url)
const inProgram = plan.programAccess.kind === 'memory'

/** For whoever asks why something went wrong. */
const logger: Logger = { debug: write, info: write, warn: write, error: write }

function write(message: string, fields?: LogFields): void {
  process.stderr.write(`${new Date().toISOString()} ${role} ${process.pid}: ${message} ${JSON.stringify(fields ?? {})}\n`)
}

function strategyOf({ strategy, listenPort, connectPort, serverAccess }: Plan): StrategyChoice {
  switch (strategy) {
    case 'shm':
      return 'shm'
    case 'ipc':
      return { type: 'ipc', maxRestarts: 10, terminateMs: 1000 }
    case 'cs': {
      const port = (role === 'runner' ? connectPort : listenPort) ?? 0
      return { type: 'cs', role, host: '127.0.0.1', port, managedStore: serverAccess === null, drainMs: 1500 }
    }
    default:
      return strategy satisfies never
  }
}

/** Whatever a program before this one has done of it is done. Answers whether all of it is. */
async function runAlgorithm({ store, signal }: AlgorithmContext): Promise<boolean> {
  await gate.pass('before-claim', 'program')
  const tasks = tasksOf(plan)
  const idsOf = (...kinds: readonly Task['kind'][]): readonly string[] =>
    tasks.filter(({ kind }) => kinds.includes(kind)).map(({ rolloutId }) => rolloutId)
  const enqueue = (chosen: readonly Task[]): Promise<unknown> =>
    untilDone(() => store.enqueueManyRollouts({ rollouts: chosen.map(requestOf) }))
  const wait = (rolloutIds: readonly string[]): Promise<unknown> =>
    rolloutIds.length === 0 ? Promise.resolve() : untilDone(() => store.waitForRollouts({ rolloutIds, signal }))

  await enqueue(tasks.filter(({ kind }) => kind !== 'straggle'))
  const waiting = wait(idsOf('score', 'throw', 'slow'))
  // Its failure is told by the wait for it, which may be held up.
  waiting.catch(() => {})
  await gate.pass('waiting', 'program')
  await waiting
  await untilDone(() => store.cancelRollouts({ rolloutIds: [...idsOf('cancel')] }))
  await wait(idsOf('cancel'))
  const stragglers = idsOf('straggle')
  if (stragglers.length === 0) return true
  await enqueue(tasks.filter(({ kind }) => kind === 'straggle'))
  if (isDrained) {
    await wait(stragglers)
    return true
  }
  while (!entriesOf(journal.read(), 'began').some(({ rolloutId }) => stragglers.includes(rolloutId))) {
    signal.throwIfAborted()
    await nextTimer(10)
  }
  isDrained = true
  gate.mark('drain', 'program')
  return false
}

/** The first program of a plan for it leaves while there is work; later ones finish it. */
let isDrained = process.argv[3] === 'later'

function requestOf({ rolloutId, kind, reward }: Task) {
  return {
    input: { rolloutId, kind, reward },
    rollout_id: rolloutId,
    config: {
      max_attempts: 100,
      // What we did wrong is tried again, and so ends as its kind says.
      retry_outcomes: ['unresponsive', 'infra_error'] as const,
      timeout_seconds: kind === 'slow' ? slowSeconds : null,
    },
  }
}

async function fitOnce(store: LightningStore): Promise<{ readonly isComplete: boolean; readonly isInterrupted: boolean }> {
  const trainer = createTrainer<boolean>({
    store,
    algorithm: { name: 'faults', run: runAlgorithm },
    strategy: strategyOf(plan),
    nRunners: role === 'runner' ? 1 : 2,
    tracer: { module: agents.href, export: 'createFaultsTracer' },
    logger,
    runner: { leaseMs: plan.leaseMs, concurrency: 3, waitMs: 2000, shutdownGraceMs: 500, abortGraceMs: 200 },
  })
  let isInterrupted = false
  try {
    const result = await handleInterrupts((signal) => {
      signal.addEventListener('abort', () => (isInterrupted = true))
      return trainer.fit(agentModule(agents, 'agent'), [], { signal })
    })
    if (role === 'algorithm') await noteHeld(store, 'resolved')
    return { isComplete: result === true, isInterrupted }
  } catch (error) {
    write('fit rejected', { error: errorMessage(error) })
    if (role === 'algorithm') await noteHeld(store, `rejected: ${errorMessage(error)}`)
    return { isComplete: false, isInterrupted }
  }
}

/** When `fit` has settled, nothing that it started is left, claims included. */
async function noteHeld(store: LightningStore, fit: string): Promise<void> {
  const attemptIds = await heldAttempts(store).catch(() => null)
  journal.write({ kind: 'held', attemptIds, fit })
}

async function runProgram(): Promise<void> {
  journal.write({ kind: 'process', pid: process.pid, role: 'program' })
  const opened = await openAccess(plan.programAccess)
  const watcher = inProgram ? watchStore(opened) : null
  await watcher?.opened
  const store = watchedStore(plan.plant === null ? opened : plantedStore(opened, plan.plant), gate, journal)
  for (;;) {
    const { isComplete, isInterrupted } = await fitOnce(store)
    if (isComplete) journal.write({ kind: 'complete' })
    // Nobody else can go on with what is in this process.
    if (watcher !== null && !isComplete && !isInterrupted) continue
    if (watcher !== null) {
      await untilQuiet(opened, 4 * plan.leaseMs)
      const record = await readRecord(opened, watcher)
      writeFileSync(join(plan.folder, 'record.json'), JSON.stringify(record))
    }
    await opened.close()
    process.exitCode = isComplete ? 0 : 1
    return
  }
}

async function runRunner(): Promise<void> {
  const store = await openAccess(plan.serverAccess === null ? { kind: 'memory' } : plan.programAccess)
  await fitOnce(store)
  await store.close()
}

await (role === 'runner' ? runRunner() : runProgram())
