/*
 * A server on a socket of this machine is named `http+unix:///tmp/folder/store.sock`: the path of the socket, percent-encoded, and
 * nothing behind it. The backslashes of a pipe of Windows are encoded too, so that no parser takes them for something else.
 */

export const socketProtocol = 'http+unix:'

export function socketUrlOf(socketPath: string): string {
  const encoded = socketPath.split('/').map(encodeURIComponent).join('/')
  return `${socketProtocol}//${encoded.startsWith('/') ? '' : '/'}${encoded}`
}

/** @throws URIError for a path that is not percent-encoded */
export function socketPathOf({ pathname }: URL): string {
  const path = decodeURIComponent(pathname)
  return path.startsWith('/\\\\') ? path.slice(1) : path
}
