import { AglError, errorMessage, type Logger } from '@agl/types'
import { describe, expect, it } from 'vitest'
import { createAuthenticator } from './authenticator.ts'
import type { AccessToken } from './tokens.ts'

const adminToken = 'admin-token-0123456789'
const viewerToken = 'viewer-token-0123456789'
const tokens: readonly AccessToken[] = [
  { token: adminToken, role: 'admin', name: 'Ada' },
  { token: viewerToken, role: 'viewer' },
]
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})

function failure(run: () => unknown): AglError {
  try {
    run()
  } catch (error) {
    if (AglError.isInstance(error)) return error
    throw error
  }
  throw new Error('Expected an AglError; nothing was thrown.')
}

describe('authenticate', () => {
  const authenticator = createAuthenticator({ tokens })

  it('knows the holder of a token by Bearer, whatever the case of the word', () => {
    expect(authenticator.authenticate(bearer(adminToken))).toEqual({ role: 'admin', name: 'Ada' })
    expect(authenticator.authenticate({ authorization: `bEARER   ${viewerToken} ` })).toEqual({ role: 'viewer', name: 'viewer' })
  })

  it('takes Basic with the token as password, or as user name without a password', () => {
    expect(authenticator.authenticate(basic('anybody', adminToken)).role).toBe('admin')
    expect(authenticator.authenticate(basic('', viewerToken)).role).toBe('viewer')
    expect(authenticator.authenticate(basic(viewerToken, '')).role).toBe('viewer')
    expect(failure(() => authenticator.authenticate(basic(adminToken, 'wrong'))).code).toBe('unauthorized')
  })

  it.each([
    ['nothing', {}],
    ['an empty header', { authorization: '' }],
    ['a token without a word', { authorization: adminToken }],
    ['another word', { authorization: `Token ${adminToken}` }],
    ['Bearer alone', { authorization: 'Bearer ' }],
    ['a wrong token', bearer('admin-token-0123456780')],
    ['the beginning of a token', bearer(adminToken.slice(0, -1))],
    ['a token and more', bearer(`${adminToken}0`)],
    ['two tokens', bearer(`${adminToken}, ${viewerToken}`)],
    ['a token in other letters', bearer(adminToken.toUpperCase())],
    ['Basic without a colon', { authorization: `Basic ${Buffer.from(adminToken).toString('base64')}` }],
    ['Basic with nothing', basic('', '')],
    ['what is no base64', { authorization: 'Basic ???' }],
    ['a header without end', bearer('x'.repeat(100_000))],
    ['an attempt that nobody signed', bearer('agl1.W10.c2lnbmF0dXJl')],
  ])('refuses %s, and shows nothing of it', (_case, headers: { authorization?: string }) => {
    const error = failure(() => authenticator.authenticate(headers))
    expect(error.code).toBe('unauthorized')
    expect(`${error.message} ${JSON.stringify(error.data)}`).not.toMatch(/0123456|xxxx|c2lnbmF0dXJl/i)
  })

  it('refuses every token of which one character is wrong', () => {
    const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~'
    const near = [...adminToken].flatMap((right, index) =>
      [...letters]
        .filter((letter) => letter !== right)
        .map((letter) => adminToken.slice(0, index) + letter + adminToken.slice(index + 1)),
    )
    expect(near.length).toBeGreaterThan(1400)
    for (const token of near) expect(() => authenticator.authenticate(bearer(token))).toThrow(AglError)
  })

  it('lets everybody in as admin where no token is configured', () => {
    const open = createAuthenticator()
    expect(open.hasTokens).toBe(false)
    expect(open.authenticate({})).toEqual({ role: 'admin', name: 'anonymous' })
    expect(open.authenticate(bearer('of-another-server')).role).toBe('admin')
  })
})

describe('the configuration', () => {
  it.each([
    ['too short', { token: '123456789012345', role: 'admin' }, 'its token does not fit: expected 16 to 512'],
    ['too long', { token: 'x'.repeat(513), role: 'admin' }, 'its token does not fit'],
    ['with a colon', { token: 'secret-0123456789:x', role: 'admin' }, 'its token does not fit'],
    ['with a space', { token: 'secret-0123456789 x', role: 'admin' }, 'its token does not fit'],
    ['not ASCII', { token: 'secret-0123456789é', role: 'admin' }, 'its token does not fit'],
    ['like that of an attempt', { token: 'agl1.secret-0123456789', role: 'admin' }, 'it begins with "agl1."'],
    ['of no role', { token: 'secret-0123456789' }, 'its role does not fit: expected one of admin, algorithm, runner, viewer'],
    ['that stands where the role belongs', { token: 'long-enough-for-it', role: 'secret-0123456789' }, 'its role does not fit'],
    ['of an attempt', { token: 'secret-0123456789', role: 'attempt' }, 'its role does not fit'],
    ['with a name that breaks the line', { token: 'secret-0123456789', role: 'admin', name: 'a\nb' }, 'its name does not fit'],
    ['under a key of its own', { 'secret-0123456789': 'admin' }, 'does not fit'],
    ['with more keys', { token: 'long-enough-for-it', role: 'admin', 'secret-0123456789': 1 }, 'and nothing else'],
    ['alone', 'secret-0123456789', 'expected an object of `token`, `role` and perhaps `name`'],
  ])('refuses a token %s without showing it', (_case, token, message) => {
    const error = failure(() => createAuthenticator({ tokens: [tokens[0]!, token as unknown as AccessToken] }))
    expect(error.code).toBe('invalid_argument')
    expect(error.message).toContain('entry 2 of `tokens`')
    expect(error.message).toContain(message)
    expect(`${error.message} ${JSON.stringify(error.data)} ${errorMessage(error.cause)}`).not.toMatch(/secret-|1234567/)
  })

  it('refuses one token for two', () => {
    const same = { token: adminToken, role: 'viewer', name: 'Bob' } as const
    const error = failure(() => createAuthenticator({ tokens: [...tokens, same] }))
    expect(error.message).toContain('"Ada" and "Bob" have the same')
    expect(error.message).not.toContain(adminToken)
  })

  it('refuses a short secret and unknown options', () => {
    expect(failure(() => createAuthenticator({ attemptTokenSecret: 'short' })).message).toContain('a text of 5 characters')
    expect(failure(() => createAuthenticator({ attemptTokenSecret: new Uint8Array(31) })).code).toBe('invalid_argument')
    expect(failure(() => createAuthenticator({ users: [] } as object)).message).toContain('"users"')
  })
})

