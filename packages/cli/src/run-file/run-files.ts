import { runnerDefaults } from '@agl/runner'
import { createTerminalProgress, createTrainer, handleInterrupts, isFastAlgorithm, type TerminalProgress } from '@agl/trainer'
import { algorithmKind, defaultRegistry, flagsOf, readConfig, redact } from '@agl/trainer/config'
import { AglError, type Algorithm, type Dataset, errorMessage, type LeveledLogger, type Logger } from '@agl/types'
import { findAgent } from '../load-agent.ts'
import { createLogger } from '../logger.ts'
import { createMeasuring } from '../measuring.ts'
import type { Surroundings } from '../run.ts'
import { readDataset } from './dataset.ts'
import { followConfig } from './follow.ts'
import { runHelp } from './help.ts'
import { type RunConfig, runSchema } from './schema.ts'

/** Runs what the arguments of `agl run` say. */
export async function runFiles(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const { out, err, signal: given, setStatus } = surroundings
  const schema = runSchema(defaultRegistry)
  const flags = flagsOf(schema)
  const words = readWords(args)
  const parsed = flags.parse(words.flags)
  if (parsed.isHelp) return out(runHelp(flags))
  const sources = { schema, files: [...words.files, ...parsed.files], environment: process.env, flags: parsed.flags }
  const config = await wrongUse(() => readConfig(sources))
  if (words.isPrinted) return out(`${JSON.stringify(redact(schema, config.value), null, 2)}\n`)

  const { agent: agentPlace, trainDataset: trainPlace, valDataset: valPlace, log, ...rest } = config.value
  const { metricsPort: port, metricsHost: host, thresholds: rules, ...options } = rest
  const { module: agent } = await wrongUse(() => findAgent(agentPlace))
  const trainDataset = await loadOptional(trainPlace)
  const valDataset = await loadOptional(valPlace)

  const { progress, logger } = createOutput(surroundings, log, async () => {
    const { total } = await trainer.store.queryWorkers({ statusIn: ['busy'], limit: 1 })
    return total
  })
  const isSilent = log.level === 'silent'
  const measuring = createMeasuring({ port, host, rules, logger })
  const counted = measuring.metrics === null ? {} : { metrics: measuring.metrics }
  const trainer = createTrainer({ ...options, logger, ...counted, ...(isSilent ? {} : { onProgress: progress.show }) })
  const over = new AbortController()
  const following = followConfig(
    { ...sources, from: config, signal: over.signal },
    (value) => {
      logger.setLevels(value.log)
      trainer.setConcurrency(value.runner.concurrency ?? runnerDefaults.concurrency)
    },
    logger,
  )
  const started = performance.now()
  try {
    await measuring.start()
    const outcome = await untilInterrupted(given, async (signal) => {
      if (!words.isDryRun) return await trainer.fit(agent, trainDataset, { valDataset, signal })
      const fast = await chooseFast(config.value, logger)
      return await trainer.dev(agent, trainDataset, { valDataset, signal, algorithm: fast })
    })
    progress.done()
    if (outcome.kind === 'interrupted') {
      err(`agl: ${errorMessage(outcome.reason)}\n`)
      return setStatus(interruptedStatus)
    }
    const { completedIterations, runId } = trainer
    const seconds = Math.round(performance.now() - started) / 1000
    out(`${JSON.stringify({ runId, completedIterations, seconds, result: toJson(outcome.result, logger) })}\n`)
  } finally {
    progress.done()
    over.abort()
    await following
    await trainer.close()
    await measuring.close()
  }
}

/** As shells tell of what SIGINT has ended. */
const interruptedStatus = 130

interface Words {
  readonly files: readonly string[]
  readonly flags: readonly string[]
  readonly isDryRun: boolean
  readonly isPrinted: boolean
}

/** Files come first; the first word that begins with a dash is a flag, and so is what follows. */
function readWords(args: readonly string[]): Words {
  const first = args.findIndex((word) => word.startsWith('-'))
  const end = first === -1 ? args.length : first
  const given = args.slice(end)
  return {
    files: args.slice(0, end),
    flags: given.filter((word) => word !== '--dry-run' && word !== '--print-config'),
    isDryRun: given.includes('--dry-run'),
    isPrinted: given.includes('--print-config'),
  }
}

async function loadOptional(place: string | undefined): Promise<Dataset> {
  return place === undefined ? [] : await wrongUse(() => readDataset(place))
}

/** Before the run begins, what is not found is as wrong a use as what does not fit. */
async function wrongUse<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work()
  } catch (cause) {
    if (!AglError.isInstance(cause)) throw cause
    throw new AglError({ code: 'invalid_argument', message: `${cause.message}\n(agl run --help shows what there is)`, cause })
  }
}

interface Output {
  readonly progress: TerminalProgress
  readonly logger: LeveledLogger
}

/** Log lines and progress share standard error: neither may tear the other. Where all lines are to be JSON, progress is logged. */
function createOutput(
  { err, isTerminal }: Surroundings,
  { format, ...levels }: RunConfig['log'],
  countBusyWorkers: () => Promise<number>,
): Output {
  if (format === 'json') {
    const logger = createLogger(levels, err, { format })
    const write = (text: string): void => logger.info(text.trimEnd(), { component: 'progress' })
    return { logger, progress: createTerminalProgress({ stream: { write }, isTerminal: false, countBusyWorkers }) }
  }
  const progress = createTerminalProgress({
    stream: {
      write: err,
      isTTY: isTerminal,
      get columns() {
        return process.stderr.columns
      },
      hasColors: () => !process.stderr.isTTY || process.stderr.hasColors(),
    },
    countBusyWorkers,
  })
  const write = (line: string): void => progress.line(line.replace(/\n$/, ''))
  return { progress, logger: createLogger(levels, write, { format, isTerminal }) }
}

type Outcome = { readonly kind: 'done'; readonly result: unknown } | { readonly kind: 'interrupted'; readonly reason: unknown }

async function untilInterrupted(
  given: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<unknown>,
): Promise<Outcome> {
  return await handleInterrupts(async (interrupted): Promise<Outcome> => {
    const signal = given === undefined ? interrupted : AbortSignal.any([interrupted, given])
    try {
      return { kind: 'done', result: await work(signal) }
    } catch (error) {
      if (!signal.aborted) throw error
      return { kind: 'interrupted', reason: signal.reason }
    }
  })
}

/** Making the configured algorithm is a part of the dry run, although another may run in its place. */
async function chooseFast({ algorithm: spec }: RunConfig, logger: Logger): Promise<Algorithm | 'baseline'> {
  if (spec === undefined) return 'baseline'
  const algorithm = await defaultRegistry.create(algorithmKind, spec, { logger })
  if (isFastAlgorithm(algorithm)) return algorithm
  logger.info('The dry run is one of baseline: the algorithm is not a fast one', { algorithm: algorithm.name })
  return 'baseline'
}

/** What a result has that JSON has not is left out of the line, and said. */
function toJson(result: unknown, logger: Logger): unknown {
  try {
    return JSON.parse(JSON.stringify(result) ?? 'null') as unknown
  } catch (error) {
    logger.warn('The result of the algorithm cannot be written as JSON', { error: errorMessage(error) })
    return null
  }
}
