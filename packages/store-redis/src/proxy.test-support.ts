import { createConnection, createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** Stands between a client and redis-server, and loses what a network can lose. */
export interface Proxy {
  readonly port: number
  readonly url: string
  /** Pieces that came from clients and from the server since `count` was called last. */
  readonly requests: number
  readonly replies: number
  count(): void
  /** Loses all connections when a client asks for the n-th time from now on: the server never hears of it. */
  cutBefore(request: number): void
  /**
   * Loses all connections when the server answers for the n-th time from now on: what was asked is done, and its answer never
   * arrives. Nobody is let in again before `meanwhile` is over.
   */
  cutAt(reply: number, meanwhile?: () => Promise<void>): void
  /** The same at once. Resolves when `meanwhile` is over. */
  cut(meanwhile: () => Promise<void>): Promise<void>
  /** How often connections were cut. */
  readonly cuts: number
  /** From now on nothing that the server says is passed on. */
  hold(): void
}

/** @param place of the server: a port on this machine, or the path of a socket */
export async function startProxy(place: number | string): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let requests = 0
  let replies = 0
  let cutBefore = Infinity
  let cutAt = Infinity
  let cuts = 0
  let isHeld = false
  let meanwhile: () => Promise<void> = async () => {}
  let isOpen = Promise.resolve()

  const cut = (): void => {
    cutAt = cutBefore = Infinity
    cuts++
    for (const socket of sockets) socket.destroy()
    isOpen = meanwhile()
  }
  const join = (client: Socket): void => {
    const server = createConnection(
      typeof place === 'number' ? { host: '127.0.0.1', port: place, noDelay: true } : { path: place },
    )
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    client.on('data', (data) => {
      requests++
      if (requests >= cutBefore) cut()
      else server.write(data)
    })
    server.on('data', (data) => {
      replies++
      if (replies >= cutAt) cut()
      else if (!isHeld) client.write(data)
    })
    client.resume()
  }

  const listener = createServer({ noDelay: true, pauseOnConnect: true }, (client) => {
    client.on('error', () => {})
    void isOpen.then(() => join(client))
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  })
  const own = (listener.address() as AddressInfo).port
  return {
    port: own,
    url: `redis://127.0.0.1:${own}`,
    get requests() {
      return requests
    },
    get replies() {
      return replies
    },
    count() {
      requests = replies = 0
    },
    cutBefore(request) {
      requests = 0
      cutBefore = request
      meanwhile = async () => {}
    },
    cutAt(reply, during = async () => {}) {
      replies = 0
      cutAt = reply
      meanwhile = during
    },
    cut(during) {
      meanwhile = during
      cut()
      return isOpen
    },
    get cuts() {
      return cuts
    },
    hold() {
      isHeld = true
    },
  }
}
