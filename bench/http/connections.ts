import { connect, type Socket } from 'node:net'

/*
 * Keep-alive connections with one request at a time on each, and as little work per answer as can be: where the generator
 * costs more than the server, the server sleeps between requests, and what waking it costs is counted as its own.
 */

export interface Answer {
  readonly status: number
  readonly body: Buffer
}

export interface Connections {
  /** Sends a whole request, its head included, on a connection that is free, or on a new one. */
  exchange(request: Buffer): Promise<Answer>
  close(): void
}

interface Connection {
  readonly socket: Socket
  waiting: PromiseWithResolvers<Answer> | null
}

export function openConnections(port: number): Connections {
  const idle: Connection[] = []
  const open = new Set<Connection>()

  const add = (): Connection => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    const connection: Connection = { socket, waiting: null }
    const answered = (answer: Answer): void => {
      const { waiting } = connection
      connection.waiting = null
      idle.push(connection)
      waiting?.resolve(answer)
    }
    const failed = (error: Error): void => {
      open.delete(connection)
      if (idle.includes(connection)) idle.splice(idle.indexOf(connection), 1)
      connection.waiting?.reject(error)
    }
    const read = createAnswerReader(answered)
    socket.on('data', (chunk) => {
      try {
        read(chunk)
      } catch (error) {
        failed(error as Error)
        socket.destroy()
      }
    })
    socket.on('error', failed).on('close', () => failed(new Error('the server has closed a connection')))
    open.add(connection)
    return connection
  }

  return {
    exchange(request) {
      const connection = idle.pop() ?? add()
      connection.waiting = Promise.withResolvers<Answer>()
      connection.socket.write(request)
      return connection.waiting.promise
    },
    close() {
      for (const { socket } of open) socket.removeAllListeners('close').destroy()
    },
  }
}

const endOfHead = '\r\n\r\n'

/** Takes the bytes of one connection, and tells of each answer that is complete. Every server here says how long its answers are. */
function createAnswerReader(onAnswer: (answer: Answer) => void): (chunk: Buffer) => void {
  let received: Buffer[] = []
  let size = 0
  let status = 0
  /** Of the whole answer; unknown before its head is complete. */
  let expected = Infinity
  let headSize = 0
  return (chunk) => {
    received.push(chunk)
    size += chunk.length
    if (expected === Infinity) {
      const start = received.length === 1 ? chunk : Buffer.concat(received)
      const end = start.indexOf(endOfHead)
      if (end === -1) return
      const head = start.toString('latin1', 0, end)
      status = Number(head.slice(9, 12))
      const length = /\r\ncontent-length: (\d+)/i.exec(head)
      if (length === null) throw new Error(`an answer without a length: ${head}`)
      headSize = end + endOfHead.length
      expected = headSize + Number(length[1])
    }
    if (size < expected) return
    const whole = received.length === 1 ? received[0]! : Buffer.concat(received)
    received = []
    size = 0
    expected = Infinity
    onAnswer({ status, body: whole.subarray(headSize) })
  }
}
