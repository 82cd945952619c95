import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { AglError, implementing, type Logger, parseOptions, silentLogger } from '@agl/types'
import { z } from 'zod'
import { attemptTokenPrefix, deriveSecret, secretLength, signAttempt, verifyAttempt } from './attempt-token.ts'
import { type CredentialHeaders, readCredential } from './credentials.ts'
import type { AttemptName, Identity } from './identity.ts'
import { isAllowed } from './permissions.ts'
import { readTokenFile } from './token-file.ts'
import { type AccessToken, checkToken, createTokenTable, type TokenTable } from './tokens.ts'

export interface AuthenticatorOptions {
  /** Who may do what. Default: none. */
  readonly tokens?: readonly AccessToken[]
  /** More tokens, see {@link readTokenFile}; read by `load`, once. Default: no file. */
  readonly tokenFile?: string
  /**
   * Signs the tokens of attempts: at least 32 characters or bytes. Default: made from the configured tokens, so that servers
   * with the same tokens take what another of them minted, also before it was started again.
   */
  readonly attemptTokenSecret?: string | Uint8Array
  /** Default: says nothing. */
  readonly logger?: Logger
}

/** Tells who a request comes from. */
export interface Authenticator {
  /** Whether tokens are configured, those of a file that has not been read yet included. Without any, everybody is admin. */
  readonly hasTokens: boolean
  /**
   * Reads the token file, if there is one, and makes the secret of attempts. Until then nobody gets in by the file.
   * @throws AglError `invalid_argument`
   */
  load(): Promise<void>
  /**
   * Who asks, by `Authorization: Bearer` or `Basic`.
   * @throws AglError `unauthorized` for a missing or unknown token; the reply then carries {@link challengeHeaders}
   */
  authenticate(headers: CredentialHeaders): Identity
  /**
   * The token of one attempt, for the reply to its claim and nothing else: its bearer may add spans and draw sequence ids
   * for this attempt. Never stored, and good as long as the secret lives.
   */
  mintAttemptToken(attempt: AttemptName): string
}

/** What a reply of 401 says beside its body. */
export const challengeHeaders: Readonly<Record<string, string>> = Object.freeze({ 'www-authenticate': 'Bearer' })

const optionsSchema = z.strictObject({
  // Checked one by one below: the message of a schema would show what it got.
  tokens: z.array(z.unknown()).optional(),
  tokenFile: z.string().min(1).optional(),
  attemptTokenSecret: z
    .custom<string | Uint8Array>(
      (value) => (typeof value === 'string' || value instanceof Uint8Array) && value.length >= secretLength,
      { error: `expected at least ${secretLength} characters or bytes (make some with \`openssl rand -hex 24\`)` },
    )
    .optional(),
  logger: implementing<Logger>('a logger', 'warn').optional(),
})

/**
 * Makes the gatekeeper of a server; reads no file before `load`.
 * @throws AglError `invalid_argument` for a token that is too short, given twice or of an unknown role
 */
export function createAuthenticator(options: AuthenticatorOptions = {}): Authenticator {
  const resolved = parseOptions(optionsSchema, options, { tokens: [], logger: silentLogger }, 'options of the authenticator')
  const { tokenFile, logger, attemptTokenSecret } = resolved
  let secret = createSecretKey(Buffer.from(attemptTokenSecret ?? randomBytes(secretLength)))
  const given = resolved.tokens.map((token, index) => checkToken(token, `entry ${index + 1} of \`tokens\``))
  const hasTokens = given.length > 0 || tokenFile !== undefined
  let table: TokenTable = createTokenTable(given)

  return Object.freeze({
    hasTokens,
    async load() {
      const all = tokenFile === undefined ? given : [...given, ...(await readTokenFile(tokenFile, logger))]
      table = createTokenTable(all)
      // Only of those whose holders may do by themselves what the token of an attempt allows.
      const source = all.filter(({ role, name = role }) => isAllowed({ role, name }, 'report')).map(({ token }) => token)
      if (attemptTokenSecret === undefined && source.length > 0) secret = createSecretKey(await deriveSecret(source))
    },
    authenticate(headers) {
      if (!hasTokens) return everybody
      const token = readCredential(headers)
      if (token === null) throw missing(headers)
      const identity = token.startsWith(attemptTokenPrefix) ? attemptOf(token, secret) : table.find(token)
      if (identity === null) throw unknown()
      return identity
    },
    mintAttemptToken: (attempt) => signAttempt(attempt, secret),
  } satisfies Authenticator)
}

const everybody: Identity = Object.freeze({ role: 'admin', name: 'anonymous' })

function attemptOf(token: string, secret: KeyObject): Identity | null {
  const attempt = verifyAttempt(token, secret)
  return attempt && { role: 'attempt', name: `${attempt.rolloutId}/${attempt.attemptId}`, attempt }
}

function missing({ authorization }: CredentialHeaders): AglError {
  // The header is not quoted, not even its first word: that may be a token without `Bearer`.
  const came = authorization === undefined ? 'the request has no such header' : 'the header has another form'
  return new AglError({
    code: 'unauthorized',
    message: `Expected a token in \`Authorization: Bearer <token>\`, or as the password of Basic; ${came}.`,
  })
}

function unknown(): AglError {
  return new AglError({
    code: 'unauthorized',
    message: 'This server does not know the token; ask whoever runs it for one. The token of an attempt ends with its secret.',
  })
}
