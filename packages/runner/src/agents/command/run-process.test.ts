import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createMemoryStore } from '@agl/store-memory'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { modelAt, play, type Played } from '../test-rollout.test-support.ts'
import { commandAgent } from './command-agent.ts'
import type { CommandAgentOptions } from './options.ts'
import { node, run, said, tell, told } from './program.test-support.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'command-agent-test-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** Whether a process is there and no zombie. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('how it ends', () => {
  it('with another exit code than 0: its error, with the last that it said', async () => {
    const { outcome, message, spans } = await run(
      `console.log('{"reward": 1}'); console.error('Traceback: boom'); process.exit(2)`,
    )
    expect(outcome).toBe('agent_error')
    expect(message).toBe("The agent's program ended with exit code 2: Traceback: boom")
    const operation = spans.find(({ name }) => name === 'agentlightning.operation')!
    expect(operation).toMatchObject({
      status: { status_code: 'ERROR' },
      attributes: {
        'agentlightning.operation.name': 'command',
        'agentlightning.operation.input.command': node,
        'agentlightning.operation.output.exit_code': 2,
      },
    })
    expect([said(spans, 'stdout'), said(spans, 'stderr')]).toEqual(['{"reward": 1}\n', 'Traceback: boom\n'])
  })

  it('in a span that tells the arguments as they are written, not what they were filled in with', async () => {
    const { spans } = await run('', { args: ['--key', '{api_key}'] }, null, {
      resources: modelAt('http://m', { api_key: 'sk-1' }),
    })
    expect(JSON.stringify(spans)).not.toContain('sk-1')
    expect(JSON.stringify(spans)).toContain('{api_key}')
  })

  it.each([
    ['there is no such program', { command: 'no-such-program-of-anybody' }, 'no such program (ENOENT); install it'],
    ['there is no such folder', { cwd: '/no/such/folder' }, 'in /no/such/folder: there is no such folder'],
    ['an argument holds a NUL', { args: ['a\0b'] }, 'holds a NUL'],
    ['an argument is too long', { args: ['x'.repeat(3_000_000)] }, '(E2BIG); hand the task over on stdin'],
    ['its folder cannot be copied', { cwd: { temporary: true, copyOf: '/no/such/folder' } }, 'A copy of /no/such/folder'],
  ] as const)('%s: our error that says what to do', async (_what, options, text) => {
    const { outcome, message } = await run('', options)
    expect(outcome).toBe('infra_error')
    expect(message).toContain(text)
  })

  it.skipIf(process.platform === 'win32')('a program may not be executed: our error that says what to do', async () => {
    const command = join(folder, 'agent.sh')
    await writeFile(command, '#!/bin/sh\nexit 0\n')
    expect(await play(commandAgent({ command }), null)).toMatchObject({
      outcome: 'infra_error',
      message: expect.stringContaining('chmod +x'),
    })
    await chmod(command, 0o755)
    expect(await play(commandAgent({ command }), null)).toMatchObject({ outcome: 'completed' })
  })

  it('in a folder of its own that begins as a copy, and is gone afterwards', async () => {
    await mkdir(join(folder, 'inner'))
    await writeFile(join(folder, 'inner', 'data.txt'), 'given')
    const program = `const fs = require('fs'); const text = fs.readFileSync('inner/data.txt', 'utf8'); fs.writeFileSync('inner/data.txt', 'changed'); ${tell('[text, process.cwd()]')}`
    const options = { cwd: { temporary: true, copyOf: folder } } as const
    const [first, second] = [await run(program, options), await run(program, options)].map(
      (played) => told(played) as [string, string],
    )
    expect([first![0], second![0]]).toEqual(['given', 'given'])
    expect(first![1]).not.toBe(second![1])
    expect([existsSync(first![1]), existsSync(second![1])]).toEqual([false, false])
  })
})

describe('what it writes', () => {
  it('of any length costs what is kept, and the reward in its last line is found', async () => {
    const program = `const line = 'x'.repeat(9999) + '\\n'; for (let i = 0; i < 2000; i++) require('fs').writeSync(1, line); console.log('{"reward": 0.5}')`
    const { reward, spans } = await run(program, { maxOutputBytes: 1024 })
    expect(reward).toBe(0.5)
    const text = said(spans, 'stdout')!
    expect(text.length).toBeLessThan(1200)
    expect(text).toContain('bytes left out')
    expect(spans.find(({ attributes }) => attributes['stream'] === 'stdout')!.attributes['cut_bytes']).toBe(20_000_016 - 1024)
  })

  it('may be any bytes', async () => {
    const program = `process.stdout.write(Buffer.from([0, 255, 254, 195, 40, 0, 10])); console.log('{"reward": 1}')`
    const { outcome, spans } = await run(program)
    expect(outcome).toBe('scored')
    expect(said(spans, 'stdout')).toBe('\0\uFFFD\uFFFD\uFFFD(\0\n{"reward": 1}\n')
  })

  it('without end is ended with the attempt, and kept', async () => {
    const program = `const write = () => process.stdout.write('spam '.repeat(1000), write); write()`
    const { rollout, spans } = await run(program, {}, null, { config: { timeout_seconds: 0.4 } })
    expect(rollout.attempt.status).toBe('timeout')
    expect(said(spans, 'stdout')).toContain('bytes left out')
    const { attributes } = spans.find(({ name }) => name === 'agentlightning.operation')!
    expect(attributes['agentlightning.operation.output.signal']).toBe('SIGTERM')
  })
})

