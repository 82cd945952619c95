import type { RolloutWaiters } from '@agl/store-kit'
import { errorMessage, type Logger } from '@agl/types'
import type { Client, Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'

/*
 * How parked calls learn of changes, their own handle's included: each script that changes something tells a channel, if somebody
 * has said that he waits. A message is lines: `f<id>` and `o<id>` for a rollout that is finished or open again, `c<id>` for a
 * worker with a slot that is free, `e` for events. Of work that came in only as many handles are told as can have some, each on a
 * channel of its own: `w`. Messages may be lost with a connection; whoever waits looks again when it is back, and now and then.
 */

export interface Wakes {
  /** Counts what came for those who wait for work: a change says that a look is out of date. */
  readonly workCount: number
  /** Resolves when what happens from now on will be heard, or cannot be listened to: then the slow look must do. */
  listen(): Promise<void>
  /** Calls back when there may be events, until the answer is called. */
  onEvents(callback: () => void): () => void
  /** Calls back who waits for events. */
  tellWatchers(): void
  /** What was looked at may have changed. */
  tellAll(): void
  /** Resolves when what was sent before has arrived; for tests. */
  settle(): Promise<void>
  close(): void
}

export function createWakes(parts: {
  readonly connection: Connection
  readonly keys: Keys
  readonly logger: Logger
  readonly rolloutWaiters: RolloutWaiters
  /** The channel of this handle. */
  readonly own: string
  /** There may be a rollout to be claimed, and nobody else was told of it. */
  readonly onWork: () => void
  /** This worker may claim again. */
  readonly onSlot: (workerId: string) => void
  /** Messages may have been lost. */
  readonly onGap: () => void
}): Wakes {
  const { connection, keys, logger, rolloutWaiters } = parts
  const channel = keys.of('wake')
  const watchers = new Set<() => void>()
  let listener: Client | null = null
  let listening: Promise<void> | null = null
  let workCount = 0
  let isClosed = false

  const onMessage = (message: string): void => {
    for (const line of message.split('\n')) {
      const rest = line.slice(1)
      switch (line[0]) {
        case 'w':
          workCount++
          parts.onWork()
          break
        case 'c':
          workCount++
          parts.onSlot(rest)
          break
        case 'f':
          rolloutWaiters.finished(rest)
          break
        case 'o':
          rolloutWaiters.reopened(rest)
          break
        default:
          tellWatchers()
      }
    }
  }

  const tellWatchers = (): void => {
    // One that takes itself out while it is called is allowed by a Set.
    for (const watcher of watchers) watcher()
  }

  const open = async (): Promise<void> => {
    try {
      await connection.run(subscribe)
    } catch (error) {
      if (!isClosed) logger.warn('cannot listen for wake-ups; looking now and then instead', { error: errorMessage(error) })
      listening = null
    }
  }

  const subscribe = async (): Promise<void> => {
    const made = connection.openListener()
    listener = made
    made.on('smessage', (_, message: string) => onMessage(message))
    try {
      await made.connect()
      await made.ssubscribe(channel, parts.own)
      // From then on a new connection is one after a gap. ioredis would leave it to nobody when this one is lost too.
      made.on('ready', () => void made.ssubscribe(channel, parts.own).then(parts.onGap, () => {}))
    } catch (error) {
      made.disconnect()
      listener = null
      throw error
    }
    if (isClosed) made.disconnect()
  }

  return {
    get workCount() {
      return workCount
    },
    listen: () => (listening ??= open()),
    onEvents(callback) {
      watchers.add(callback)
      return () => void watchers.delete(callback)
    },
    tellWatchers,
    tellAll() {
      workCount++
      tellWatchers()
    },
    async settle() {
      if (listening === null || listener === null) return
      await listening
      // The answer comes behind all messages that were sent before it.
      await listener.ssubscribe(channel)
    },
    close() {
      isClosed = true
      listener?.disconnect()
      tellWatchers()
    },
  }
}
