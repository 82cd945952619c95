import type { HeldAttempt } from './protocol.ts'

/*
 * The attempts that a runner holds, in memory that it shares with the thread of its heartbeat: a message for each would wake the
 * thread twice per attempt, of which nearly all are over before its next beat.
 *
 * A slot is free or holds one attempt: its version (odd = it holds one), the length of its text, its text. The version rises with each
 * change, the last of a change, so that who reads a slot and finds the same odd version before and after has read one attempt.
 */

const headBytes = 8
/** Ids of ours take 45; longer ones than fit are told by message. */
const textBytes = 248
const slotBytes = headBytes + textBytes

/** @param count how many attempts fit */
export function createHeldSlots(count: number): SharedArrayBuffer {
  return new SharedArrayBuffer(count * slotBytes)
}

/** The side of the runner. */
export interface HeldWriter {
  /** False when it does not fit. */
  put(attempt: HeldAttempt): boolean
  /** False for what is in no slot. */
  take(attemptId: string): boolean
}

export function createHeldWriter(slots: SharedArrayBuffer): HeldWriter {
  const heads = new Int32Array(slots)
  const bytes = Buffer.from(slots)
  const free = Array.from({ length: slots.byteLength / slotBytes }, (_, slot) => slot)
  const slotOf = new Map<string, number>()
  return {
    put({ rolloutId, attemptId }) {
      const text = JSON.stringify([rolloutId, attemptId])
      const length = Buffer.byteLength(text)
      const slot = length > textBytes ? undefined : free.pop()
      if (slot === undefined) return false
      slotOf.set(attemptId, slot)
      const head = (slot * slotBytes) / 4
      bytes.write(text, slot * slotBytes + headBytes)
      heads[head + 1] = length
      Atomics.add(heads, head, 1)
      return true
    },
    take(attemptId) {
      const slot = slotOf.get(attemptId)
      if (slot === undefined) return false
      slotOf.delete(attemptId)
      free.push(slot)
      Atomics.add(heads, (slot * slotBytes) / 4, 1)
      return true
    },
  }
}

/** The side of the thread: what is held now. An attempt that comes or goes meanwhile may be there or not, but never in part. */
export function readHeldSlots(slots: SharedArrayBuffer): readonly HeldAttempt[] {
  const heads = new Int32Array(slots)
  const bytes = Buffer.from(slots)
  const held: HeldAttempt[] = []
  for (let start = 0; start < slots.byteLength; start += slotBytes) {
    const version = Atomics.load(heads, start / 4)
    if (version % 2 === 0) continue
    // A copy, or the text might change between the look at it and its use.
    const from = start + headBytes
    const text = Buffer.from(bytes.subarray(from, from + heads[start / 4 + 1]!)).toString()
    // A write, since a load alone might be made before the copy.
    if (Atomics.add(heads, start / 4, 0) !== version) continue
    const [rolloutId, attemptId] = JSON.parse(text) as [string, string]
    held.push({ rolloutId, attemptId })
  }
  return held
}
