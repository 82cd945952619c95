// oxlint-disable unicorn/require-post-message-target-origin -- worker threads have no origin
import { Worker } from 'node:worker_threads'
import { AglError, type LightningStore, type StoreSpec } from '@agl/types'
import type { Heartbeat, HeartbeatParts } from './heartbeat.ts'
import { createHeldSlots, createHeldWriter } from './held-slots.ts'
import type { FromThread, HeartbeatThreadData, ToThread } from './protocol.ts'

/** A heartbeat from a thread. */
export interface ThreadHeartbeat extends Heartbeat {
  /** Resolves when the store has answered its first beat; rejects when the thread cannot open the store, and then it never will. */
  readonly ready: Promise<void>
  /** Resolves when it does not beat any more, whatever the reason. */
  readonly gone: Promise<void>
}

/**
 * Beats from a thread with a store handle of its own, so that an agent which keeps the loop busy keeps its leases. The runners of
 * a process over one store share one thread, which ends with the last of them.
 */
export function joinThreadHeartbeat(parts: HeartbeatParts, spec: StoreSpec): ThreadHeartbeat {
  const { store } = parts
  let thread = threads.get(store)
  if (thread === undefined) {
    thread = startThread(spec, () => threads.delete(store))
    threads.set(store, thread)
  }
  return thread.join(parts)
}

interface HeartbeatThread {
  join(parts: HeartbeatParts): ThreadHeartbeat
}

const threads = new WeakMap<LightningStore, HeartbeatThread>()

/** From the sources the thread is TypeScript, from the build JavaScript. */
const isSource = import.meta.url.endsWith('.ts')
const threadUrl = new URL(isSource ? './heartbeat-thread.ts' : './heartbeat-thread.js', import.meta.url)

/** How often the loop says that it turns. */
const aliveEveryMs = 250
const closeWithinMs = 2_000

/** @param onLast called when the last runner has left: the thread takes no other */
function startThread(spec: StoreSpec, onLast: () => void): HeartbeatThread {
  const alive = new BigInt64Array(new SharedArrayBuffer(8))
  const workerData: HeartbeatThreadData = { spec, alive }
  const worker = new Worker(threadUrl, {
    workerData,
    name: 'agl-heartbeat',
    // Flags of this process may mean nothing to the thread; the sources need theirs.
    execArgv: isSource ? ['--conditions=@agl/source', '--disable-warning=ExperimentalWarning'] : [],
  })
  const ended = Promise.withResolvers<void>()
  const members = new Map<number, { readonly parts: HeartbeatParts; readonly ready: PromiseWithResolvers<void> }>()
  let hasBeaten = false
  let lastMember = 0

  const send = (message: ToThread): void => worker.postMessage(message)
  const sayAlive = (): void => void Atomics.store(alive, 0, BigInt(Date.now()))
  const timer = setInterval(sayAlive, aliveEveryMs)

  worker.on('message', (message: FromThread) => {
    switch (message.kind) {
      case 'beats': {
        hasBeaten = true
        const member = members.get(message.member)
        member?.parts.onBeat()
        return member?.ready.resolve()
      }
      case 'stopped':
        return members.get(message.member)?.parts.onStopped(message.stopped)
      case 'failed':
        return members.get(message.member)?.parts.onFailure(message.error)
      default:
        return message satisfies never
    }
  })
  worker.on('error', (error: Error) => {
    for (const { parts, ready } of members.values()) {
      ready.reject(error)
      if (hasBeaten) parts.onFailure(`the thread of the heartbeat broke: ${error.message}`)
    }
  })
  worker.on('exit', () => ended.resolve())

  async function close(): Promise<void> {
    onLast()
    clearInterval(timer)
    send({ kind: 'close' })
    const late = setTimeout(() => void worker.terminate(), closeWithinMs)
    await ended.promise
    clearTimeout(late)
  }

  return {
    join(parts) {
      const member = ++lastMember
      const { workerId, capacity, leaseMs, maxStallMs } = parts
      const ready = Promise.withResolvers<void>()
      members.set(member, { parts, ready })
      // Whoever joins a thread that is gone already hears it at once.
      void ended.promise.then(() =>
        ready.reject(new AglError({ code: 'internal', message: 'The thread of the heartbeat is gone.' })),
      )
      sayAlive()
      const slots = createHeldSlots(capacity)
      const held = createHeldWriter(slots)
      send({ kind: 'join', member, details: { workerId, capacity, leaseMs, maxStallMs, slots } })
      return {
        ready: ready.promise,
        gone: ended.promise,
        began(attempt) {
          sayAlive()
          if (!held.put(attempt)) send({ kind: 'began', member, attempt })
        },
        ended(attemptId) {
          if (!held.take(attemptId)) send({ kind: 'ended', member, attemptId })
        },
        setCapacity: (next) => send({ kind: 'capacity', member, capacity: next }),
        async close() {
          if (!members.delete(member)) return
          ready.reject(new AglError({ code: 'closed', message: 'The heartbeat has been closed.' }))
          if (members.size === 0) await close()
          else send({ kind: 'leave', member })
        },
      }
    },
  }
}
