import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../lib/free-port.ts'
import { keep, type Kept } from '../lib/keep.ts'
import { nextTimer } from '../lib/loop-delay.ts'
import { mulberry32 } from '../lib/random.ts'
import { redisArguments } from '../lib/redis-server.ts'
import { judge, untilTold, type Verdict, watchStore } from './judge.ts'
import { openPlace, type Place } from './parts.ts'

export interface SoakOptions {
  readonly backend: 'sqlite' | 'redis'
  readonly rollouts: number
  readonly runners: number
  readonly seed: number
  /** One process is killed about so often, in milliseconds; null = none. */
  readonly killEveryMs: number | null
  /** After so many kills nobody dies any more: on a busy machine processes may die before they have done anything. */
  readonly mostKills: number
  readonly leaseMs: number
  /** When what is not done by then is judged as it is. */
  readonly giveUpMs: number
  /** Whether Redis keeps what it acknowledges; without it the judge must find what is lost. */
  readonly appendOnly: boolean
  /** Only processes of this kind are killed; null = all. */
  readonly victims: string | null
}

export interface SoakReport extends Verdict {
  readonly hasGap: boolean
  readonly seconds: number
  /** By kind of process. */
  readonly kills: Readonly<Record<string, number>>
}

/**
 * Runners, two servers and an algorithm work off a queue while all of them, and Redis, are killed at random and begun again.
 * When all is done, each rollout must have ended exactly once and each acknowledged span must be there exactly once.
 */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const { backend, rollouts, runners, killEveryMs, mostKills, leaseMs, giveUpMs, appendOnly, victims } = options
  const random = mulberry32(options.seed)
  const folder = await mkdtemp(join(tmpdir(), 'agl-soak-'))
  const [redisPort, ...serverPorts] = await Promise.all([freePort(), freePort(), freePort()])
  const redis: Place = { kind: 'redis', url: `redis://127.0.0.1:${redisPort}`, namespace: 'soak' }
  const http: Place = { kind: 'http', urls: serverPorts.map((port) => `http://127.0.0.1:${port}`) }
  const pauseMs = (): number => 50 + random() * 450
  const kept: Kept[] = []
  const start = (name: string, command: Parameters<typeof keep>[1]): Kept => {
    const process = keep(name, command, { pauseMs })
    kept.push(process)
    return process
  }
  const backendFlags =
    backend === 'sqlite' ? ['--file', join(folder, 'store.db')] : ['--redis-url', redis.url, '--namespace', 'soak']
  if (backend === 'redis') start('redis', () => ['redis-server', redisArguments(folder, redisPort!, appendOnly)])
  for (const [index, port] of serverPorts.entries()) {
    const flags = ['store', '--backend', backend, ...backendFlags, '--port', String(port), '--log-level', 'silent']
    start(`server-${index}`, () => node('../../packages/cli/src/main.ts', ...flags))
  }
  // The servers must not be found half-open by the first who asks.
  const watched = await openPlace(http)
  const watcher = watchStore(watched)
  await watcher.opened
  for (let index = 0; index < runners; index++) {
    const place = backend === 'redis' && index % 2 === 0 ? redis : http
    start(`runner-${index}`, (beginning) => {
      const workerId = `runner-${index}-${beginning}`
      return node('./runner-child.ts', JSON.stringify({ place, workerId, leaseMs, logFile: join(folder, `${workerId}.log`) }))
    })
  }
  const begun = performance.now()
  const algorithm = start('algorithm', () =>
    node('./algorithm-child.ts', JSON.stringify({ place: http, rollouts, leaseSeconds: leaseMs / 1000 })),
  )
  let isOver = false
  const doomed = kept.filter(({ name }) => victims === null || kindOf(name) === victims)
  const killing =
    killEveryMs === null
      ? Promise.resolve()
      : killAtRandom(doomed, killEveryMs, random, () => isOver || sum(countKills(kept)) >= mostKills)
  try {
    await Promise.race([algorithm.done, setTimeout(giveUpMs, undefined, { ref: false })])
    const seconds = (performance.now() - begun) / 1000
    isOver = true
    await killing
    for (const process of kept.filter(({ name }) => name.startsWith('runner'))) await process.stop()
    await untilTold(watcher, rollouts)
    await watcher.stop()
    const verdict = await judge(watched, { rollouts, folder, watcher })
    return { ...verdict, hasGap: watcher.hasGap, seconds, kills: countKills(kept) }
  } finally {
    isOver = true
    await watcher.stop()
    await watched.close()
    for (const process of kept.toReversed()) await process.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function node(file: string, ...args: readonly string[]): readonly [string, readonly string[]] {
  return [process.execPath, ['--conditions=@agl/source', fileURLToPath(new URL(file, import.meta.url)), ...args]]
}

async function killAtRandom(kept: readonly Kept[], everyMs: number, random: () => number, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await nextTimer(everyMs * (0.5 + random()))
    if (!isOver()) kept[Math.floor(random() * kept.length)]!.kill()
  }
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

/** `server` of `server-1`. */
function kindOf(name: string): string {
  return name.replace(/-\d+$/, '')
}

function countKills(kept: readonly Kept[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { name, kills } of kept) {
    const kind = kindOf(name)
    counts[kind] = (counts[kind] ?? 0) + kills
  }
  return counts
}
