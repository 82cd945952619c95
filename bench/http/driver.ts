import { type Child, openChild } from '../lib/child.ts'
import { openConnections } from './connections.ts'
import type { ServerVerbs } from './server-child.ts'
import type { Side } from './side.ts'

/** A server in a process of its own, and keep-alive connections to it. */
export interface Driver {
  readonly child: Child<ServerVerbs>
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<unknown>
  /** A body to a path of its own. @returns the body of the answer */
  send(path: string, body: Buffer, headers: Readonly<Record<string, string>>): Promise<Buffer>
  /** Server CPU microseconds per operation of `count` operations, `connections` at a time. */
  measure(count: number, operation: (index: number) => Promise<unknown>): Promise<number>
  close(): Promise<void>
}

/** As many as the reference's own micro benchmarks are driven with. */
export const connections = 64

export async function openDriver(side: Side): Promise<Driver> {
  const child = openChild<ServerVerbs>(new URL('server-child.ts', import.meta.url))
  const { port } = await child.call('start', side)
  const opened = openConnections(port)
  const send: Driver['send'] = async (path, body, headers) => {
    let head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-length: ${body.length}\r\n`
    for (const name in headers) head += `${name}: ${headers[name]}\r\n`
    const answer = await opened.exchange(Buffer.concat([Buffer.from(`${head}\r\n`), body]))
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.body.toString().slice(0, 200)}`)
    return answer.body
  }
  return {
    child,
    send,
    async post(path, body, headers = {}) {
      const text = Buffer.from(JSON.stringify(body))
      const answer = await send(`/v1/agl${path}`, text, { 'content-type': 'application/json', ...headers })
      return JSON.parse(answer.toString()) as unknown
    },
    async measure(count, operation) {
      const before = await child.call('cpu', null)
      let next = 0
      const work = async (): Promise<void> => {
        while (next < count) await operation(next++)
      }
      // Waking a sleeper is charged to who writes to it: a generator that never sleeps costs every server the same.
      let isSpinning = true
      const spin = (): void => void (isSpinning && setImmediate(spin))
      spin()
      await Promise.all(Array.from({ length: Math.min(connections, count) }, work))
      isSpinning = false
      return ((await child.call('cpu', null)) - before) / count
    },
    async close() {
      opened.close()
      await child.close()
    },
  }
}
