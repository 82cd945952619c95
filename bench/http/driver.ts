import { Agent, request } from 'node:http'
import { type Child, openChild } from '../lib/child.ts'
import type { ServerVerbs } from './server-child.ts'

/** A server in a process of its own, and keep-alive connections to it. */
export interface Driver {
  readonly child: Child<ServerVerbs>
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<unknown>
  /** OTLP to a path of its own. */
  send(path: string, body: Buffer, headers: Readonly<Record<string, string>>): Promise<string>
  /** Server CPU microseconds per operation of `count` operations, `connections` at a time. */
  measure(count: number, operation: (index: number) => Promise<unknown>): Promise<number>
  close(): Promise<void>
}

/** As many as the reference's own micro benchmarks are driven with. */
export const connections = 64

export async function openDriver(side: 'ours' | 'peer'): Promise<Driver> {
  const child = openChild<ServerVerbs>(new URL('server-child.ts', import.meta.url))
  const { port } = await child.call('start', side)
  const agent = new Agent({ keepAlive: true })
  const exchange = (path: string, body: Buffer, headers: Readonly<Record<string, string>>): Promise<string> =>
    new Promise((resolve, reject) => {
      const all = { 'content-length': body.length, ...headers }
      const sent = request({ host: '127.0.0.1', port, agent, method: 'POST', path, headers: all }, (response) => {
        let answer = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (answer += chunk))
        response.on('end', () => {
          if (response.statusCode! < 300) resolve(answer)
          else reject(new Error(`${path}: ${response.statusCode} ${answer.slice(0, 200)}`))
        })
      })
      sent.on('error', reject)
      sent.end(body)
    })
  const post: Driver['post'] = async (path, body, headers = {}) => {
    const text = Buffer.from(JSON.stringify(body))
    return JSON.parse(await exchange(`/v1/agl${path}`, text, { 'content-type': 'application/json', ...headers })) as unknown
  }
  return {
    child,
    post,
    send: (path, body, headers) => exchange(path, body, { 'content-type': 'application/x-protobuf', ...headers }),
    async measure(count, operation) {
      const before = await child.call('cpu', null)
      let next = 0
      const work = async (): Promise<void> => {
        while (next < count) await operation(next++)
      }
      await Promise.all(Array.from({ length: Math.min(connections, count) }, work))
      return ((await child.call('cpu', null)) - before) / count
    },
    async close() {
      agent.destroy()
      await child.close()
    },
  }
}
