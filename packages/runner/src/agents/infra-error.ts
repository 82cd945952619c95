import { AglError, type AglErrorOptions } from '@agl/types'

/**
 * An error to throw from an agent when something around it failed and not the agent: the attempt ends as `infra_error`, which
 * algorithms retry and then leave out instead of taking it for a bad answer.
 */
export function infraError(options: AglErrorOptions): AglError {
  return new AglError({ ...options, data: { ...options.data, outcome: 'infra_error' } })
}

/** Whether something thrown says that it was not the agent's fault. */
export function isInfraError(error: unknown): boolean {
  return AglError.isInstance(error) && error.data['outcome'] === 'infra_error'
}
