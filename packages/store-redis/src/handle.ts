import { randomBytes } from 'node:crypto'
import {
  type Clock,
  createClaimWaiters,
  createIds,
  createRolloutWaiters,
  seededRandom,
  storeClosed,
  systemClock,
} from '@agl/store-kit'
import { createCalls } from './connection/calls.ts'
import { createConnection } from './connection/connection.ts'
import { emptyOthersTrash } from './delete.ts'
import { offerWork, takeWork } from './dequeue.ts'
import { createKeys } from './keys.ts'
import type { ParsedOptions } from './options.ts'
import { isBounded, retain, retainAfterWrite } from './retention.ts'
import type { RedisState, Turn } from './state.ts'
import { createSweeper } from './sweep.ts'
import { lookAgain } from './wait.ts'
import { createWakes } from './wakes.ts'

/** What belongs to one open store. */
export interface Handle {
  readonly state: RedisState
  open(): Promise<void>
  close(): Promise<void>
}

/** The time in the hands of a test. */
export interface TestClock {
  /** For the waits and timers of this process. */
  readonly clock: Clock
  /** The time that the next script is to take for the present, in microseconds. */
  readonly time: () => number
}

const name = 'RedisStore'

export function createHandle(options: ParsedOptions, test?: TestClock): Handle {
  const { logger, retention, resourceKinds, pollMs } = options
  const id = randomBytes(9).toString('base64url')
  const clock = test?.clock ?? systemClock()
  const random = options.seed === undefined ? options.random : seededRandom(options.seed)
  const keys = createKeys(options.namespace)
  const connection = createConnection({ ...options, closedError: () => storeClosed(name) })
  const calls = createCalls({
    connection,
    prefix: keys.prefix,
    time: test?.time ?? (() => ''),
    onFirstCall: () => sweeper.start(),
    confirm: connection.confirm === null ? null : (client) => connection.confirm!(client, [keys.of('marker')]),
    afterWrite: isBounded({ retention }) ? () => retainAfterWrite(state) : null,
  })
  const rolloutWaiters = createRolloutWaiters({ clock })
  const claimWaiters = createClaimWaiters<Turn>({ clock })
  let isClosed = false

  const wakes = createWakes({
    connection,
    keys,
    logger,
    rolloutWaiters,
    own: keys.of('wake', `:${id}`),
    onWork: () => takeWork(state),
    onSlot: (workerId) => {
      if (state.limitedWorkers.has(workerId)) offerWork(state, 1)
    },
    onGap: () => {
      wakes.tellAll()
      offerWork(state, Infinity)
      void sweeper.sweep()
    },
  })
  const sweeper = createSweeper({
    calls,
    clock,
    logger,
    pollMs,
    waiting: () => `${claimWaiters.size > 0 ? 'w' : ''}${rolloutWaiters.size > 0 ? 'r' : ''}`,
    onWork: (count) => offerWork(state, count),
    async onLook(trash) {
      if (isBounded({ retention })) await retain(state, 0)
      if (trash > 0) await emptyOthersTrash(state)
      wakes.tellWatchers()
      await lookAgain(state, new Set([...state.waits].flat()))
    },
  })

  const state: RedisState = {
    name,
    id,
    keys,
    connection,
    calls,
    clock,
    ids: createIds(random === undefined ? {} : { random }),
    logger,
    resourceKinds: new Map(resourceKinds.map((kind) => [kind.resourceType, kind])),
    retention,
    startTime: clock.now(),
    claimWaiters,
    rolloutWaiters,
    waits: new Set(),
    limitedWorkers: new Map(),
    workersLook: { at: 0 },
    dequeues: new Map(),
    wakes,
    sweeper,
    get isClosed() {
      return isClosed
    },
    throwIfClosed() {
      if (isClosed) throw storeClosed(name)
    },
  }

  return {
    state,
    async open() {
      state.throwIfClosed()
      await connection.run((client) => client.ping())
    },
    async close() {
      if (isClosed) return
      isClosed = true
      const reason = storeClosed(name)
      claimWaiters.close(reason)
      rolloutWaiters.close(reason)
      sweeper.close()
      wakes.close()
      await calls.close()
      connection.close()
    },
  }
}