describe.skipIf(process.platform === 'win32')('nothing of it is left', () => {
  const pids = async (): Promise<readonly number[]> => (await readdir(folder)).map(Number).filter((pid) => pid > 0)
  /** Leaves its process id in the folder, and stays. */
  const staying = (more = ''): string =>
    `require('fs').writeFileSync(process.env.FOLDER + '/' + process.pid, ''); ${more}; setInterval(() => {}, 1000)`
  /** Starts another one of these. @param stdio `inherit` holds the pipes of its parent */
  const withChild = (program: string, options: string): string =>
    `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(program)}], ${options})`
  const started = (count: number): Promise<void> => vi.waitFor(async () => expect(await pids()).toHaveLength(count), 5000)
  const gone = (): Promise<void> => vi.waitFor(async () => expect((await pids()).filter(isRunning)).toEqual([]), 5000)

  async function stopped(program: string, count: number, options: Partial<CommandAgentOptions<never>> = {}): Promise<Played> {
    const store = createMemoryStore()
    const stop = new AbortController()
    const runner = { leaseMs: 150 }
    const playing = run(program, { env: { FOLDER: folder }, killGraceMs: 100, ...options }, null, {
      store,
      runner,
      rollout_id: 'ro-stopped',
    })
    await started(count)
    await store.cancelRollouts({ rolloutIds: ['ro-stopped'] })
    const played = await playing
    stop.abort()
    await gone()
    await store.close()
    return played
  }

  it('when it is cancelled, even if it ignores SIGTERM', async () => {
    const deaf = `process.on('SIGTERM', () => console.log('no'))`
    const { outcome, spans } = await stopped(staying(deaf), 1)
    expect(outcome).toBe('cancelled')
    expect(said(spans, 'stdout')).toBe('no\n')
  })

  it('of what it has started, either', async () => {
    const deaf = staying(`process.on('SIGTERM', () => {})`)
    const program = `${withChild(deaf, `{ stdio: 'inherit' }`)}; ${withChild(deaf, `{ stdio: 'ignore' }`)}; ${staying()}`
    expect(await stopped(program, 3)).toMatchObject({ outcome: 'cancelled' })
  })

  it('when it ends by itself and leaves something running', async () => {
    for (const stdio of ['inherit', 'ignore']) {
      const waiting = `const timer = setInterval(() => { if (require('fs').readdirSync(process.env.FOLDER).length > 0) { console.log('{"reward": 1}'); process.exit(0) } }, 10)`
      const program = `${withChild(staying(), `{ stdio: '${stdio}' }`)}; ${waiting}`
      const { reward } = await run(program, { env: { FOLDER: folder }, killGraceMs: 100 })
      expect(reward).toBe(1)
      await gone()
    }
  })

  it('but what has left its group, which nobody waits for', async () => {
    const waiting = `setInterval(() => { if (require('fs').readdirSync(process.env.FOLDER).length > 0) process.exit(0) }, 10)`
    const program = `${withChild(staying(), `{ stdio: 'inherit', detached: true }`)}; ${waiting}`
    expect(await run(program, { env: { FOLDER: folder }, killGraceMs: 50 })).toMatchObject({ outcome: 'completed' })
    const [pid] = await pids()
    expect(isRunning(pid!)).toBe(true)
    process.kill(pid!, 'SIGKILL')
  })

  it('once this process exits', async () => {
    const agentFile = new URL('./command-agent.ts', import.meta.url).href
    const program = `
      import { commandAgent } from ${JSON.stringify(agentFile)}
      const emit = { operation: (_, work) => work({ setInput() {}, setOutput() {} }), message() {} }
      const rollout = { rollout_id: 'r', mode: null, attempt: { attempt_id: 'a' } }
      const context = { emit, rollout, resources: {}, seed: 1, signal: new AbortController().signal }
      const agent = commandAgent({ command: process.execPath, args: ['-e', ${JSON.stringify(staying())}] })
      void agent.rollout(null, context)
      const { readdirSync } = await import('node:fs')
      setInterval(() => { if (readdirSync(process.env.FOLDER).length > 0) process.exit(0) }, 10)
    `
    const file = join(folder, 'runner.mjs')
    const inner = join(folder, 'pids')
    await mkdir(inner)
    await writeFile(file, program)
    await promisify(execFile)(node, ['--conditions=@agl/source', file], { env: { ...process.env, FOLDER: inner } })
    const [pid] = (await readdir(inner)).map(Number)
    await vi.waitFor(() => expect(isRunning(pid!)).toBe(false), 5000)
  })
})
