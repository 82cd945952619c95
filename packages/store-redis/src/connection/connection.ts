import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@agl/types'
import { AglError, errorMessage } from '@agl/types'
import { Cluster, Redis } from 'ioredis'
import { scripts } from '../scripts.generated.ts'
import { awayTooLong, isPassing, notThere, translateError } from './errors.ts'
import { createReads } from './reads.ts'
import { type Confirm, createConfirm } from './replicas.ts'

/*
 * The connections of one handle. What we ask of ioredis: to reconnect, to pipeline what is sent in one turn, and to tell at once
 * what was under way when a connection was lost. It neither keeps nor repeats commands; only `run` below repeats, and tells
 * scripts that it does.
 */

export type ScriptArgument = string | number | Buffer
export type Client = Redis | Cluster

export interface Connection {
  /** For messages, without the password. */
  readonly place: string
  readonly isCluster: boolean
  /**
   * Runs a command, again if the connection is lost meanwhile.
   * @param work gets the client and whether an earlier run may have been carried out
   * @throws AglError `upstream_failed` when there was never a server, `timeout` when it has been away for too long
   */
  run<Value>(work: (client: Client, isAgain: boolean) => Promise<Value>): Promise<Value>
  /** To be called in the work of `run`, after what it writes and before it is acknowledged; null when no replica is asked for. */
  readonly confirm: Confirm | null
  /**
   * A text of the control slot, or null; in the work of `run`. Those of one turn of the event loop are read by one command, behind
   * what was sent before: a command of its own costs the client several times what its text does.
   */
  get(client: Client, key: string): Promise<string | null>
  /** Names of keys that match, in steps; one that comes and goes meanwhile may be missed, and one may come twice. */
  scan(pattern: string): AsyncGenerator<readonly string[], void, void>
  /** A connection that only listens, in its own connection to a server that is not a cluster. */
  openListener(): Client
  close(): void
}

const firstRetryMs = 20
const longestRetryMs = 1000
/** Least time between two questions who has which slots. */
const slotsPauseMs = 100

/** Least time for the first connection, also where `deadlineMs` is shorter: connecting takes longer than a call. */
const leastConnectMs = 1000

/** Keys looked at in one step of SCAN. */
const scanSize = 500

const common = {
  autoResendUnfulfilledCommands: false,
  // Commands under way are rejected when their connection is lost, not after some reconnections.
  maxRetriesPerRequest: 0,
  // A replica that was a primary before: the next connection leads to the present primary.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
}

const retryStrategy = (times: number): number => Math.min(firstRetryMs * 2 ** Math.min(times, 10), longestRetryMs)

