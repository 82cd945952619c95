import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'

/** Stands between clients and a server on this machine, and does what a bad network does. */
export interface TcpProxy {
  readonly port: number
  /** Loses every connection and lets nobody in, until the time is over. */
  cut(milliseconds: number): Promise<void>
  /** Passes nothing on, without anybody being told, until the time is over. */
  stall(milliseconds: number): Promise<void>
  close(): Promise<void>
}

/** @param target the port of the server, which need not be there yet */
export async function openTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let isCut = false
  let isStalled = false

  const track = (socket: Socket, other: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => {
      sockets.delete(socket)
      other.destroy()
    })
    socket.on('data', (bytes) => void other.write(bytes))
    if (isStalled) socket.pause()
  }
  const listener = createServer({ noDelay: true }, (client) => {
    if (isCut) {
      client.on('error', () => {})
      client.destroy()
      return
    }
    const server = createConnection({ host: '127.0.0.1', port: target, noDelay: true })
    track(client, server)
    track(server, client)
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')

  const pass = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))
  const closeAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (listener.address() as AddressInfo).port,
    async cut(milliseconds) {
      isCut = true
      closeAll()
      await pass(milliseconds)
      isCut = false
    },
    async stall(milliseconds) {
      isStalled = true
      for (const socket of sockets) socket.pause()
      await pass(milliseconds)
      isStalled = false
      for (const socket of sockets) socket.resume()
    },
    async close() {
      closeAll()
      listener.close()
      await once(listener, 'close')
    },
  }
}
