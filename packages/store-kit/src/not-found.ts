import { AglError } from '@agl/types'

/* The texts of unknown ids; clients of the reference match on them. */

export function rolloutNotFound(rolloutId: string): AglError {
  return notFound(`Rollout ${rolloutId} not found`, { rolloutId })
}

export function attemptNotFound(rolloutId: string, attemptId: string): AglError {
  return notFound(`Attempt ${attemptId} not found for rollout ${rolloutId}`, { rolloutId, attemptId })
}

/** `latest` was asked of a rollout without attempts. */
export function noAttemptsFound(rolloutId: string): AglError {
  return notFound(`No attempts found for rollout ${rolloutId}`, { rolloutId })
}

/** What updateRollout answers for an unknown rollout. */
export function rolloutItemNotFound(rolloutId: string): AglError {
  return notFound(`Item does not exist with primary key(s): rollout_id='${rolloutId}'`, { rolloutId })
}

function notFound(message: string, data: Readonly<Record<string, string>>): AglError {
  return new AglError({ code: 'not_found', message, data })
}

/** What every call answers after the store was closed, and what ends the waits of that moment. */
export function storeClosed(name: string): AglError {
  return new AglError({ code: 'closed', message: `The store ${name} has been closed; make a new one.`, data: { name } })
}
