import { AglError } from '@agl/types'
import type { Identity } from './identity.ts'

/** What a request wants to do. */
export type Action =
  /** Queries, gets, waits, statistics, events. */
  | 'read'
  /** The `api_key` of models in resources; everybody else gets them by {@link withoutSecrets}. */
  | 'readSecrets'
  | 'enqueue'
  /** Dequeue, start rollouts and attempts, release, heartbeat, update workers. */
  | 'claim'
  /** Add spans (JSON, batch, OTLP) and draw sequence ids. Ask {@link authorizeAttempt} too: an attempt only for itself. */
  | 'report'
  /** Update an attempt's record: its status and outcome, which an agent's own token must not set. */
  | 'settle'
  /** Update and cancel rollouts; add and update resources; move aliases. */
  | 'steer'
  /** Delete rollouts, resources, aliases. */
  | 'delete'
  /** Export and import the whole store. */
  | 'snapshot'
  | 'metrics'

const allowed: Readonly<Record<Action, ReadonlySet<Identity['role']>>> = {
  read: new Set(['admin', 'algorithm', 'runner', 'viewer']),
  readSecrets: new Set(['admin', 'algorithm', 'runner']),
  enqueue: new Set(['admin', 'algorithm', 'runner']),
  claim: new Set(['admin', 'runner']),
  report: new Set(['admin', 'algorithm', 'runner', 'attempt']),
  settle: new Set(['admin', 'algorithm', 'runner']),
  steer: new Set(['admin', 'algorithm']),
  delete: new Set(['admin', 'algorithm']),
  snapshot: new Set(['admin']),
  metrics: new Set(['admin', 'viewer']),
}

export function isAllowed(identity: Identity, action: Action): boolean {
  return allowed[action].has(identity.role)
}

/** @throws AglError `forbidden`, with `role`, `action` and the `roles` that may as its data */
export function authorize(identity: Identity, action: Action): void {
  if (isAllowed(identity, action)) return
  const roles = [...allowed[action]]
  throw new AglError({
    code: 'forbidden',
    message: `The role "${identity.role}" may not "${action}"; use a token of the role ${roles.join(' or ')}.`,
    data: { role: identity.role, action, roles },
  })
}

/** Whether spans and sequence ids of this attempt are for the caller to write. */
export function mayTouchAttempt(identity: Identity, rolloutId: string, attemptId: string): boolean {
  if (!isAllowed(identity, 'report')) return false
  return identity.role !== 'attempt' || (identity.attempt.rolloutId === rolloutId && identity.attempt.attemptId === attemptId)
}

/** @throws AglError `forbidden` unless {@link mayTouchAttempt} */
export function authorizeAttempt(identity: Identity, rolloutId: string, attemptId: string): void {
  if (mayTouchAttempt(identity, rolloutId, attemptId)) return
  authorize(identity, 'report')
  throw new AglError({
    code: 'forbidden',
    message:
      `The token belongs to attempt "${identity.attempt?.attemptId}" of rollout "${identity.attempt?.rolloutId}" and opens ` +
      `nothing else; the request is for attempt "${attemptId}" of rollout "${rolloutId}".`,
    data: { role: identity.role, action: 'report' },
  })
}