export function createConnection(options: {
  readonly url: string
  readonly client?: Client | undefined
  readonly deadlineMs: number
  readonly minReplicas: number
  readonly replicaTimeoutMs: number
  readonly logger: Logger
  /** What every command is refused with once it is closed. */
  readonly closedError: () => Error
}): Connection {
  const { deadlineMs, logger, closedError } = options
  const isCluster = options.client instanceof Cluster || options.client?.isCluster === true
  const isWatched = hasSentinels(options.client)
  const place = placeOf(options)
  let client: Client | null = null
  let connecting: Promise<void> | null = null
  let wasThere = false
  const closing = new AbortController()
  let lastError: unknown = null
  let nextAsk = 0

  const make = (isListener: boolean): Client => {
    const made = duplicate(options, isListener)
    // Each call that waits for the server listens: more than ten are no leak.
    made.setMaxListeners(0)
    // Without a listener ioredis writes to the console.
    made.on('error', (error: unknown) => {
      lastError = error
      logger.debug('connection to Redis', { error: errorMessage(error) })
    })
    return made
  }

  const connect = async (): Promise<void> => {
    const made = make(false)
    for (const [name, lua] of Object.entries(scripts)) made.defineCommand(name, { numberOfKeys: 1, lua })
    lastError = null
    const start = performance.now()
    const settled = new AbortController()
    try {
      const end = start + Math.max(deadlineMs, leastConnectMs)
      // A cluster that was not ready tries again by itself, for ever, and then its `connect` does not settle.
      const isReady = await Promise.race([
        made.connect().then(
          () => true,
          (error: unknown) => {
            // A Sentinel may name a primary that has just died; ioredis goes on asking, until another one is named.
            if (isWatched && isPassing(error)) return new Promise<never>(() => {})
            throw error
          },
        ),
        untilReady(made, end, AbortSignal.any([settled.signal, closing.signal])),
      ])
      if (!isReady) throw awayTooLong(place, performance.now() - start, lastError)
    } catch (error) {
      made.disconnect()
      throw AglError.isInstance(error) ? error : notThere(place, lastError ?? error)
    } finally {
      settled.abort()
    }
    if (closing.signal.aborted) {
      made.disconnect()
      return
    }
    client = made
    wasThere = true
  }

  /** Waits for the client to be ready; false when it is not by the end. */
  const untilReady = (present: Client, end: number, signal?: AbortSignal): Promise<boolean> => {
    if (present.status === 'ready') return Promise.resolve(true)
    return new Promise((resolve) => {
      const finish = (isReady: boolean): void => {
        clearTimeout(timer)
        present.off('ready', onReady)
        present.off('end', onEnd)
        signal?.removeEventListener('abort', onEnd)
        resolve(isReady)
      }
      const onReady = (): void => finish(true)
      const onEnd = (): void => finish(false)
      const timer = setTimeout(() => finish(false), Math.max(0, end - performance.now()))
      present.on('ready', onReady)
      present.on('end', onEnd)
      signal?.addEventListener('abort', onEnd)
    })
  }

  const getClient = async (end: number, start: number): Promise<Client> => {
    if (client === null) {
      connecting ??= connect().finally(() => {
        connecting = null
      })
      await connecting
    }
    if (client === null || !(await untilReady(client, end))) throw awayTooLong(place, performance.now() - start, lastError)
    return client
  }

  /** Another server of a cluster may have taken over. */
  const askWhoHasSlots = (): void => {
    if (!(client instanceof Cluster) || client.status !== 'ready' || performance.now() < nextAsk) return
    nextAsk = performance.now() + slotsPauseMs
    client.refreshSlotsCache()
  }

  const run: Connection['run'] = async (work) => {
    // The usual case costs no more than the command.
    let isAgain = false
    let start: number | null = null
    for (;;) {
      if (closing.signal.aborted) throw closedError()
      try {
        const ready =
          client?.status === 'ready'
            ? client
            : await getClient((start ?? performance.now()) + deadlineMs, start ?? performance.now())
        return await work(ready, isAgain)
      } catch (error) {
        start ??= performance.now()
        if (closing.signal.aborted) throw closedError()
        if (!wasThere || !isPassing(error)) throw translateError(error, place)
        if (performance.now() - start >= deadlineMs) throw awayTooLong(place, performance.now() - start, error)
        isAgain = true
        askWhoHasSlots()
        await sleep(firstRetryMs)
      }
    }
  }

  return {
    place,
    isCluster,
    run,
    get: createReads(),
    confirm: createConfirm({ ...options, place }),
    async *scan(pattern) {
      const servers = await run(async (present) => (present instanceof Cluster ? present.nodes('master') : [present]))
      for (const server of servers) {
        let cursor = '0'
        do {
          // A server that was begun again knows no cursors.
          const [next, names] = await run((_, isAgain) =>
            server.scan(isAgain ? '0' : cursor, 'MATCH', pattern, 'COUNT', scanSize),
          )
          cursor = next
          yield names
        } while (cursor !== '0')
      }
    },
    openListener: () => make(true),
    close() {
      closing.abort()
      client?.disconnect()
    },
  }
}

function duplicate({ url, client }: { readonly url: string; readonly client?: Client | undefined }, isListener: boolean): Client {
  const own = { lazyConnect: true, enableAutoPipelining: !isListener, autoPipeliningIgnoredCommands: Object.keys(scripts) }
  const single = { ...common, ...own, enableOfflineQueue: isListener, autoResubscribe: false, retryStrategy }
  if (client === undefined) return new Redis(url, single)
  if (client instanceof Cluster || client.isCluster) {
    return (client as Cluster).duplicate([], {
      ...own,
      enableOfflineQueue: true,
      // What fails is told, and repeated by us alone.
      retryDelayOnFailover: 0,
      clusterRetryStrategy: retryStrategy,
      shardedSubscribers: isListener,
      redisOptions: common,
    })
  }
  return (client as Redis).duplicate(single)
}

function placeOf({ url, client }: { readonly url: string; readonly client?: Client | undefined }): string {
  if (client === undefined) {
    const known = URL.canParse(url) ? new URL(url) : null
    return known === null ? url : `${known.protocol}//${known.host}${known.pathname}`
  }
  if (client instanceof Cluster || client.isCluster) return 'the cluster'
  const { path, host, port, name } = (client as Redis).options
  if (hasSentinels(client)) return `the primary "${name ?? ''}" of its Sentinels`
  return path ?? `redis://${host ?? 'localhost'}:${port ?? 6379}`
}

/** Whether Sentinels say where the server is. */
function hasSentinels(client: Client | undefined): boolean {
  return client instanceof Redis && (client.options.sentinels ?? []).length > 0
}
