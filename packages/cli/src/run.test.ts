import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { run } from './run.ts'

interface Running {
  readonly url: string
  readonly stop: () => Promise<number>
}

/** Runs a command that goes on until it is told to end, and waits for its first line. */
async function start(...args: readonly string[]): Promise<Running> {
  const end = new AbortController()
  const { promise: url, resolve, reject } = Promise.withResolvers<string>()
  const errors: string[] = []
  const status = run(args, { out: (text) => resolve(text.trim()), err: (text) => errors.push(text), signal: end.signal })
  void status.then((code) => reject(new Error(`ended with ${code}: ${errors.join('')}`)))
  const stop = async (): Promise<number> => {
    end.abort()
    return status
  }
  onTestFinished(async () => void (await stop()))
  return { url: await url, stop }
}

async function refused(...args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  let text = ''
  const code = await run(args, { out: () => {}, err: (piece) => (text += piece) })
  return { code, text }
}

describe('agl store', () => {
  test('prints the URL it got, serves, and keeps what was acknowledged', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'agl-cli-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'store.db')
    const flags = ['store', '--backend', 'sqlite', '--file', file, '--port', '0', '--log-level', 'silent']
    const first = await start(...flags)
    const response = await fetch(`${first.url}/v1/agl/queues/rollouts/enqueue`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rollouts: [{ input: 'kept' }] }),
    })
    expect(response.status).toBe(201)
    expect(await first.stop()).toBe(0)
    const second = await start(...flags)
    const page = (await (await fetch(`${second.url}/v1/agl/rollouts`)).json()) as { readonly items: readonly object[] }
    expect(page.items).toMatchObject([{ input: 'kept', status: 'queuing' }])
  })

  test.each([
    [['store', '--port', 'http'], 'Expected a port'],
    [['store', '--port', ''], 'Expected a port'],
    [['store', '--port', '1e3'], 'Expected a port'],
    [['store', '--log-level', 'loud'], 'debug, info, warn'],
    [['store', '--backend', 'mongo'], 'memory, sqlite, redis'],
    [['store', '--file', 'x'], '--file means nothing to --backend memory'],
    [['store', '--backend', 'sqlite'], 'needs --file'],
    [['stores'], 'unknown command'],
  ])('refuses %j with status 2 and says why', async (args, words) => {
    const { code, text } = await refused(...args)
    expect(code).toBe(2)
    expect(text).toContain(words)
  })

  test('calls the store by another name, and counts nothing when it is told not to', async () => {
    const { url } = await start('store', '--port', '0', '--store-name', 'ours', '--no-metrics', '--log-level', 'SILENT')
    expect(await (await fetch(`${url}/v1/agl/statistics`)).json()).toMatchObject({ name: 'ours' })
    expect((await fetch(`${url}/v1/prometheus`)).status).toBe(404)
  })

  test('refuses a Redis that is not there before it listens, and says what to run', async () => {
    const { code, text } = await refused('store', '--backend', 'redis', '--redis-url', 'redis://127.0.0.1:1', '--port', '0')
    expect(code).toBe(1)
    expect(text).toContain('redis-server')
  })

  test('refuses a file of something else before it listens', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'agl-cli-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'notes.txt')
    writeFileSync(file, 'not a database, but long enough to be looked at as if it were one'.repeat(20))
    const { code, text } = await refused('store', '--backend', 'sqlite', '--file', file, '--port', '0')
    expect(code).not.toBe(0)
    expect(text).toContain('notes.txt')
  })

  test('goes on when nobody reads what it says any more', async () => {
    const main = join(import.meta.dirname, 'main.ts')
    const child = spawn(process.execPath, ['--conditions=@agl/source', main, 'store', '--port', '0', '--log-level', 'debug'])
    onTestFinished(() => void child.kill('SIGKILL'))
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    child.stdout.destroy()
    child.stderr.destroy()
    const url = line.toString().trim()
    for (let index = 0; index < 3; index++) {
      const body = JSON.stringify({ rollouts: [{ input: index }] })
      const headers = { 'content-type': 'application/json' }
      expect((await fetch(`${url}/v1/agl/queues/rollouts/enqueue`, { method: 'POST', headers, body })).status).toBe(201)
      const claimed = await fetch(`${url}/v1/agl/queues/rollouts/dequeue`, { method: 'POST' })
      const [{ rollout_id: id, attempt }] = (await claimed.json()) as [{ rollout_id: string; attempt: { attempt_id: string } }]
      const settled = `${url}/v1/agl/rollouts/${id}/attempts/${attempt.attempt_id}`
      await fetch(settled, { method: 'POST', headers, body: JSON.stringify({ status: 'failed' }) })
    }
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await exit).toEqual([0, null])
  })
})

test('agl --version', async () => {
  let text = ''
  expect(await run(['--version'], { out: (piece) => (text += piece) })).toBe(0)
  expect(text).toMatch(/^\d+\.\d+\.\d+\n$/)
})
