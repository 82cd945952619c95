import { createHandle } from '../handle.ts'
import { schemaVersion } from '../keys.ts'
import { type InspectRedisStoreOptions, parseInspectOptions, parseOptions } from '../options.ts'
import { createAdder, inspectControl, inspectCounters, readControl } from './counters.ts'
import { type FoundKeys, findKeys } from './find-keys.ts'
import type { RedisInspection } from './inspection.ts'
import { type Look, primariesOf } from './look.ts'
import { inspectResources } from './resources.ts'
import { inspectRollouts } from './rollouts.ts'
import { inspectServers } from './servers.ts'
import { inspectSpans } from './spans.ts'
import { inspectWorkers } from './workers.ts'

/**
 * Looks at everything a store has in Redis, and checks what must hold between its parts. It writes nothing, reads in small steps,
 * and may be used while the store is: what does not fit is looked at once more, at one moment, before it is called a violation.
 * It holds the ids of all rollouts in memory while it runs.
 * @throws AglError `upstream_failed` when there is no server, `timeout` when it went away, `unauthorized`, `invalid_argument`
 */
export async function inspectRedisStore(options: InspectRedisStoreOptions = {}): Promise<RedisInspection> {
  const { sampleSize, onProgress, signal, ...place } = parseInspectOptions(options)
  const parsed = parseOptions(place)
  const { state, close } = createHandle(parsed)
  try {
    const look: Look = {
      connection: state.connection,
      keys: state.keys,
      state,
      violations: [],
      unchecked: [],
      tell: (stage, count) => onProgress?.({ stage, count }),
      throwIfAborted: () => signal?.throwIfAborted(),
    }
    return await inspect(look, parsed.namespace, sampleSize)
  } finally {
    await close()
  }
}

async function inspect(look: Look, namespace: string, sampleSize: number): Promise<RedisInspection> {
  const [seconds, micros] = await look.connection.run((client) => client.time())
  const time = Number(seconds) + Number(micros) / 1e6
  const servers = await inspectServers(look)
  const found = await findKeys(look, namespace, sampleSize)
  if (!found.areReadable) look.unchecked.push('everything but the keys themselves: some have a type that they cannot be read as')
  const contents = found.areReadable ? await inspectContents(look, found, time) : noContents
  return {
    namespace,
    schemaVersion,
    otherSchemaVersions: found.otherSchemaVersions,
    time,
    servers,
    keys: found.sizes,
    ...contents,
    violations: look.violations,
    unchecked: look.unchecked,
  }
}

type Contents = Pick<RedisInspection, 'statuses' | 'queue' | 'attempts' | 'workers' | 'waiting' | 'placesWithoutBodies'>

const noContents: Contents = {
  statuses: { queuing: 0, requeuing: 0, preparing: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 },
  queue: { priorities: [], stale: 0, oldest: null },
  attempts: { live: 0, nextDeadline: null },
  workers: { known: 0, busy: 0 },
  waiting: { forWork: false, forRollouts: false, forEvents: false, listeners: 0 },
  placesWithoutBodies: [],
}

async function inspectContents(look: Look, found: FoundKeys, time: number): Promise<Contents> {
  const control = await readControl(look)
  const adder = createAdder()
  const rollouts = await inspectRollouts(look, found, (rollout) => adder.add(rollout))
  await inspectCounters(look, control, adder)
  await inspectControl(look, found.ids.get('queue')!)
  const workers = await inspectWorkers(look, found, rollouts.byWorker)
  const placesWithoutBodies = await inspectSpans(look, found, rollouts.withSpans)
  await inspectResources(look, found)
  const { statuses, queue, live, nextDeadline } = rollouts
  const isPending = (moment: string | undefined): boolean => Number(moment ?? 0) > time
  return {
    statuses,
    queue,
    attempts: { live, nextDeadline },
    workers,
    waiting: {
      forWork: isPending(control['waiting']),
      forRollouts: isPending(control['awaited']),
      forEvents: isPending(control['watched']),
      listeners: await countListeners(look),
    },
    placesWithoutBodies,
  }
}

async function countListeners(look: Look): Promise<number> {
  let count = 0
  for (const primary of await primariesOf(look)) {
    const reply = await look.connection.run(() => primary.call('PUBSUB', 'SHARDNUMSUB', look.keys.of('wake')))
    // The form of the reply is that of the protocol in use.
    count += Number(Object.values(reply as object).at(-1) ?? 0)
  }
  return count
}
