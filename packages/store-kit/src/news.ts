import { isDeepStrictEqual } from 'node:util'
import type { Attempt, Rollout } from '@agl/types'

/* What is told to who watches: what changes nothing is no news, and neither are signs of life, of which there may be one per span. */

/** @param before undefined for a new attempt */
export function isAttemptNews(before: Attempt | undefined, after: Attempt): boolean {
  return (
    before === undefined ||
    before.status !== after.status ||
    before.outcome !== after.outcome ||
    before.worker_id !== after.worker_id ||
    isOther(before.metadata, after.metadata)
  )
}

export function isRolloutNews(before: Rollout, after: Rollout): boolean {
  return Object.keys(after).some((key) => isOther(before[key as keyof Rollout], after[key as keyof Rollout]))
}

/** An update may bring an equal value as a new object. */
function isOther(before: unknown, after: unknown): boolean {
  return before !== after && !isDeepStrictEqual(before, after)
}
