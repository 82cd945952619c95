import { createRunner } from '@agl/runner'
import { handleInterrupts } from '@agl/trainer'
import type { Logger, LogLevels, Metrics, Tracer } from '@agl/types'
import type { Command } from 'commander'
import { defaultLevels, logFormatOption, toCount, toLogLevels, toPort } from './flags.ts'
import { findAgent } from './load-agent.ts'
import { createLogger, type LogFormat, logLevelHelp } from './logger.ts'
import { createMeasuring } from './measuring.ts'
import { openStoreAt } from './open-store.ts'
import { readThresholds } from './read-thresholds.ts'
import type { Surroundings } from './run.ts'

interface RunnerFlags {
  readonly store: string
  readonly agent: string
  readonly concurrency: number
  readonly maxRollouts?: number
  readonly workerId?: string
  readonly token?: string
  readonly namespace?: string
  readonly trace: boolean
  readonly metricsPort?: number
  readonly metricsHost: string
  readonly thresholds?: string
  readonly logLevel: LogLevels
  readonly logFormat?: LogFormat
}

/** `agl runner`: runs an agent on what is in a store, until it is told to stop or the run is over. */
export function addRunnerCommand(program: Command, surroundings: Surroundings): void {
  program
    .command('runner')
    .summary('run an agent on the rollouts of a store')
    .description(
      'Claims rollouts from a store and runs your agent on them, until the run is over or it is told to stop.\n' +
        'Ctrl-C or SIGTERM once: what runs may end, or is handed back; twice: at once.\n' +
        'The last line on standard output is {"attempts": …}.',
    )
    .requiredOption('--store <address>', 'http://… of a server, redis://…, or the path of a SQLite file')
    .requiredOption(
      '--agent <file>',
      'the module that exports the agent, TypeScript or JavaScript; file.ts#name for one of several',
    )
    .option('--concurrency <number>', 'rollouts at the same time', toCount(1), 1)
    .option('--max-rollouts <number>', 'end after so many; by default never', toCount(1))
    .option('--worker-id <id>', 'how the store knows this runner; by default unique')
    .option('--token <token>', 'of a server that wants one; AGL_TOKEN in the environment keeps it out of the list of processes')
    .option('--namespace <name>', 'which of several stores in one Redis; default: agl')
    .option('--no-trace', 'do not record spans of OpenTelemetry, only what the agent emits')
    .option(
      '--metrics-port <number>',
      'serve what the runner counts for Prometheus; 0 takes any free port, told in the log',
      toPort,
    )
    .option('--metrics-host <address>', 'the address to serve it on', '127.0.0.1')
    .option('--thresholds <file>', 'what is to be told of it, in the log or to a webhook: { thresholds: [{ metric, above, … }] }')
    .option('--log-level <levels>', logLevelHelp, toLogLevels, defaultLevels)
    .addOption(logFormatOption())
    .addHelpText(
      'after',
      '\nExamples:\n  agl runner --store http://127.0.0.1:4747 --agent ./agent.ts --concurrency 8\n' +
        '  agl runner --store redis://queue:6379 --agent ./agents.ts#clerk\n',
    )
    .action(async (flags: RunnerFlags) => runRunner(flags, surroundings))
}

async function runRunner(flags: RunnerFlags, surroundings: Surroundings): Promise<void> {
  const { out, err, signal: given } = surroundings
  const logger = createLogger(flags.logLevel, err, { format: flags.logFormat, isTerminal: surroundings.isTerminal })
  const rules = flags.thresholds === undefined ? [] : await readThresholds(flags.thresholds)
  const measuring = createMeasuring({ port: flags.metricsPort, host: flags.metricsHost, rules, logger })
  const counted = measuring.metrics === null ? {} : { metrics: measuring.metrics }
  const { agent } = await findAgent(flags.agent)
  const token = flags.token ?? process.env['AGL_TOKEN']
  const store = await openStoreAt({ address: flags.store, token, namespace: flags.namespace, logger, ...counted })
  const tracer = flags.trace ? await openTracer(logger, counted) : null
  const { concurrency, maxRollouts, workerId } = flags
  const runner = createRunner({
    agent,
    store,
    logger,
    concurrency,
    ...counted,
    ...(tracer === null ? {} : { tracer }),
    ...(maxRollouts === undefined ? {} : { maxRollouts }),
    ...(workerId === undefined ? {} : { workerId }),
  })
  try {
    await measuring.start()
    const { attempts } = await handleInterrupts((interrupted) => {
      logger.info('Waiting for rollouts', { store: store.name, workerId: runner.workerId, concurrency })
      return runner.run({ signal: given === undefined ? interrupted : AbortSignal.any([interrupted, given]) })
    })
    out(`${JSON.stringify({ attempts })}\n`)
  } finally {
    await measuring.close()
    await tracer?.close()
    await store.close()
  }
}

async function openTracer(logger: Logger, counted: { readonly metrics?: Metrics }): Promise<Tracer> {
  // The API of OpenTelemetry is the tracer's peer, which whoever uses the tracer has to bring.
  const [{ createOtelTracer }] = await Promise.all([import('@agl/tracer-otel'), import('@opentelemetry/api')])
  return createOtelTracer({ logger, ...counted })
}
