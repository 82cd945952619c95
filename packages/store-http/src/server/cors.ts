import type { IncomingHttpHeaders } from 'node:http'
import { AglError, parseOptions } from '@agl/types'
import { z } from 'zod'

export interface CorsOptions {
  /**
   * The web pages that may call the server from a browser, as a browser writes them in `Origin`: `https://app.example.com`,
   * `http://localhost:5173`. `*` anywhere in the list means all. Default: none, and no CORS header is ever sent.
   */
  readonly origins?: readonly string[]
}

/** A complete reply to a preflight request. */
export interface PreflightReply {
  readonly status: 200 | 400
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Cors {
  /** What every reply to this request carries beside its own headers, errors included. */
  headersFor(headers: IncomingHttpHeaders): Readonly<Record<string, string>>
  /**
   * The reply to a preflight request; null when this is none, or CORS is not configured. To be asked before
   * authentication: a browser sends no token with it.
   */
  preflight(method: string | undefined, headers: IncomingHttpHeaders): PreflightReply | null
  /**
   * A browser sends simple requests of any page without asking first, with what it holds for the server, and shows the page
   * nothing of the reply; but they are carried out. So those of foreign pages that would change something are refused.
   * @throws AglError `forbidden`
   */
  refuseForeign(method: string | undefined, headers: IncomingHttpHeaders): void
}

const maxAgeSeconds = 600
const allMethods = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT'
const longestHeaderList = 1024
/** Names of headers with commas between: nothing else of a request is echoed. */
const headerList = /^[A-Za-z0-9!#$%&'*+.^_`|~, -]*$/

const originSchema = z.string().refine((origin) => origin === '*' || isOrigin(origin), {
  error:
    'expected "*" or an origin as browsers write it: scheme and host, in lower case, with a port that is not the usual one, and no path',
})
const optionsSchema = z.strictObject({ origins: z.array(originSchema).optional() })

/**
 * Says which web pages may read the server's replies.
 *
 * It answers as the reference does, but for one flaw of that: `*` never goes together with `allow-credentials`. The
 * reference then lets any page that a user visits act with whatever the user's browser holds for the server. Here only
 * listed origins get credentials; with `*` a page must bring a token of its own in `Authorization`, which is an ordinary
 * header of a script's request. Origins that are not listed get nothing but `Vary: Origin`.
 * @throws AglError `invalid_argument` for an entry that no browser would ever send
 */
export function createCors(options: CorsOptions = {}): Cors {
  const { origins } = parseOptions(optionsSchema, options, { origins: [] as readonly string[] }, 'options of CORS')
  const isAny = origins.includes('*')
  const listed = new Set(origins)

  /** What an origin gets; null for one that is not allowed. */
  function grant(origin: string): Readonly<Record<string, string>> | null {
    if (isAny) return { 'access-control-allow-origin': '*' }
    if (!listed.has(origin)) return null
    return { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' }
  }

  return Object.freeze({
    headersFor({ origin }) {
      if (listed.size === 0) return {}
      const granted = origin === undefined ? null : grant(origin)
      // Without an origin too: a cache would else give that reply to a page which needs the headers.
      return granted === null ? vary : { ...granted, 'access-control-expose-headers': '*', ...vary }
    },
    preflight(method, headers) {
      const { origin } = headers
      const isPreflight = method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
      if (listed.size === 0 || !isPreflight || origin === undefined) return null
      const granted = grant(origin)
      if (granted === null) return { status: 400, headers: { ...vary, ...plainText }, body: 'Disallowed CORS origin' }
      const asked = headers['access-control-request-headers']
      return {
        status: 200,
        headers: {
          ...granted,
          'access-control-allow-methods': allMethods,
          ...(asked !== undefined && isHeaderList(asked) ? { 'access-control-allow-headers': asked } : {}),
          'access-control-max-age': String(maxAgeSeconds),
          ...vary,
          ...plainText,
        },
        body: 'OK',
      }
    },
    refuseForeign(method, { origin, host }) {
      if (origin === undefined || method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return
      if (origin === `http://${host}` || origin === `https://${host}` || grant(origin) !== null) return
      throw new AglError({
        code: 'forbidden',
        message: `The web page of ${origin.slice(0, 200)} may not change anything here; name it among the CORS origins if it should.`,
      })
    },
  } satisfies Cors)
}

const vary: Readonly<Record<string, string>> = Object.freeze({ vary: 'Origin' })
const plainText: Readonly<Record<string, string>> = Object.freeze({ 'content-type': 'text/plain; charset=utf-8' })

function isHeaderList(text: string): boolean {
  return text.length <= longestHeaderList && headerList.test(text)
}

/** "null", which every sandboxed page sends, is no origin: nobody could be told apart by it. */
function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { origin, protocol, host } = new URL(text)
  // Schemes beyond the web's, such as an extension's, have no origin of their own here.
  return text === (origin === 'null' ? `${protocol}//${host}` : origin) && host !== ''
}
