import { AglError } from '@agl/types'

/**
 * The highest sequence id that a span may have. A counter goes on from the highest id it has seen, so that there must be
 * room behind it for as many spans as any rollout has: beyond 2^53 numbers are no longer exact.
 */
export const highestSequenceId: number = Number.MAX_SAFE_INTEGER - 2 ** 20

/** For ids that callers bring and for those that a store gives. @throws AglError `invalid_argument` */
export function checkSequenceId(sequenceId: number): void {
  if (sequenceId <= highestSequenceId) return
  throw new AglError({
    code: 'invalid_argument',
    message: `Expected a \`sequence_id\` of at most ${highestSequenceId} (2^53 - 1 - 2^20); got ${sequenceId}. The ids that a rollout's spans get go on from the highest one that was brought.`,
    data: { field: 'sequence_id', sequenceId },
  })
}
