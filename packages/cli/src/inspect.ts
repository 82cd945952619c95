import { AglError } from '@agl/types'
import type { Command } from 'commander'
import { formatInspection } from './format-inspection.ts'
import type { Surroundings } from './run.ts'

interface InspectFlags {
  readonly backend?: string
  readonly redisUrl?: string
  readonly namespace?: string
  readonly json: boolean
}

/** Least time between two lines of progress. */
const progressPauseMs = 200

/** `agl store inspect`: looks inside a store in Redis. */
export function addInspectCommand(store: Command, surroundings: Surroundings): void {
  store
    .command('inspect')
    .summary('look inside a store in Redis, and check that it is whole')
    .description(
      'Shows what a store in Redis holds and what waits in it, and checks what must hold between its keys.\n' +
        'It writes nothing and may be used while the store is. Status 0: whole, 1: something is wrong, 2: wrong use.',
    )
    .option('--backend <name>', 'redis, which is the default: no other has something to look into')
    .option('--redis-url <url>', 'the Redis server; default: redis://127.0.0.1:6379')
    .option('--namespace <name>', 'which store in it; default: agl')
    .option('--json', 'print one JSON object instead of tables', false)
    .action(async (flags: InspectFlags, command: Command) => inspect({ ...givenBefore(command), ...flags }, surroundings))
}

/** Options of `agl store` that stand before the word `inspect`. Those that mean nothing here must not be passed over. */
function givenBefore(command: Command): Partial<InspectFlags> {
  const store = command.parent!
  const given = store.options.map((option) => option.attributeName()).filter((name) => store.getOptionValueSource(name) === 'cli')
  const meaningless = given.filter((name) => !['backend', 'redisUrl', 'namespace'].includes(name))
  if (meaningless.length > 0) {
    const names = meaningless.map((name) => store.options.find((option) => option.attributeName() === name)!.long)
    throw new AglError({ code: 'invalid_argument', message: `${names.join(' and ')} means nothing to agl store inspect.` })
  }
  return Object.fromEntries(given.map((name) => [name, store.getOptionValue(name) as unknown]))
}

async function inspect(
  { backend = 'redis', redisUrl: url, namespace, json }: InspectFlags,
  surroundings: Surroundings,
): Promise<void> {
  if (backend !== 'redis') {
    throw new AglError({
      code: 'invalid_argument',
      message: `agl store inspect looks into Redis only, not into --backend ${backend}: a memory store lives in its process, and a SQLite file is opened by any SQLite tool.`,
    })
  }
  const { out, err, isTerminal, signal } = surroundings
  const { inspectRedisStore } = await import('@agl/store-redis')
  let next = 0
  let isShown = false
  const onProgress = ({ stage, count }: { readonly stage: string; readonly count: number }): void => {
    if (performance.now() < next) return
    next = performance.now() + progressPauseMs
    isShown = true
    err(`\r\u001b[K${count} ${stage}`)
  }
  const inspection = await inspectRedisStore({
    ...(url === undefined ? {} : { url }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(signal === undefined ? {} : { signal }),
    ...(isTerminal ? { onProgress } : {}),
  }).finally(() => {
    if (isShown) err('\r\u001b[K')
  })
  out(json ? `${JSON.stringify(inspection)}\n` : formatInspection(inspection))
  if (inspection.violations.length > 0) surroundings.setStatus(1)
}
