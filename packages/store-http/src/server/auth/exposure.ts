import { AglError, type Logger, silentLogger } from '@agl/types'
import { isLoopback } from '../../wire/loopback.ts'

export interface Exposure {
  /** What the server is about to listen on: a name or an address. */
  readonly host: string
  /** Whether callers are told apart, see `Authenticator`. */
  readonly hasTokens: boolean
  /** Lets everybody who reaches the host in as admin. Default false. */
  readonly allowUnauthenticated?: boolean
  /** Whether every web page may call, whoever's browser it is open in. Default false. */
  readonly isOpenToAllPages?: boolean
  /** Where the warning goes. Default: nowhere. */
  readonly logger?: Logger
}

/**
 * Called before a server listens: without tokens everybody is admin, so that it may only be reached from this machine,
 * or where the operator says that the network itself keeps others out. Warns whenever there are no tokens.
 * @throws AglError `invalid_argument`, with what to do
 */
export function checkExposure(exposure: Exposure): void {
  const { host, hasTokens, allowUnauthenticated = false, isOpenToAllPages = false, logger = silentLogger } = exposure
  if (hasTokens) return
  if (isOpenToAllPages && !allowUnauthenticated) {
    throw new AglError({
      code: 'invalid_argument',
      message:
        'Expected a token beside the CORS origin "*": without one, every web page that is open on this machine could read and ' +
        'change the whole store. Name the origins that may, configure tokens, or set `allowUnauthenticated: true`.',
      data: { host },
    })
  }
  if (isLoopback(host)) {
    logger.warn('No token is configured: every program on this machine may do everything', { host })
    return
  }
  if (!allowUnauthenticated) {
    throw new AglError({
      code: 'invalid_argument',
      message:
        `Expected a token before the server listens on "${host}", where others can reach it; none is configured. Make one ` +
        'with `openssl rand -hex 24` and pass it as `tokens: [{ token, role: "admin" }]` or in a `tokenFile`, listen on ' +
        '127.0.0.1, or set `allowUnauthenticated: true` when the network keeps everybody else out.',
      data: { host },
    })
  }
  logger.warn('No token is configured and the host is not loopback: whoever reaches it may do everything', { host })
}
