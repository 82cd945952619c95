import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { createRedisStore, type RedisInspection } from '@agl/store-redis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../../store-redis/src/redis-server.test-support.ts'
import { formatInspection } from './format-inspection.ts'
import { run } from './run.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

interface Answer {
  readonly status: number
  readonly out: string
  readonly err: string
}

async function agl(args: readonly string[], isTerminal = false): Promise<Answer> {
  let [out, err] = ['', '']
  const write = { out: (text: string) => (out += text), err: (text: string) => (err += text) }
  const status = await run(args, { out: (text) => void write.out(text), err: (text) => void write.err(text), isTerminal })
  return { status, out, err }
}

async function fill(namespace: string): Promise<void> {
  const store = createRedisStore({ url: server.url, namespace })
  await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2, priority: 3 }] })
  await store.startRollout({ rollout: { input: 3 }, workerId: 'w', leaseMs: 60_000 })
  await store.close()
}

test('shows a store as tables and as one JSON object, with status 0', async () => {
  await fill('shown')
  const flags = ['--redis-url', server.url, '--namespace', 'shown']
  const { status, out, err } = await agl(['store', 'inspect', ...flags])
  expect({ status, err }).toEqual({ status: 0, err: '' })
  expect(out).toContain('Store shown, schema version 1')
  expect(out).toMatch(/^queuing +2$/m)
  expect(out).toMatch(/^3 +1$/m)
  expect(out).toContain('1 live attempts')
  expect(out).toMatch(/no violations\n$/)
  const json = await agl(['store', 'inspect', '--json', ...flags])
  expect(json.status).toBe(0)
  expect(json.out.split('\n')).toHaveLength(2)
  const inspection = JSON.parse(json.out) as RedisInspection
  expect(inspection).toMatchObject({ namespace: 'shown', violations: [], statuses: { queuing: 2 } })
  expect(formatInspection(inspection).split('\n')[0]).toBe(out.split('\n')[0])
})

test('a violation is listed, and the status is 1', async () => {
  await fill('broken')
  await promisify(execFile)('redis-cli', ['-s', server.url, 'SET', 'agl:1:{broken}:strange\u001b[31m', '1'])
  const { status, out } = await agl(['store', '--redis-url', server.url, 'inspect', '--namespace', 'broken'])
  expect(status).toBe(1)
  expect(out).toContain('1 VIOLATIONS\n  known_keys')
  expect(out).toContain('strange\\u001b')
  expect(out).not.toContain('\u001b')
})

test('shows a person how far it is, and nobody else', async () => {
  await fill('watched')
  const { err, out } = await agl(['store', 'inspect', '--redis-url', server.url, '--namespace', 'watched'], true)
  expect(err).toMatch(/\d+ keys/)
  expect(out).toContain('Store watched')
})

test.each([
  [['--backend', 'sqlite'], 2, 'looks into Redis only'],
  [['--nonsense'], 2, 'unknown option'],
  [['--namespace', 'a b'], 2, 'namespace'],
  [['--redis-url', 'http://x'], 2, 'redis://'],
  [['--redis-url', 'redis://127.0.0.1:1'], 1, 'redis-server'],
])('refuses %j with status %i', async (args, status, words) => {
  const answer = await agl(['store', 'inspect', ...args])
  expect(answer.status).toBe(status)
  expect(answer.err).toContain(words)
  expect(answer.out).toBe('')
})

test('options that stand before the word inspect count, or are refused', async () => {
  expect((await agl(['store', '--backend', 'memory', 'inspect'])).err).toContain('looks into Redis only')
  expect(await agl(['store', '--port', '1', 'inspect'])).toMatchObject({ status: 2, err: expect.stringContaining('--port') })
})
