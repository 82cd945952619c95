import { hash, timingSafeEqual } from 'node:crypto'
import { AglError } from '@agl/types'
import { z } from 'zod'
import { attemptTokenPrefix } from './attempt-token.ts'
import { type Identity, type TokenRole, tokenRoles } from './identity.ts'

/** A token that somebody may show, and what it allows. */
export interface AccessToken {
  /** 16 to 512 visible ASCII characters without ":"; make one with `openssl rand -hex 24`. */
  readonly token: string
  readonly role: TokenRole
  /** Who holds it, for logs; 1 to 64 characters. Default: the role. */
  readonly name?: string
}

const shortestToken = 16
const longestToken = 512
const longestName = 64

const visible = /^[!-9;-~]+$/
// oxlint-disable-next-line no-control-regex -- names go into logs, where a line break would forge a line
const control = /[\u0000-\u001f\u007f-\u009f]/

const tokenSchema: z.ZodType<AccessToken> = z.strictObject({
  token: z.string().min(shortestToken).max(longestToken).regex(visible),
  role: z.enum(tokenRoles),
  name: z
    .string()
    .min(1)
    .max(longestName)
    .refine((name) => !control.test(name))
    .exactOptional(),
})

/** What is asked of each field. The message of an error is made of these alone: any value might be a misplaced token. */
const expectations: Readonly<Record<string, string>> = {
  token: `expected ${shortestToken} to ${longestToken} visible ASCII characters without ":" (make one with \`openssl rand -hex 24\`)`,
  role: `expected one of ${tokenRoles.join(', ')}`,
  name: `expected 1 to ${longestName} characters without control characters`,
}

/**
 * Checks one configured token.
 * @param place names it in the message, for example `line 3 of /etc/agl/tokens`
 * @throws AglError `invalid_argument`; never shows a value
 */
export function checkToken(value: unknown, place: string): AccessToken {
  const result = tokenSchema.safeParse(value)
  const field = result.success ? undefined : result.error.issues[0]!.path[0]
  const problem = result.success
    ? reservedProblem(result.data.token)
    : field === undefined
      ? 'expected an object of `token`, `role` and perhaps `name`, and nothing else'
      : `its ${String(field)} does not fit: ${expectations[String(field)]}`
  if (problem !== null) throw new AglError({ code: 'invalid_argument', message: `Invalid token (${place}): ${problem}.` })
  return value as AccessToken
}

function reservedProblem(token: string): string | null {
  return token.startsWith(attemptTokenPrefix)
    ? `it begins with "${attemptTokenPrefix}", which is kept for the tokens of attempts`
    : null
}

/** The tokens of a server, as digests. */
export interface TokenTable {
  readonly size: number
  /**
   * Whom the token belongs to; null for nobody. Takes the same time whichever entry fits, and whether one does: equal
   * digests of 32 bytes are compared with every entry.
   */
  find(token: string): Identity | null
}

const digest = (token: string): Buffer => hash('sha256', token, 'buffer')

/** @throws AglError `invalid_argument` when two entries have the same token, whose role would be a matter of luck */
export function createTokenTable(tokens: readonly AccessToken[]): TokenTable {
  const entries = tokens.map(({ token, role, name = role }) => ({
    digest: digest(token),
    identity: Object.freeze({ role, name }) satisfies Identity,
  }))
  const owners = new Map<string, string>()
  for (const { digest, identity } of entries) {
    const key = digest.toString('hex')
    const owner = owners.get(key)
    if (owner !== undefined) {
      throw new AglError({
        code: 'invalid_argument',
        message: `Expected every token to be given once; "${owner}" and "${identity.name}" have the same. Make one for each.`,
      })
    }
    owners.set(key, identity.name)
  }
  return {
    size: entries.length,
    find(token) {
      const shown = digest(token)
      let found: Identity | null = null
      for (const entry of entries) if (timingSafeEqual(shown, entry.digest)) found = entry.identity
      return found
    },
  }
}
