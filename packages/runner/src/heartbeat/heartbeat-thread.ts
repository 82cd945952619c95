// oxlint-disable unicorn/require-post-message-target-origin -- worker threads have no origin
/**
 * The thread that renews leases while agents keep the loop of their runners busy. It has a store handle of its own. It and what it
 * imports load by relative paths only, types apart, so that it starts from the sources and from the build alike.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { LightningStore } from '@agl/types'
import { readHeldSlots } from './held-slots.ts'
import {
  type FromThread,
  type HeartbeatMember,
  type HeartbeatThreadData,
  type HeldAttempt,
  statsOf,
  type ToThread,
} from './protocol.ts'
import { createSnapshots } from './snapshot.ts'

const port = parentPort
if (port === null) throw new Error('heartbeat-thread.ts runs as a worker thread only')

const { spec, alive } = workerData as HeartbeatThreadData
const send = (message: FromThread): void => port.postMessage(message)
const snapshot = createSnapshots()

const module = (await import(spec.module)) as Readonly<
  Record<string, (options: object) => LightningStore | Promise<LightningStore>>
>
const store = await module[spec.factory]!(spec.options)

interface Beating {
  /** Those that are in no slot. */
  readonly attempts: Map<string, HeldAttempt>
  capacity: number
  stop(): void
}
const members = new Map<number, Beating>()

function join(member: number, { workerId, capacity, leaseMs, maxStallMs, slots }: HeartbeatMember): void {
  let isBeating = false
  // A loop that has not turned for long hangs, and what hangs must not be kept from others.
  const isAlive = (): boolean => Date.now() - Number(Atomics.load(alive, 0)) <= maxStallMs

  async function beat(): Promise<void> {
    if (isBeating || !isAlive()) return
    isBeating = true
    try {
      const attempts = [...readHeldSlots(slots), ...beating.attempts.values()]
      const stats = statsOf('thread', { capacity: beating.capacity, running: attempts.length, snapshot: snapshot() })
      const { stopped } = await store.heartbeat({ workerId, attempts, leaseMs, stats })
      send({ kind: 'beats', member })
      if (stopped.length > 0) send({ kind: 'stopped', member, stopped })
    } catch (error) {
      send({ kind: 'failed', member, error: error instanceof Error ? error.message : String(error) })
    } finally {
      isBeating = false
    }
  }

  const timer = setInterval(() => void beat(), leaseMs / 3)
  const beating: Beating = { attempts: new Map(), capacity, stop: () => clearInterval(timer) }
  members.set(member, beating)
  // After what is waiting behind this message: attempts that began before the thread was there.
  setImmediate(() => void beat())
}

port.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'join':
      return join(message.member, message.details)
    case 'began':
      members.get(message.member)?.attempts.set(message.attempt.attemptId, message.attempt)
      return
    case 'ended':
      members.get(message.member)?.attempts.delete(message.attemptId)
      return
    case 'capacity': {
      const beating = members.get(message.member)
      if (beating !== undefined) beating.capacity = message.capacity
      return
    }
    case 'leave':
      members.get(message.member)?.stop()
      members.delete(message.member)
      return
    case 'close':
      for (const { stop } of members.values()) stop()
      void store.close().finally(() => port.close())
      return
    default:
      message satisfies never
  }
})
