import { createStoreServer } from '@agl/store-http/server'
import { createMemoryStore } from '@agl/store-memory'
import { createSqliteStore } from '@agl/store-sqlite'
import { AglError, type LightningStore, type Logger, type LogLevels } from '@agl/types'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { addInspectCommand } from './inspect.ts'
import { defaultLevels, logFormatOption, toLogLevels, toPort } from './flags.ts'
import { createLogger, type LogFormat, logLevelHelp } from './logger.ts'
import type { Surroundings } from './run.ts'

interface StoreFlags {
  readonly backend: 'memory' | 'sqlite' | 'redis'
  readonly file?: string
  readonly redisUrl?: string
  readonly namespace?: string
  readonly host: string
  readonly port: number
  readonly storeName?: string
  readonly metrics: boolean
  readonly corsOrigin: readonly string[]
  readonly tokenFile?: string
  readonly allowUnauthenticated: boolean
  readonly scanDebounceSeconds?: number
  readonly logLevel: LogLevels
  readonly logFormat?: LogFormat
}

function toSeconds(text: string): number {
  const seconds = Number(text)
  if (text !== '' && Number.isFinite(seconds) && seconds >= 0) return seconds
  throw new InvalidArgumentError('Expected seconds, 0 or more.')
}

const collect = (origin: string, origins: readonly string[]): readonly string[] => [...origins, origin]

/** `agl store`: serves a store over HTTP until it is told to stop. */
export function addStoreCommand(program: Command, surroundings: Surroundings): void {
  const store = program
    .command('store')
    .summary('serve a store over HTTP')
    .description(
      'Serves a store over HTTP, for runners and algorithms in TypeScript and in Python (agent-lightning 0.3).\n' +
        'The first line on standard output is the URL. SIGINT and SIGTERM end it; what was acknowledged is kept.',
    )
    .addOption(new Option('--backend <name>', 'where the data is kept').choices(['memory', 'sqlite', 'redis']).default('memory'))
    .option('--file <path>', 'the SQLite file; its folder must exist')
    .option('--redis-url <url>', 'the Redis server; default: redis://127.0.0.1:6379')
    .option('--namespace <name>', 'keeps several stores apart in one Redis; default: agl')
    .option('--host <address>', 'the address to listen on; beyond this machine only with --token-file', '127.0.0.1')
    .option('--port <number>', 'the port; 0 takes any free one', toPort, 4747)
    .option('--store-name <name>', 'what statistics call the store; by default its own name')
    .option('--no-metrics', 'do not count anything for /v1/prometheus')
    .option('--cors-origin <origin>', 'a web origin that may call; may be given several times', collect, [])
    .option('--token-file <path>', 'who may do what: lines of role:token[:name]; roles are admin, algorithm, runner, viewer')
    .option(
      '--allow-unauthenticated',
      'listen beyond this machine without tokens: everybody who reaches the port may do everything',
      false,
    )
    .addOption(
      new Option(
        '--scan-debounce-seconds <seconds>',
        'taken for the sake of scripts of the Python package: limits are noticed at once',
      ).argParser(toSeconds),
    )
    .option('--log-level <levels>', logLevelHelp, toLogLevels, defaultLevels)
    .addOption(logFormatOption())
    .addHelpText(
      'after',
      '\nExamples:\n  agl store\n  agl store --backend sqlite --file runs/store.db --port 0\n' +
        '  echo "runner:$(openssl rand -hex 24)" > tokens && agl store --host 0.0.0.0 --token-file tokens\n',
    )
    // What stands behind the word `inspect` is for it.
    .enablePositionalOptions()
    .action(async (flags: StoreFlags) => serve(flags, surroundings))
  addInspectCommand(store, surroundings)
}

async function serve(flags: StoreFlags, { out, err, signal, isTerminal }: Surroundings): Promise<void> {
  const logger = createLogger(flags.logLevel, err, { format: flags.logFormat, isTerminal })
  const store = await openStore(flags, logger)
  const server = createStoreServer({
    store,
    host: flags.host,
    port: flags.port,
    logger,
    allowUnauthenticated: flags.allowUnauthenticated,
    corsOrigins: flags.corsOrigin,
    metrics: flags.metrics,
    ...(flags.storeName === undefined ? {} : { storeName: flags.storeName }),
    ...(flags.tokenFile === undefined ? {} : { tokenFile: flags.tokenFile }),
  })
  const told = untilTold(signal)
  try {
    const { url } = await server.start()
    out(`${url}\n`)
    logger.info(await told, { store: store.name })
  } finally {
    await server.close()
    await store.close()
  }
}

/** Resolves with the reason to end. */
async function untilTold(signal: AbortSignal | undefined): Promise<string> {
  return new Promise((resolve) => {
    const end = (reason: string): void => {
      process.off('SIGINT', onInterrupt)
      process.off('SIGTERM', onTerminate)
      resolve(reason)
    }
    const onInterrupt = (): void => end('interrupted; ending')
    const onTerminate = (): void => end('told to end; ending')
    process.once('SIGINT', onInterrupt)
    process.once('SIGTERM', onTerminate)
    if (signal?.aborted === true) end('ending')
    else signal?.addEventListener('abort', () => end('ending'), { once: true })
  })
}

async function openStore(flags: StoreFlags, logger: Logger): Promise<LightningStore> {
  refuseUnused(flags)
  switch (flags.backend) {
    case 'memory':
      return createMemoryStore({ logger })
    case 'sqlite':
      return openFile(flags, logger)
    case 'redis':
      return openRedis(flags, logger)
  }
}

/** Opened at once: a file that does not fit is told before anybody calls. */
async function openFile({ file }: StoreFlags, logger: Logger): Promise<LightningStore> {
  if (file === undefined) {
    throw new AglError({ code: 'invalid_argument', message: '--backend sqlite needs --file, the path of the database.' })
  }
  const store = createSqliteStore({ file, logger })
  await store.open()
  return store
}

/** Connected at once: a server that is not there is told before anybody calls. */
async function openRedis({ redisUrl: url, namespace }: StoreFlags, logger: Logger): Promise<LightningStore> {
  const { createRedisStore } = await import('@agl/store-redis')
  const store = createRedisStore({
    logger,
    ...(url === undefined ? {} : { url }),
    ...(namespace === undefined ? {} : { namespace }),
  })
  await store.open()
  return store
}

/** A flag that another backend would need must not be passed over without a word. */
function refuseUnused({ backend, file, redisUrl, namespace }: StoreFlags): void {
  const unused = [
    backend !== 'sqlite' && file !== undefined ? '--file' : null,
    backend !== 'redis' && redisUrl !== undefined ? '--redis-url' : null,
    backend !== 'redis' && namespace !== undefined ? '--namespace' : null,
  ].filter((flag) => flag !== null)
  if (unused.length === 0) return
  throw new AglError({ code: 'invalid_argument', message: `${unused.join(' and ')} means nothing to --backend ${backend}.` })
}
