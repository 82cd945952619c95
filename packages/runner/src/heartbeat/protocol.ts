import type { HeartbeatReply, JsonObject, StoreSpec } from '@agl/types'

export interface HeldAttempt {
  readonly rolloutId: string
  readonly attemptId: string
}

/** What the thread is started with. */
export interface HeartbeatThreadData {
  readonly spec: StoreSpec
  /** When the loop of the runners was last seen alive, in epoch milliseconds: more than 32 bits, or leases would end after 25 days. */
  readonly alive: BigInt64Array<SharedArrayBuffer>
}

/** A runner that wants heartbeats. */
export interface HeartbeatMember {
  readonly workerId: string
  readonly capacity: number
  readonly leaseMs: number
  readonly maxStallMs: number
  /** The attempts that it holds; see held-slots.ts. */
  readonly slots: SharedArrayBuffer
}

/** Runners are told apart by a number, because two may have been given one worker id. */
export type ToThread =
  | { readonly kind: 'join'; readonly member: number; readonly details: HeartbeatMember }
  /** Of an attempt that is in no slot, and so its end. */
  | { readonly kind: 'began'; readonly member: number; readonly attempt: HeldAttempt }
  | { readonly kind: 'ended'; readonly member: number; readonly attemptId: string }
  | { readonly kind: 'capacity'; readonly member: number; readonly capacity: number }
  | { readonly kind: 'leave'; readonly member: number }
  | { readonly kind: 'close' }

export type FromThread =
  /** A heartbeat of the runner has been answered. */
  | { readonly kind: 'beats'; readonly member: number }
  | { readonly kind: 'stopped'; readonly member: number; readonly stopped: HeartbeatReply['stopped'] }
  | { readonly kind: 'failed'; readonly member: number; readonly error: string }

/** What every heartbeat says of its runner besides its attempts; `beats_from` tells whether a busy loop would stop it. */
export function statsOf(
  from: 'thread' | 'loop',
  { capacity, running, snapshot }: { readonly capacity: number; readonly running: number; readonly snapshot: JsonObject },
): JsonObject {
  return { ...snapshot, capacity, running, beats_from: from }
}
