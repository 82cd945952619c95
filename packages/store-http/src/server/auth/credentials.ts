import type { IncomingHttpHeaders } from 'node:http'

/** The part of a request's headers that tells who asks. */
export type CredentialHeaders = Pick<IncomingHttpHeaders, 'authorization'>

/** Longer than any token; what is longer is refused before it costs a hash. */
const longestHeader = 8192

/**
 * The token that a request carries: that of `Authorization: Bearer <token>`, or of `Basic` the password, or where that is
 * empty the user name, so that it can ride in a URL (`http://user:<token>@host` or `http://<token>@host`). Null when
 * there is no such header, or one of another form.
 */
export function readCredential({ authorization }: CredentialHeaders): string | null {
  if (authorization === undefined || authorization.length > longestHeader) return null
  const space = authorization.indexOf(' ')
  if (space === -1) return null
  const value = authorization.slice(space + 1).trim()
  switch (authorization.slice(0, space).toLowerCase()) {
    case 'bearer':
      return value === '' ? null : value
    case 'basic':
      return readBasic(value)
    default:
      return null
  }
}

function readBasic(value: string): string | null {
  const text = Buffer.from(value, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon === -1) return null
  return text.slice(colon + 1) || text.slice(0, colon) || null
}
