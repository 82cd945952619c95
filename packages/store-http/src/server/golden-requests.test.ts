import { readFileSync } from 'node:fs'
import { createStoreServer } from './create-store-server.ts'
import { createMemoryStore } from '@agl/store-memory'
import { expect, it } from 'vitest'

/** One entry of `python/requests.golden.json`; `record_requests.py` says what each field holds. */
interface Recorded {
  readonly call: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | null
  readonly bodyBase64?: string
  readonly status?: number
  readonly learn?: Readonly<Record<string, string>>
  readonly reply?: unknown
}

const file = new URL('../../../../interop/python/requests.golden.json', import.meta.url)
const golden = JSON.parse(readFileSync(file, 'utf8')) as { headers: Record<string, string>; requests: readonly Recorded[] }

/** Where we answer better: NaN in an attribute breaks the client that sent it; statistics are our own. */
const betterAnswers = new Set(['add_span with NaN', 'statistics'])

function at(value: unknown, path: string): unknown {
  return path.split('.').reduce((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value)
}

/** The reply as it was recorded: times as `$time$`, ids as their placeholders. */
function masked(value: unknown, names: ReadonlyMap<string, string>): unknown {
  // In attributes of spans we answer whole numbers beyond doubles as their digits.
  if (typeof value === 'string' && /^[1-9]\d{16,18}$/.test(value)) return Number(value)
  if (typeof value === 'string') return [...names].reduce((text, [name, id]) => text.replaceAll(id, name), value)
  if (Array.isArray(value)) return value.map((item) => masked(item, names))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, key.endsWith('_time') && inner !== null ? '$time$' : masked(inner, names)]),
  )
}

it('answers what the Python client sends as the Python server does', async () => {
  await using store = createMemoryStore()
  await using server = createStoreServer({ store, port: 0 })
  const { url } = await server.start()
  const names = new Map<string, string>()
  const fill = (text: string): string => [...names].reduce((filled, [name, id]) => filled.replaceAll(name, id), text)
  const answers = []
  for (const { call, method, path, headers, body, bodyBase64, learn = {} } of golden.requests) {
    const sent = Object.fromEntries(Object.entries({ ...golden.headers, ...headers }).filter(([name]) => name !== 'Connection'))
    const payload = bodyBase64 === undefined ? body && fill(body) : Buffer.from(bodyBase64, 'base64')
    const response = await fetch(url + fill(path), { method, headers: sent, body: payload ?? null })
    const type = response.headers.get('content-type')?.split(';')[0]
    const reply: unknown = type === 'application/json' ? await response.json() : await response.arrayBuffer().then(() => null)
    for (const [name, where] of Object.entries(learn)) names.set(name, String(at(reply, where)))
    answers.push({ call, status: response.status, type, reply: betterAnswers.has(call) ? null : masked(reply, names) })
  }
  const expected = golden.requests.map(({ call, status, reply }) =>
    status === undefined
      ? // OTLP for ids that no server has: refused span by span, not as a whole.
        { call, status: 200, type: 'application/x-protobuf', reply: null }
      : { call, status, type: 'application/json', reply: betterAnswers.has(call) ? null : reply },
  )
  expect(answers).toEqual(expected)
})
