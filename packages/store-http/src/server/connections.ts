import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Lets the connections of a closing server go as soon as nothing is being answered on them. Node's own
 * `closeIdleConnections` knows only those that have been answered before, and only those that are idle at the moment.
 */
export function trackConnections(server: Server): { readonly close: () => void } {
  const answering = new Map<Socket, number>()
  let isClosing = false
  const endIdle = (socket: Socket): void => {
    if (isClosing && answering.get(socket) === 0) socket.destroy()
  }
  server.on('connection', (socket: Socket) => {
    answering.set(socket, 0)
    socket.once('close', () => answering.delete(socket))
  })
  server.on('request', ({ socket }: { readonly socket: Socket }, response: ServerResponse) => {
    answering.set(socket, (answering.get(socket) ?? 0) + 1)
    response.once('close', () => {
      const count = answering.get(socket)
      if (count === undefined) return
      answering.set(socket, count - 1)
      endIdle(socket)
    })
  })
  return {
    close() {
      isClosing = true
      for (const socket of answering.keys()) endIdle(socket)
    },
  }
}
