import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createStoreServer } from '@agl/store-http/server'
import { createMemoryStore } from '@agl/store-memory'
import { createSqliteStore } from '@agl/store-sqlite'
import type { LightningStore } from '@agl/types'
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { run } from './run.ts'

const runnerModule = JSON.stringify(pathToFileURL(fileURLToPath(new URL('../../runner/src/index.ts', import.meta.url))).href)

let folder: string
beforeEach(() => {
  // With a space: paths have them.
  folder = mkdtempSync(join(tmpdir(), 'agl runner '))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** An agent in TypeScript, as a user writes it. */
function writeAgent(name: string, ...lines: readonly string[]): string {
  const file = join(folder, name)
  writeFileSync(file, [`import { rollout } from ${runnerModule}`, ...lines].join('\n'))
  return file
}
const double = 'rollout(async (task: { number: number }) => task.number * 2)'

async function runCommand(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  let out = ''
  let err = ''
  const code = await run(['runner', ...args], { out: (text) => (out += text), err: (text) => (err += text) })
  return { code, out, err }
}

async function scores(store: LightningStore): Promise<readonly unknown[]> {
  const { items } = await store.queryRollouts({ sortBy: 'start_time' })
  const pages = await Promise.all(items.map(({ rollout_id: rolloutId }) => store.querySpans({ rolloutId })))
  return pages.map((page) => page.items.at(-1)?.attributes['agentlightning.reward.0.value'])
}

describe('agl runner', () => {
  it('runs an agent on the rollouts of a server, with its token', async () => {
    const store = createMemoryStore()
    await store.enqueueManyRollouts({ rollouts: [{ input: { number: 2 } }, { input: { number: 3 } }] })
    const server = createStoreServer({ store, port: 0, tokens: [{ token: 'a-token-for-a-runner', role: 'runner' }] })
    const { url } = await server.start()
    const agent = writeAgent('agent.ts', `export const agent = ${double}`)
    const flags = ['--agent', agent, '--max-rollouts', '2', '--concurrency', '2', '--log-level', 'silent']
    expect(await runCommand('--store', url, '--token', 'a-token-for-a-runner', ...flags)).toMatchObject({
      code: 0,
      out: '{"attempts":2}\n',
    })
    expect(await scores(store)).toEqual([4, 6])
    const refused = await runCommand('--store', url, ...flags)
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('Expected a token')])
    await server.close()
    await store.close()
  })

  it('serves what it counts while it runs, and tells each line as JSON with who says it', async () => {
    const file = join(folder, 'store.db')
    const store = createSqliteStore({ file, durability: 'normal' })
    await store.enqueueRollout({ input: { number: 5 } })
    const agent = writeAgent('agent.ts', `export const agent = ${double}`)
    const stop = new AbortController()
    const lines: Record<string, unknown>[] = []
    const running = run(
      ['runner', '--store', file, '--agent', agent, '--metrics-port', '0', '--log-level', 'info,runner=debug'],
      {
        out: () => {},
        err: (text) => lines.push(JSON.parse(text)),
        signal: stop.signal,
      },
    )
    await vi.waitFor(() => expect(lines).toContainEqual(expect.objectContaining({ component: 'runner' })), { timeout: 10_000 })
    const { url } = lines.find(({ message }) => message === 'Serving metrics') ?? {}
    const text = await vi.waitFor(async () => {
      const read = await (await fetch(String(url))).text()
      expect(read).toContain('agl_runner_attempts_total{outcome="scored",mode="unknown"} 1')
      return read
    })
    expect(text).toContain('agl_tracer_spans_total')
    stop.abort()
    expect(await running).toBe(0)
    await expect(fetch(String(url))).rejects.toThrow()
    expect(new Set(lines.map(({ component }) => component))).toEqual(new Set([undefined, 'runner']))
    await store.close()
  })

  it('tells what is beyond a threshold of a file', async () => {
    const file = join(folder, 'store.db')
    const store = createSqliteStore({ file, durability: 'normal' })
    await store.enqueueRollout({ input: { number: 5 } })
    const agent = writeAgent('agent.ts', "export const agent = rollout(() => { throw new Error('no idea') })")
    const thresholds = join(folder, 'thresholds.yaml')
    const rule = '{ name: agents fail, metric: agl_runner_attempts_total, labels: { outcome: agent_error }, above: 0 }'
    writeFileSync(thresholds, `thresholds:\n  - ${rule}\n`)
    const flags = ['--store', file, '--agent', agent, '--max-rollouts', '1', '--no-trace', '--log-level', 'error,thresholds=warn']
    const { code, err } = await runCommand(...flags, '--thresholds', thresholds)
    expect(code).toBe(0)
    expect(JSON.parse(err)).toMatchObject({ component: 'thresholds', level: 'warn', rule: 'agents fail', value: 1, limit: 0 })
    writeFileSync(thresholds, 'thresholds: [{ metric: agl_runner_attempts_total, over: 0 }]')
    expect(await runCommand(...flags, '--thresholds', thresholds)).toMatchObject({
      code: 2,
      err: expect.stringContaining('over'),
    })
    expect(await runCommand(...flags, '--thresholds', `${thresholds}.gone`)).toMatchObject({ code: 2 })
    await store.close()
  })

  it('runs one of several agents on the rollouts of a file', async () => {
    const file = join(folder, 'store.db')
    const store = createSqliteStore({ file, durability: 'normal' })
    await store.enqueueRollout({ input: { number: 5 } })
    const agent = writeAgent('agents.ts', `export const clerk = ${double}`, 'export const other = rollout(async () => 0)')
    expect(await runCommand('--store', file, '--agent', `${agent}#clerk`, '--max-rollouts', '1', '--no-trace')).toMatchObject({
      code: 0,
    })
    expect(await scores(store)).toEqual([10])
    await store.close()
  })

  it('is told to stop by a signal and hands back what it runs', async () => {
    const file = join(folder, 'store.db')
    const store = createSqliteStore({ file, durability: 'normal' })
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
    const agent = writeAgent('agent.ts', 'export default rollout(() => new Promise(() => {}))')
    const main = fileURLToPath(new URL('main.ts', import.meta.url))
    const options = ['--conditions=@agl/source', '--disable-warning=ExperimentalWarning', main, 'runner']
    const child = spawn(process.execPath, [...options, '--store', file, '--agent', agent, '--log-level', 'silent'], {
      stdio: 'pipe',
    })
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    await vi.waitFor(async () => expect(await store.getLatestAttempt({ rolloutId })).not.toBeNull(), { timeout: 15_000 })
    child.kill('SIGINT')
    const [code] = (await once(child, 'exit')) as [number]
    expect([code, out]).toEqual([0, '{"attempts":1}\n'])
    expect(await store.getRolloutById({ rolloutId })).toMatchObject({ status: 'requeuing' })
    await store.close()
  })

  test.each([
    [['--store', 'mongodb://x', '--agent', 'AGENT#one'], /http:\/\/…, https:\/\/…, redis:\/\/…/],
    [['--store', 'x.db', '--agent', 'missing.ts'], /missing.ts cannot be loaded/],
    [['--store', 'x.db', '--agent', 'AGENT#nobody'], /to export an agent "nobody".*It exports one, two, three/],
    [['--store', 'x.db', '--agent', 'AGENT'], /one agent, or which of one, two, as in .*#one/],
    [['--store', 'x.db', '--agent', 'AGENT#one', '--namespace', 'n'], /--namespace means nothing to a file/],
    [['--store', 'x.db', '--agent', 'AGENT', '--concurrency', '0'], /whole number of at least 1/],
    [['--store', 'x.db'], /--agent/],
  ])('refuses %j with status 2 and says why', async (args, words) => {
    const agent = writeAgent(
      'agents.ts',
      `export const one = ${double}`,
      `export const two = ${double}`,
      'export const three = 3',
    )
    const { code, err } = await runCommand(...args.map((arg) => arg.replace('AGENT', agent)))
    expect(err).toMatch(words)
    expect(code).toBe(2)
  })
})
