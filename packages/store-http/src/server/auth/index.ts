import type { IncomingHttpHeaders } from 'node:http'
import type { ResourcesUpdate } from '@agl/types'

export type Role = 'admin' | 'algorithm' | 'runner' | 'viewer' | 'attempt'
export type Action = 'read' | 'readSecrets' | 'enqueue' | 'claim' | 'report' | 'steer' | 'delete' | 'snapshot' | 'metrics'
export interface Identity {
  readonly role: Role
  readonly name: string | null
}
export interface Authenticator {
  authenticate(headers: IncomingHttpHeaders): Identity
}
export function createAuthenticator(): Authenticator {
  return { authenticate: () => ({ role: 'admin', name: null }) }
}
export function authorize(_identity: Identity, _action: Action): void {}
export function mayTouchAttempt(_identity: Identity, _rolloutId: string, _attemptId: string): void {}
export function withoutSecrets(update: ResourcesUpdate): ResourcesUpdate {
  return update
}
