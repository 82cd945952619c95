import { nextTimer } from '../lib/loop-delay.ts'
import type { TcpProxy } from '../lib/tcp-proxy.ts'
import { openTheGate, readHit } from './gate.ts'
import { entriesOf, type Journal } from './journal.ts'
import type { Fault } from './judge.ts'
import { isAlive } from './leftovers.ts'
import type { Plan } from './plan.ts'

/** The processes of a case that can be hit. */
export interface Targets {
  readonly journal: Journal
  readonly proxy: TcpProxy | null
  programPid(): number | undefined
  serverPid(): number | undefined
  redisPid(): number | undefined
}

/** Longer than a lease, so that it is over in between. */
const stallLeases = 1.6
/** How long nobody can connect, in milliseconds. */
const cutMs = 700

/** Waits until somebody stands at the gate and does it to the victim. Null when the signal is aborted before that. */
export async function inject(plan: Plan, targets: Targets, signal: AbortSignal): Promise<Fault | null> {
  let hit = readHit(plan.folder)
  for (; hit === null; hit = readHit(plan.folder)) {
    if (signal.aborted) return null
    await nextTimer(5)
  }
  const pids = await victimsOf(plan, hit, targets, signal)
  const stallMs = stallLeases * plan.leaseMs
  const start = Date.now() / 1000
  const open = (blockMs = 0): void => openTheGate(plan.folder, { blockMs })
  switch (plan.way) {
    case 'kill':
    case 'terminate':
      for (const pid of pids) send(pid, plan.way === 'kill' ? 'SIGKILL' : 'SIGTERM')
      open()
      break
    case 'stall':
      for (const pid of pids) send(pid, 'SIGSTOP')
      if (targets.proxy !== null) void targets.proxy.stall(stallMs)
      open()
      await nextTimer(stallMs)
      for (const pid of pids) send(pid, 'SIGCONT')
      break
    case 'block':
      open(stallMs)
      await nextTimer(stallMs)
      break
    case 'cut':
      void targets.proxy!.cut(cutMs)
      open()
      await nextTimer(cutMs)
      break
    default:
      return plan.way satisfies never
  }
  return { pids, start, end: Date.now() / 1000 }
}

async function victimsOf(
  { victim, phase }: Plan,
  hit: { readonly pid: number; readonly attemptId: string | null },
  { journal, programPid, serverPid, redisPid }: Targets,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const known = (pid: number | undefined): readonly number[] => (pid === undefined ? [] : [pid])
  switch (victim) {
    case 'program':
      return known(programPid())
    case 'server':
      return known(serverPid())
    case 'redis':
      return known(redisPid())
    case 'connection':
      return []
    case 'runner': {
      const runners = (): readonly number[] =>
        entriesOf(journal.read(), 'process')
          .filter(({ pid, role }) => role === 'runner' && isAlive(pid))
          .map(({ pid }) => pid)
      if (runners().includes(hit.pid)) return [hit.pid]
      if (phase === 'drain')
        return known(entriesOf(journal.read(), 'began').findLast(({ rolloutId }) => rolloutId === 'straggler')?.pid)
      const owner = entriesOf(journal.read(), 'began').find(({ attemptId }) => attemptId === hit.attemptId)?.pid
      if (owner !== undefined) return [owner]
      while (runners().length === 0 && !signal.aborted) await nextTimer(10)
      // Who waits for the answer is not known outside; while nothing is claimed one is like the other.
      return phase === 'claim-reply' ? runners() : runners().slice(0, 1)
    }
    default:
      return victim satisfies never
  }
}

/** One that is gone already has been hit enough. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
