import { AglError, isPlainObject } from '@agl/types'
import { z } from 'zod'

/*
 * What a store may forget. Only rollouts that are finished, the one that ended first before all others:
 *
 *   maxAgeSeconds, maxRollouts   whole rollouts, with their attempts and spans.
 *   maxBytes                     first the spans of finished rollouts (the records stay, `querySpans` answers `gone`); if
 *                                that is not enough, the records too.
 *
 * A rollout that is not finished loses nothing. Resources and workers have bounds of their own, which are off by default,
 * and lose nothing for the sake of maxBytes. When all of these alone would exceed maxBytes, a write that adds bytes is
 * refused with `storage_full` and stores nothing.
 *
 *   maxResourcesVersions   versions of one id, at each change of that id
 *   maxResources           ids as a whole, at each change of any
 *                          never what an alias points to, what an unfinished rollout is pinned to, or the latest resources
 *   maxWorkerAgeSeconds    workers that run nothing
 */

/** How much a store keeps; null = no bound. */
export interface RetentionOptions {
  /** Finished rollouts older than this, from their end, are deleted. Default: null. */
  readonly maxAgeSeconds?: number | null
  /** How many finished rollouts are kept; those that are not finished do not count. Default: null. */
  readonly maxRollouts?: number | null
  /** Bytes of all that is stored. Default: 1 GiB. */
  readonly maxBytes?: number | null
  /** How many versions of one resources id are kept, the newest; what is in use stays beyond that. Default: null. */
  readonly maxResourcesVersions?: number | null
  /** How many resources ids are kept, those changed last; what is in use stays beyond that. Default: null. */
  readonly maxResources?: number | null
  /** Workers that run nothing and were not heard of for longer than this are forgotten. Default: null. */
  readonly maxWorkerAgeSeconds?: number | null
}

export type Retention = Required<RetentionOptions>

export const defaultRetention: Retention = Object.freeze({
  maxAgeSeconds: null,
  maxRollouts: null,
  maxBytes: 2 ** 30,
  maxResourcesVersions: null,
  maxResources: null,
  maxWorkerAgeSeconds: null,
})

export const retentionSchema: z.ZodType<RetentionOptions> = z.custom<object>(isPlainObject, { error: 'expected an object' }).pipe(
  z.strictObject({
    maxAgeSeconds: z.number().positive().nullable().optional(),
    maxRollouts: z.int().min(0).nullable().optional(),
    maxBytes: z.int().min(1).nullable().optional(),
    maxResourcesVersions: z.int().min(1).nullable().optional(),
    maxResources: z.int().min(1).nullable().optional(),
    maxWorkerAgeSeconds: z.number().positive().nullable().optional(),
  }),
) as unknown as z.ZodType<RetentionOptions>

export function retentionOf(options: RetentionOptions | undefined, defaults: Retention = defaultRetention): Retention {
  const given = Object.entries(options ?? {}).filter(([, value]) => value !== undefined)
  return Object.freeze({ ...defaults, ...Object.fromEntries(given) })
}

/** A finished rollout as retention sees it. */
export interface Retired {
  readonly rolloutId: string
  /** Epoch seconds. */
  readonly endTime: number
  /** Of its record and attempts. */
  readonly recordBytes: number
  /** Of its spans; 0 when they have been dropped. */
  readonly spanBytes: number
}

export interface RetentionPlan {
  /** Rollouts to delete with all that hangs on them. */
  readonly rollouts: readonly string[]
  /** Rollouts of which only the spans are to be dropped. */
  readonly spans: readonly string[]
}

/**
 * What goes now. The lists are read lazily and only as far as needed, so that a store may hand in a cursor.
 * @param present.finished how many rollouts are finished
 * @param present.bytes of everything stored, with what is about to be added
 * @param present.retired finished rollouts, the one that ended first before all others; asked for anew for each pass
 * @param present.withSpans as `retired`, those that still have spans
 * @param present.limit at most this many rollouts are named, so that one call stays short. Default: no limit
 */
export function planRetention(
  retention: Retention,
  present: {
    readonly now: number
    readonly finished: number
    readonly bytes: number
    readonly retired: () => Iterable<Retired>
    readonly withSpans: () => Iterable<Retired>
    readonly limit?: number
  },
): RetentionPlan {
  const { limit = Infinity } = present
  const rollouts = new Set<string>()
  const spans = new Set<string>()
  let { bytes, finished } = present
  for (const { rolloutId, endTime, recordBytes, spanBytes } of present.retired()) {
    const isOld = retention.maxAgeSeconds !== null && present.now - endTime > retention.maxAgeSeconds
    const isOneTooMany = retention.maxRollouts !== null && finished > retention.maxRollouts
    if (rollouts.size >= limit || (!isOld && !isOneTooMany)) break
    rollouts.add(rolloutId)
    bytes -= recordBytes + spanBytes
    finished--
  }
  const { maxBytes } = retention
  if (maxBytes === null || bytes <= maxBytes) return { rollouts: [...rollouts], spans: [] }
  for (const { rolloutId, spanBytes } of present.withSpans()) {
    if (bytes <= maxBytes || rollouts.size + spans.size >= limit) break
    if (rollouts.has(rolloutId) || spanBytes === 0) continue
    spans.add(rolloutId)
    bytes -= spanBytes
  }
  for (const { rolloutId, recordBytes, spanBytes } of present.retired()) {
    if (bytes <= maxBytes || rollouts.size + spans.size >= limit) break
    if (rollouts.has(rolloutId)) continue
    bytes -= spans.delete(rolloutId) ? recordBytes : recordBytes + spanBytes
    rollouts.add(rolloutId)
  }
  return { rollouts: [...rollouts], spans: [...spans] }
}

/** Running work alone would exceed the bound. */
export function storageFull(parts: {
  readonly maxBytes: number
  readonly keptBytes: number
  readonly addedBytes: number
}): AglError {
  const { maxBytes, keptBytes, addedBytes } = parts
  return new AglError({
    code: 'storage_full',
    message: `Storing ${addedBytes} more bytes would exceed the bound of ${maxBytes}: rollouts that are not finished, resources and workers take ${keptBytes}. Finish or cancel work, or raise retention.maxBytes.`,
    data: { maxBytes, keptBytes, addedBytes },
  })
}

/** What `querySpans` answers for a rollout whose spans were dropped. */
export function spansGone(rolloutId: string): AglError {
  return new AglError({
    code: 'gone',
    message: `Spans for rollout ${rolloutId} have been evicted: the store keeps no more than retention.maxBytes.`,
    data: { rolloutId },
  })
}
