import type { AttemptedRollout } from '@agl/types'
import type { Call } from '../route.ts'

/** A key of a request, where there is a value for it. */
export function optional<Key extends string, Value>(
  key: Key,
  value: Value | null | undefined,
): { readonly [name in Key]?: NoInfer<Value> } {
  return value === undefined || value === null ? {} : ({ [key]: value } as unknown as { readonly [name in Key]?: Value })
}

/** A time in seconds of the wire as the milliseconds of a request. */
export function inMilliseconds<Key extends string>(
  key: Key,
  seconds: number | null | undefined,
): { readonly [name in Key]?: number } {
  return optional(key, seconds == null ? null : seconds * 1000)
}

/**
 * Nobody got the reply to a claim: the work goes back. A call with a key keeps its claim, because its repetition is given
 * the same one; so does one whose store has no way to hand back.
 */
export async function forgetClaims(call: Call, answer: unknown): Promise<void> {
  const { store, logger, idempotencyKey } = call
  if (idempotencyKey !== undefined || !store.capabilities.features.includes('leases')) return
  const claimed = (Array.isArray(answer) ? answer : [answer]) as readonly AttemptedRollout[]
  for (const { rollout_id: rolloutId, attempt } of claimed) {
    logger.info('a claim whose reply could not be written is handed back', { rolloutId, attemptId: attempt.attempt_id })
    await store.releaseAttempt({ rolloutId, attemptId: attempt.attempt_id })
  }
}
