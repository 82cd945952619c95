import { AglError, errorMessage } from '@agl/types'
import { socketPathOf, socketProtocol } from '../wire/socket-url.ts'

/** One server that may be asked. */
export interface Server {
  /** Without credentials and without a slash at the end; for messages too. */
  readonly url: string
  /** The value of its `Authorization` header; null = none is sent. */
  readonly authorization: string | null
  /** Where it listens on this machine; null = it is asked over the network. */
  readonly socketPath: string | null
}

/** What a header can carry. */
const headerText = /^[\x21-\x7e]+$/

/** @throws AglError `invalid_argument` that shows neither token nor credentials */
export function parseServers(urls: readonly string[], token: string | undefined): readonly Server[] {
  if (token !== undefined && !headerText.test(token)) {
    throw refusal(
      `Expected \`token\` to be visible ASCII characters; got a text of ${token.length} characters with others, or none.`,
    )
  }
  return urls.map((url, index) => parseServer(url, urls.length === 1 ? 'the URL of the server' : `urls[${index}]`, token))
}

function parseServer(text: string, what: string, token: string | undefined): Server {
  const url = URL.parse(text)
  if (url?.protocol === socketProtocol) return parseSocket(url, what, token)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw refusal(`Expected ${what} to be as http://127.0.0.1:4747; got ${withoutCredentials(text, url)}.`)
  }
  const { username, password } = url
  const hasCredentials = username !== '' || password !== ''
  url.username = ''
  url.password = ''
  if (url.search !== '' || url.hash !== '') {
    throw refusal(`Expected ${what} to have no query and no fragment; got one in ${url.origin}${url.pathname}.`)
  }
  const bare = url.href.replace(/\/+$/, '')
  if (!hasCredentials) return { url: bare, authorization: bearer(token), socketPath: null }
  if (token !== undefined) throw refusal(`Expected either a \`token\` or credentials in ${what} (${bare}); got both.`)
  return { url: bare, authorization: `Basic ${encodeBasic(username, password, bare)}`, socketPath: null }
}

function bearer(token: string | undefined): string | null {
  return token === undefined ? null : `Bearer ${token}`
}

function parseSocket(url: URL, what: string, token: string | undefined): Server {
  const { host, username, password, search, hash, pathname } = url
  if (`${host}${username}${password}${search}${hash}` !== '' || pathname.length < 2) {
    throw refusal(
      `Expected ${what} to be the path of a socket alone, as http+unix:///tmp/folder/store.sock; got one with more or less.`,
    )
  }
  try {
    return { url: url.href, authorization: bearer(token), socketPath: socketPathOf(url) }
  } catch (error) {
    throw refusal(`The path in ${what} is not percent-encoded: ${errorMessage(error)}.`)
  }
}

function encodeBasic(username: string, password: string, server: string): string {
  try {
    return Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')
  } catch (error) {
    throw refusal(`The credentials in the URL of ${server} are not percent-encoded: ${errorMessage(error)}.`)
  }
}

/** What was given, as far as it can be shown. */
function withoutCredentials(text: string, url: URL | null): string {
  if (url !== null) return `one with the protocol ${url.protocol}`
  return text.includes('@') ? 'a text that is no URL' : JSON.stringify(text.slice(0, 100))
}

function refusal(message: string): AglError {
  return new AglError({ code: 'invalid_argument', message })
}

/** Which of the servers is asked: one for as long as it answers. */
export interface ServerPool {
  readonly size: number
  current(): Server
  /** Goes on to the next server, unless another call has done so since this one was asked. */
  leave(server: Server): void
}

export function createServerPool(servers: readonly Server[]): ServerPool {
  let index = 0
  const current = (): Server => servers[index]!
  return {
    size: servers.length,
    current,
    leave(server) {
      if (current() === server) index = (index + 1) % servers.length
    },
  }
}
