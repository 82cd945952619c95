import { AglError } from '@agl/types'
import { describe, expect, it } from 'vitest'
import type { Identity } from './identity.ts'
import { type Action, authorize, authorizeAttempt, isAllowed, mayTouchAttempt } from './permissions.ts'

const roles: readonly Identity['role'][] = ['admin', 'algorithm', 'runner', 'viewer', 'attempt']
const attempt = { rolloutId: 'ro-1', attemptId: 'at-1' }

function identity(role: Identity['role']): Identity {
  return role === 'attempt' ? { role, name: 'ro-1/at-1', attempt } : { role, name: role }
}

/** One row per action, one column per role, in the order above. */
const table: readonly (readonly [Action, string])[] = [
  ['read', 'yes yes yes yes no'],
  ['readSecrets', 'yes yes yes no no'],
  ['enqueue', 'yes yes yes no no'],
  ['claim', 'yes no yes no no'],
  ['report', 'yes yes yes no yes'],
  ['settle', 'yes yes yes no no'],
  ['steer', 'yes yes no no no'],
  ['delete', 'yes yes no no no'],
  ['snapshot', 'yes no no no no'],
  ['metrics', 'yes no no yes no'],
]

describe('permissions', () => {
  it.each(table)('to %s', (action, expected) => {
    expect(roles.map((role) => (isAllowed(identity(role), action) ? 'yes' : 'no')).join(' ')).toBe(expected)
  })

  it('are refused with the role, the action and who may', () => {
    expect(() => authorize(identity('admin'), 'snapshot')).not.toThrow()
    const refused = (): void => authorize(identity('viewer'), 'claim')
    expect(refused).toThrow('The role "viewer" may not "claim"; use a token of the role admin or runner.')
    expect(refused).toThrow(
      expect.objectContaining({ code: 'forbidden', data: { role: 'viewer', action: 'claim', roles: ['admin', 'runner'] } }),
    )
  })
})

describe('the token of an attempt', () => {
  it('opens its own attempt only', () => {
    const agent = identity('attempt')
    expect(mayTouchAttempt(agent, 'ro-1', 'at-1')).toBe(true)
    expect(mayTouchAttempt(agent, 'ro-1', 'at-2')).toBe(false)
    expect(mayTouchAttempt(agent, 'ro-2', 'at-1')).toBe(false)
    expect(() => authorizeAttempt(agent, 'ro-1', 'at-1')).not.toThrow()
    expect(() => authorizeAttempt(agent, 'ro-1', 'at-2')).toThrow(
      'The token belongs to attempt "at-1" of rollout "ro-1" and opens nothing else; the request is for attempt "at-2"',
    )
  })

  it('is not needed by those who may report anyway, and helps nobody else', () => {
    expect(roles.map((role) => mayTouchAttempt(identity(role), 'ro-9', 'at-9'))).toEqual([true, true, true, false, false])
    const refused = (): void => authorizeAttempt(identity('viewer'), 'ro-1', 'at-1')
    expect(refused).toThrow('The role "viewer" may not "report"')
    expect(refused).toThrow(AglError)
  })
})
