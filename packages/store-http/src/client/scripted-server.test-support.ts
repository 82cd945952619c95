import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { onTestFinished } from 'vitest'
import { createStoreClient, type StoreClient, type StoreClientOptions } from './index.ts'
import { parseJson } from './json.ts'
import { stringifyWithOddNumbers } from '../wire/stringify.ts'

/** One request as it came. */
export interface Seen {
  readonly method: string
  /** Below the API's prefix, with its query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** Undefined when there was none. */
  readonly body: unknown
  readonly bytes: number
}

export interface ScriptedServer {
  readonly url: string
  /** What came, but the handshake. */
  readonly seen: readonly Seen[]
  /** Resolves when so many requests have come. */
  count(requests: number): Promise<void>
  close(): Promise<void>
}

export type Script = (request: Seen, response: ServerResponse, index: number) => void

const health = {
  status: 'ok',
  name: 'ScriptedStore',
  capabilities: { durability: 'none', sharing: 'process', features: ['leases', 'watch', 'levitation'] },
}

/** Answers JSON. */
export function answer(
  response: ServerResponse,
  value: unknown,
  status: number = 200,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(stringifyWithOddNumbers(value))
}

/** Breaks the connection instead of an answer. */
export function drop(response: ServerResponse): void {
  response.socket?.destroy()
}

/** A real server that says what the script says. `speaks: 'python'` leaves out the header of ours. */
export async function serve(
  script: Script,
  { speaks = 'ours', port = 0 }: { readonly speaks?: 'ours' | 'python'; readonly port?: number } = {},
): Promise<ScriptedServer> {
  const seen: Seen[] = []
  const waiting = new Set<() => void>()
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer)
    } catch {
      return
    }
    const raw = Buffer.concat(chunks)
    const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString()
    const isJson = request.headers['content-type'] === 'application/json'
    const path = request.url!.replace('/v1/agl', '')
    if (speaks === 'ours') response.setHeader('agl-api', '1')
    if (path === '/health') return answer(response, speaks === 'ours' ? health : { status: 'ok' })
    if (path === '/statistics' && speaks === 'python')
      return answer(response, { name: 'InMemoryLightningStore', total_rollouts: 3 })
    const body = isJson ? parseJson(text) : text === '' ? undefined : text
    const one: Seen = { method: request.method!, path, headers: request.headers, body, bytes: raw.length }
    seen.push(one)
    script(one, response, seen.length - 1)
    for (const check of waiting) check()
  })
  server.keepAliveTimeout = 30_000
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  onTestFinished(close)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    count: (requests) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (seen.length < requests) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
    close,
  }
}

/** Pauses pass at once and are noted; what is longer than the longest pause is a deadline, and comes when it is told to. */
export interface TestClock {
  readonly pauses: readonly number[]
  readonly deadlines: ReadonlyMap<() => void, number>
  expire(): void
  /** Lets time pass, for who reads it. */
  elapse(seconds: number): void
  now(): number
  wait(milliseconds: number, callback: () => void): () => void
}

export function createTestClock(longestPauseMs: number = 20_000): TestClock {
  const pauses: number[] = []
  const deadlines = new Map<() => void, number>()
  let time = 1000
  return {
    now: () => time,
    elapse: (seconds) => void (time += seconds),
    pauses,
    deadlines,
    expire() {
      const due = [...deadlines.keys()]
      deadlines.clear()
      for (const callback of due) callback()
    },
    wait(milliseconds, callback) {
      const fire = (): void => callback()
      if (milliseconds > longestPauseMs) {
        deadlines.set(fire, milliseconds)
        return () => void deadlines.delete(fire)
      }
      pauses.push(milliseconds)
      const timer = setImmediate(fire)
      return () => clearImmediate(timer)
    },
  }
}

/** A client that is closed after the test, with time in the hands of the test. */
export async function connect(
  options: StoreClientOptions & { readonly clock?: TestClock },
): Promise<{ readonly client: StoreClient; readonly clock: TestClock }> {
  const clock = options.clock ?? createTestClock()
  const client = await createStoreClient({ random: () => 0.5, ...options, clock })
  onTestFinished(() => client.close())
  return { client, clock }
}

/** A rollout as a server answers it. */
export function rolloutOf(fields: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return { rollout_id: 'ro-1', input: 1, start_time: 1, status: 'queuing', config: {}, metadata: {}, ...fields }
}

/** The same with an attempt. */
export function claimOf(fields: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  const attempt = { rollout_id: 'ro-1', attempt_id: 'at-1', sequence_id: 1, start_time: 1, status: 'preparing' }
  return rolloutOf({ status: 'preparing', attempt, ...fields })
}
