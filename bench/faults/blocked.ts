import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFinalReward } from '@agl/types/spans'
import { nextTimer } from '../lib/loop-delay.ts'
import { openRedisServer } from '../lib/redis-server.ts'
import type { Place } from './cells.ts'
import { openAccess } from './open-access.ts'
import type { Access } from './plan.ts'

export interface BlockedOptions {
  readonly leaseMs: number
  readonly blockMs: number
}

export interface BlockedReport extends Place {
  readonly leaseMs: number
  /** As the agent measured it. */
  readonly blockedMs: number
  /** How often the lease was looked at meanwhile, from another process. */
  readonly looks: number
  /** The least of it that was left. */
  readonly leastLeftMs: number
  readonly attempts: number
  /** There was one attempt, it ended well, and its lease never ran out. */
  readonly isKept: boolean
}

/** What the program of the scenario is started with. */
export interface BlockedJob extends BlockedOptions {
  readonly strategy: Place['strategy']
  readonly access: Access
}

/** What the agent is given. */
export interface BlockedTask {
  /** A file: the agent begins to block when it is there, which is when the lease is renewed from the thread. */
  readonly marker: string
  readonly blockMs: number
}

/** One agent under each strategy keeps the loop that it runs on busy, all at the same time. */
export async function runBlocked(options: BlockedOptions): Promise<readonly BlockedReport[]> {
  const folder = await mkdtemp(join(tmpdir(), 'agl-blocked-'))
  const redis = await openRedisServer()
  try {
    const sqlite = (name: string): Access => ({ kind: 'sqlite', file: join(folder, `${name}.db`) })
    return await Promise.all([
      runOne({ strategy: 'shm', store: 'sqlite' }, sqlite('shm'), folder, options),
      runOne({ strategy: 'ipc', store: 'sqlite' }, sqlite('ipc'), folder, options),
      runOne({ strategy: 'cs', store: 'redis' }, { kind: 'redis', url: redis.url, namespace: 'blocked' }, folder, options),
    ])
  } finally {
    await redis.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function runOne(place: Place, access: Access, folder: string, options: BlockedOptions): Promise<BlockedReport> {
  const { leaseMs } = options
  const store = await openAccess(access)
  const marker = join(folder, place.strategy)
  const task: BlockedTask = { marker, blockMs: options.blockMs }
  const { rollout_id: rolloutId } = await store.enqueueRollout({ input: { ...task }, rollout_id: 'blocking' })
  const job: BlockedJob = { ...options, strategy: place.strategy, access }
  const program = fork(new URL('blocked-program.ts', import.meta.url), [JSON.stringify(job)], {
    execArgv: ['--conditions=@agl/source', '--disable-warning=ExperimentalWarning'],
  })
  const exited = once(program, 'exit')
  let hasBegun = false
  let looks = 0
  let leastLeftMs = Infinity
  for (; program.exitCode === null && program.signalCode === null; await nextTimer(50)) {
    if (!hasBegun) {
      const { items: workers } = await store.queryWorkers()
      hasBegun = workers.some(({ heartbeat_stats: stats }) => stats?.['beats_from'] === 'thread' && stats['running'] === 1)
      if (hasBegun) writeFileSync(marker, '')
      continue
    }
    const attempt = await store.getLatestAttempt({ rolloutId })
    if (attempt === null || attempt.lease_expires === null) continue
    looks++
    leastLeftMs = Math.min(leastLeftMs, attempt.lease_expires * 1000 - Date.now())
  }
  await exited
  const { items: attempts } = await store.queryAttempts({ rolloutId })
  const blockedMs = findFinalReward((await store.querySpans({ rolloutId })).items) ?? 0
  await store.close()
  const isKept = attempts.length === 1 && attempts[0]!.outcome === 'scored' && looks > 0 && leastLeftMs > 0
  return { ...place, leaseMs, blockedMs, looks, leastLeftMs, attempts: attempts.length, isKept }
}
