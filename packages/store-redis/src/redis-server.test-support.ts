import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Cluster, Redis } from 'ioredis'

/** A redis-server of a test's own. */
export interface TestServer {
  /** What the store takes as its `url`. */
  readonly url: string
  /** Ends the process without a farewell. */
  kill(): Promise<void>
  /** Lets it do nothing, its connections left open, until it is thawed. */
  freeze(): void
  thaw(): void
  /** Starts it again on the same data. */
  restart(): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

/** In memory where the system has such a file system: a test must not wait for the disk. */
const memoryFolder = '/dev/shm'

function makeFolder(): string {
  return mkdtempSync(join(existsSync(memoryFolder) ? memoryFolder : tmpdir(), 'agl-store-redis-'))
}

/**
 * Starts redis-server on a socket in a folder of its own.
 * @param settings of its command line, for example `--appendonly yes`
 * @throws Error that says how to install it
 */
export async function startServer(...settings: readonly string[]): Promise<TestServer> {
  const folder = makeFolder()
  return startAt(join(folder, 'socket'), folder, ['--port', '0', '--unixsocket', join(folder, 'socket'), ...settings])
}

/**
 * Lets a server on a socket that saves by itself (`--save`) fail to, so that it takes no write.
 * @returns what lets it save again
 */
export async function failToSave({ url }: TestServer): Promise<() => Promise<void>> {
  // Where the file is to be there is a folder.
  const file = join(dirname(url), 'dump.rdb')
  mkdirSync(join(file, 'in the way'), { recursive: true })
  const save = async (isOk: boolean): Promise<void> => {
    const admin = new Redis(url)
    await admin.bgsave()
    while (!(await admin.info('persistence')).includes(`rdb_last_bgsave_status:${isOk ? 'ok' : 'err'}`));
    admin.disconnect()
  }
  await save(false)
  return async () => {
    rmSync(file, { recursive: true })
    await save(true)
  }
}

/** As `startServer`, on a TCP port. */
export async function startTcpServer(...settings: readonly string[]): Promise<TestServer & { readonly port: number }> {
  const port = await findPort()
  const server = await startAt(`redis://127.0.0.1:${port}`, makeFolder(), ['--port', String(port), ...settings])
  return { ...server, port }
}

/** A primary, its replica, and three sentinels that watch over them. */
export interface TestSentinels {
  /** A client to be given to stores; not connected. */
  createClient(): Redis
  readonly primary: TestServer
  stop(): Promise<void>
}

/** Starts them and waits until the sentinels know one another and the replica. */
export async function startSentinels(): Promise<TestSentinels> {
  const primary = await startTcpServer()
  const replica = await startTcpServer('--replicaof', '127.0.0.1', String(primary.port))
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(primary.port)))
  const addresses = sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))
  for (const { url } of sentinels) {
    const client = new Redis(url)
    for (;;) {
      const known = Object.fromEntries(chunksOfTwo((await client.call('SENTINEL', 'MASTER', 'agl')) as readonly string[]))
      if (known['num-other-sentinels'] === '2' && known['num-slaves'] === '1') break
      await sleep(50)
    }
    client.disconnect()
  }
  return {
    primary,
    createClient() {
      const client = new Redis({ sentinels: addresses, name: 'agl', lazyConnect: true })
      client.on('error', () => {})
      return client
    },
    async stop() {
      await Promise.all([...sentinels, primary, replica].map((server) => server.stop()))
    },
  }
}

const chunksOfTwo = (flat: readonly string[]): readonly (readonly [string, string])[] =>
  flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1]!] as const] : []))

async function startSentinel(primaryPort: number): Promise<Pick<TestServer, 'url' | 'stop'> & { readonly port: number }> {
  const port = await findPort()
  const folder = makeFolder()
  // A sentinel keeps its state in the file of its configuration.
  const file = join(folder, 'sentinel.conf')
  const settings = [`port ${port}`, `dir ${folder}`, `sentinel monitor agl 127.0.0.1 ${primaryPort} 2`]
  const limits = ['sentinel down-after-milliseconds agl 500', 'sentinel failover-timeout agl 3000']
  writeFileSync(file, [...settings, ...limits, ''].join('\n'))
  const url = `redis://127.0.0.1:${port}`
  const running = await runServer(url, [file, '--sentinel'])
  return {
    url,
    port,
    async stop() {
      running.process.kill('SIGKILL')
      await running.ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function startAt(url: string, folder: string, settings: readonly string[]): Promise<TestServer> {
  const args = ['--dir', folder, '--save', '', ...settings]
  let running = await runServer(url, args)
  const kill = async (): Promise<void> => {
    running.process.kill('SIGKILL')
    await running.ended
  }
  return {
    url,
    kill,
    freeze: () => void running.process.kill('SIGSTOP'),
    thaw: () => void running.process.kill('SIGCONT'),
    async restart() {
      running = await runServer(url, args)
    },
    async stop() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function runServer(
  url: string,
  args: readonly string[],
): Promise<{ readonly process: ChildProcess; readonly ended: Promise<void> }> {
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

/** A port that is free, and the one 10,000 above it, on which servers of a cluster talk. */
async function findPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 30_000)
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** A cluster of a test's own. */
export interface TestCluster {
  /** A client to be given to stores; not connected. */
  createClient(): Cluster
  readonly servers: readonly (TestServer & { readonly port: number })[]
  stop(): Promise<void>
}

/** Starts servers that share the slots. @param replicas of each of the three primaries */
export async function startCluster(replicas: 0 | 1 = 0): Promise<TestCluster> {
  const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', '--appendonly', 'no']
  const servers = await Promise.all(Array.from({ length: 3 * (1 + replicas) }, () => startTcpServer(...settings)))
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`)
  const options = ['--cluster-replicas', String(replicas), '--cluster-yes']
  await promisify(execFile)('redis-cli', ['--cluster', 'create', ...addresses, ...options])
  const createClient = (): Cluster => {
    const client = new Cluster(
      servers.map(({ port }) => ({ host: '127.0.0.1', port })),
      { lazyConnect: true },
    )
    client.on('error', () => {})
    return client
  }
  await untilClusterIsReady(servers)
  return {
    createClient,
    servers,
    async stop() {
      await Promise.all(servers.map((server) => server.stop()))
    },
  }
}

async function untilClusterIsReady(servers: readonly TestServer[]): Promise<void> {
  for (const { url } of servers) {
    const client = new Redis(url)
    for (;;) {
      const info = (await client.cluster('INFO')) as string
      const isJoined = info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${servers.length}`)
      // A replica without the data of its primary cannot take over.
      if (isJoined && !(await client.info('replication')).includes('master_link_status:down')) break
      await sleep(20)
    }
    client.disconnect()
  }
}
