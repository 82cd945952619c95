import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'

/** A redis-server of a test's own. */
export interface TestServer {
  /** The path of its socket, which is a `url` of the store. */
  readonly url: string
  /** Ends the process without a farewell. */
  kill(): Promise<void>
  /** Starts it again on the same data. */
  restart(): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

/** In memory where the system has such a file system: a test must not wait for the disk. */
const memoryFolder = '/dev/shm'

/**
 * Starts redis-server on a socket in a folder of its own.
 * @param settings of its command line, for example `--appendonly yes`
 * @throws Error that says how to install it
 */
export async function startServer(...settings: readonly string[]): Promise<TestServer> {
  const folder = mkdtempSync(join(existsSync(memoryFolder) ? memoryFolder : tmpdir(), 'agl-store-redis-'))
  const url = join(folder, 'socket')
  const own = ['--port', '0', '--unixsocket', url, '--dir', folder, '--save', '']
  let run = await runServer(url, [...own, ...settings])
  const kill = async (): Promise<void> => {
    run.process.kill('SIGKILL')
    await run.ended
  }
  return {
    url,
    kill,
    async restart() {
      run = await runServer(url, [...own, ...settings])
    },
    async stop() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function runServer(url: string, args: readonly string[]) {
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()))
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (error) =>
      reject(
        new Error(`Cannot run redis-server; install it (apt-get install redis-server, brew install redis): ${error.message}`),
      ),
    )
    child.once('exit', () => reject(new Error(`redis-server ended:\n${output}`)))
  })
  failed.catch(() => {})
  await Promise.race([untilReady(url), failed])
  return { process: child, ended }
}

async function untilReady(url: string): Promise<void> {
  const client = new Redis(url, { retryStrategy: () => 10, maxRetriesPerRequest: null })
  client.on('error', () => {})
  await client.ping()
  client.disconnect()
}