describe('the token of an attempt', () => {
  const attempt = { rolloutId: 'ro-1', attemptId: 'at-é.1' }
  const secret = 'a secret of at least 32 characters'

  it('names its attempt, by Bearer and Basic', () => {
    const authenticator = createAuthenticator({ tokens })
    const token = authenticator.mintAttemptToken(attempt)
    expect(token).toMatch(/^agl1\.[\w-]+\.[\w-]{43}$/)
    const identity = { role: 'attempt', name: 'ro-1/at-é.1', attempt }
    expect(authenticator.authenticate(bearer(token))).toEqual(identity)
    expect(authenticator.authenticate(basic(token, ''))).toEqual(identity)
  })

  it('holds for the longest ids that stores take', () => {
    const authenticator = createAuthenticator({ tokens })
    const longest = { rolloutId: '"'.repeat(200), attemptId: '漢'.repeat(200) }
    expect(authenticator.authenticate(bearer(authenticator.mintAttemptToken(longest))).attempt).toEqual(longest)
  })

  it('is good on every server with the same secret, and on no other', () => {
    const token = createAuthenticator({ attemptTokenSecret: secret }).mintAttemptToken(attempt)
    const same = createAuthenticator({ tokens, attemptTokenSecret: new TextEncoder().encode(secret) })
    expect(same.authenticate(bearer(token)).attempt).toEqual(attempt)
    const other = createAuthenticator({ tokens, attemptTokenSecret: `${secret}!` })
    expect(failure(() => other.authenticate(bearer(token))).code).toBe('unauthorized')
    expect(failure(() => createAuthenticator({ tokens }).authenticate(bearer(token))).code).toBe('unauthorized')
  })

  it('is good on every server with the same tokens when no secret is given, also after it was begun again', async () => {
    const begun = async (given: readonly AccessToken[]) => {
      const authenticator = createAuthenticator({ tokens: given })
      await authenticator.load()
      return authenticator
    }
    const token = (await begun(tokens)).mintAttemptToken(attempt)
    expect((await begun(tokens.toReversed())).authenticate(bearer(token)).attempt).toEqual(attempt)
    const changed = [{ token: `${adminToken}!`, role: 'admin' }] as const
    const other = await begun(changed)
    expect(failure(() => other.authenticate(bearer(token))).code).toBe('unauthorized')
    // Whoever may only look must not be able to make the secret from the one token there is.
    const viewers = [{ token: viewerToken, role: 'viewer' }] as const
    const [first, second] = [await begun(viewers), await begun(viewers)]
    expect(failure(() => second.authenticate(bearer(first.mintAttemptToken(attempt)))).code).toBe('unauthorized')
  })

  it('is worth nothing with any character changed, cut off or added', () => {
    const authenticator = createAuthenticator({ tokens, attemptTokenSecret: secret })
    const token = authenticator.mintAttemptToken(attempt)
    const forged = [token.slice(0, -1), `${token}A`, token.replace('agl1.', 'agl2.'), 'agl1.', 'agl1..', 'agl1']
    for (let index = 0; index < token.length; index++) {
      forged.push(token.slice(0, index) + (token[index] === 'x' ? 'y' : 'x') + token.slice(index + 1))
    }
    const other = Buffer.from(JSON.stringify(['ro-2', 'at-é.1'])).toString('base64url')
    forged.push(token.replace(/\.[\w-]+\./, `.${other}.`))
    const accepted = forged.filter((value) => {
      try {
        return authenticator.authenticate(bearer(value))
      } catch {
        return false
      }
    })
    expect(accepted).toEqual([])
  })

  it('shows in no log', async () => {
    const lines: unknown[] = []
    const write = (...line: unknown[]): void => void lines.push(line)
    const logger: Logger = { debug: write, info: write, warn: write, error: write }
    const authenticator = createAuthenticator({ tokens, logger })
    await authenticator.load()
    authenticator.authenticate(bearer(authenticator.mintAttemptToken(attempt)))
    expect(lines).toEqual([])
  })
})
