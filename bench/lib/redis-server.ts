import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from './free-port.ts'
import { nextTimer } from './loop-delay.ts'
import { NotAvailable } from './scenario.ts'

/** A Redis of the bench's own, without data of others, gone when it is closed. */
export interface RedisServer {
  readonly port: number
  readonly url: string
  /** CPU time since the server began, in microseconds. */
  cpuUs(): Promise<number>
  /** What its data takes, in bytes, as it counts itself. */
  usedBytes(): Promise<number>
  /** Whether writes go to a log that is synced each second. Returns when the log is as the data. */
  setAppendOnly(isOn: boolean): Promise<void>
  /** Empties it. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** @throws NotAvailable where there is no redis-server */
export async function openRedisServer(): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'agl-bench-redis-'))
  const port = await freePort()
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no', '--loglevel', 'warning'],
    { stdio: 'ignore' },
  )
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (cause) => reject(new NotAvailable('redis-server cannot be started', { cause })))
  })
  const admin = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => 20, maxRetriesPerRequest: null })
  admin.on('error', () => {})
  await Promise.race([admin.ping(), failed])

  const field = async (section: string, name: string): Promise<number> => {
    const match = new RegExp(`^${name}:([\\d.]+)`, 'm').exec(await admin.info(section))
    if (match === null) throw new Error(`INFO ${section} of Redis tells no ${name}.`)
    return Number(match[1])
  }
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    cpuUs: async () => ((await field('cpu', 'used_cpu_user')) + (await field('cpu', 'used_cpu_sys'))) * 1e6,
    usedBytes: () => field('memory', 'used_memory'),
    async setAppendOnly(isOn) {
      await admin.config('SET', 'appendonly', isOn ? 'yes' : 'no')
      while ((await field('persistence', 'aof_rewrite_in_progress')) === 1) await nextTimer(20)
    },
    flush: async () => void (await admin.flushall('SYNC')),
    async close() {
      admin.disconnect()
      await ended(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

/** Of a redis-server on this machine. @param appendOnly whether it keeps what it acknowledges */
export function redisArguments(folder: string, port: number, appendOnly: boolean): readonly string[] {
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder]
  const keeping = ['--save', '', '--appendonly', appendOnly ? 'yes' : 'no', '--appendfsync', 'always']
  return [...place, ...keeping, '--loglevel', 'warning']
}
