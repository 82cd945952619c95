import { existsSync } from 'node:fs'
import { createMemoryStore } from '@agl/store-memory'
import { keepJsonSource, type LightningStore } from '@agl/types'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { modelAt, play, promptOf } from '../test-rollout.test-support.ts'
import { commandAgent } from './command-agent.ts'
import type { CommandAgentOptions } from './options.ts'
import { node, run, tell, told } from './program.test-support.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

describe('the task', () => {
  const task = { question: 'What is 2 + 2?', options: [1, { deep: 'x' }] }
  const readStdin = tell(`JSON.parse(require('fs').readFileSync(0, 'utf8') || 'null')`)

  it('comes on stdin as JSON, whole, however long', async () => {
    expect(told(await run(readStdin, {}, task))).toEqual(task)
    const long = { text: 'é'.repeat(2_000_000) }
    const length = tell(`JSON.parse(require('fs').readFileSync(0, 'utf8')).text.length`)
    expect(told(await run(length, {}, long))).toBe(2_000_000)
  })

  it('comes as Python wrote it, which tells 1.0 from 1', async () => {
    const input = { x: 1 }
    keepJsonSource(input, '{"x": 1.0}')
    const program = tell(`require('fs').readFileSync(0, 'utf8')`)
    expect(told(await run(program, {}, input))).toBe('{"x": 1.0}')
  })

  it('comes as arguments, whole or by its keys, and then not on stdin', async () => {
    const args = ['--task={task}', '{task.question}', '{task.options.1.deep}', '{task.options}', '{own} {}']
    expect(told(await run(tell('process.argv.slice(1)'), { args }, task))).toEqual([
      `--task=${JSON.stringify(task)}`,
      'What is 2 + 2?',
      'x',
      '[1,{"deep":"x"}]',
      '{own} {}',
    ])
    expect(told(await run(readStdin, { args: ['{task}'] }, task))).toBeNull()
    expect(told(await run(tell('process.argv[1]'), { args: ['{task}'] }, 'as "it" is; $(rm -rf /)'))).toBe(
      'as "it" is; $(rm -rf /)',
    )
  })

  it('comes in a file that is gone afterwards', async () => {
    const program = `const path = process.env.AGL_TASK_FILE; ${tell(`[path, path === process.argv[1], JSON.parse(require('fs').readFileSync(path, 'utf8'))]`)}`
    const [path, isSame, read] = told(await run(program, { input: 'file', args: ['{task_file}'] }, task)) as [
      string,
      boolean,
      unknown,
    ]
    expect([isSame, read]).toEqual([true, task])
    expect(existsSync(path)).toBe(false)
  })

  it('is written as `formatTask` says', async () => {
    const formatTask = (given: { readonly question: string }): string => `Q: ${given.question}`
    const program = tell(`[process.argv[1], require('fs').readFileSync(0, 'utf8')]`)
    const agent = commandAgent({ command: node, args: ['-e', program, '{task}'], input: 'stdin', formatTask })
    expect(told(await play(agent, task))).toEqual(['Q: What is 2 + 2?', 'Q: What is 2 + 2?'])
  })

  it('may be left unread, by a program that closes its stdin or ends', async () => {
    const long = 'x'.repeat(1_000_000)
    const closing = `process.stdin.destroy(); setTimeout(() => console.log('{"reward": 1}'), 20)`
    expect(await run(closing, {}, long)).toMatchObject({ outcome: 'scored', reward: 1 })
    expect(await run('process.exit(0)', {}, long)).toMatchObject({ outcome: 'completed' })
  })

  it('that lacks a key the command asks for is our error', async () => {
    const { outcome, message } = await run('', { args: ['{task.answer}'] }, task)
    expect(outcome).toBe('infra_error')
    expect(message).toContain('asks for {task.answer}, which this task does not have; it has question, options')
  })
})

describe('its environment', () => {
  const names = ['OPENAI_BASE_URL', 'OPENAI_API_BASE', 'OPENAI_API_KEY', 'ANTHROPIC_BASE_URL', 'ANTHROPIC_API_KEY', 'AGL_MODEL']
  const tellNames = (...which: readonly string[]): string =>
    tell(`Object.fromEntries(${JSON.stringify(which)}.map((name) => [name, process.env[name] ?? null]))`)

  it('leads the SDKs to the model of this very attempt', async () => {
    const resources = modelAt('http://127.0.0.1:9/v1', { api_key: 'sk-gateway' })
    const played = await run(tellNames(...names), {}, null, { resources })
    const { rollout_id: rolloutId, attempt } = played.rollout
    const root = `http://127.0.0.1:9/rollout/${rolloutId}/attempt/${attempt.attempt_id}`
    expect(told(played)).toEqual({
      OPENAI_BASE_URL: `${root}/v1`,
      OPENAI_API_BASE: `${root}/v1`,
      OPENAI_API_KEY: 'sk-gateway',
      ANTHROPIC_BASE_URL: root,
      ANTHROPIC_API_KEY: 'sk-gateway',
      AGL_MODEL: 'tiny',
    })
  })

  it("never sends this process's own key to a model that has none", async () => {
    vi.stubEnv('OPENAI_API_KEY', 'sk-of-the-runner')
    const env = { MY_URL: '{root_url}/{model}', ANTHROPIC_API_KEY: null }
    const played = await run(tellNames('OPENAI_API_KEY', 'ANTHROPIC_API_KEY', 'MY_URL'), { env }, null, {
      resources: modelAt('http://m/v1'),
    })
    const { rollout_id: rolloutId, attempt } = played.rollout
    expect(told(played)).toEqual({
      OPENAI_API_KEY: 'not-needed',
      ANTHROPIC_API_KEY: null,
      MY_URL: `http://m/rollout/${rolloutId}/attempt/${attempt.attempt_id}/tiny`,
    })
  })

  it("is that of this process but for what is the runner's own; or what is named of it; or nothing", async () => {
    vi.stubEnv('AGL_TEST_SECRET', 'token of the runner')
    vi.stubEnv('OF_THE_USER', 'yes')
    const program = tellNames('AGL_TEST_SECRET', 'OF_THE_USER', 'PATH')
    const { PATH } = process.env
    expect(told(await run(program))).toEqual({ AGL_TEST_SECRET: null, OF_THE_USER: 'yes', PATH })
    expect(told(await run(program, { inheritEnv: ['PATH', 'AGL_TEST_SECRET'] }))).toEqual({
      AGL_TEST_SECRET: 'token of the runner',
      OF_THE_USER: null,
      PATH,
    })
    expect(told(await run(program, { inheritEnv: false }))).toEqual({ AGL_TEST_SECRET: null, OF_THE_USER: null, PATH: null })
  })

  it('says which rollout it is, and where to report', async () => {
    const own = ['AGL_ROLLOUT_ID', 'AGL_ATTEMPT_ID', 'AGL_SEED', 'AGL_MODE', 'AGL_STORE_URL', 'AGL_SPANS_URL', 'AGL_API_KEY']
    const otel = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'OTEL_RESOURCE_ATTRIBUTES']
    const inner = createMemoryStore()
    const store: LightningStore = {
      ...inner,
      async dequeueRollout(request) {
        const claimed = await inner.dequeueRollout(request)
        return claimed && { ...claimed, attempt_token: 'agl1.token' }
      },
    }
    const options = { storeUrl: 'http://store:4747/' }
    const played = await run(tellNames(...own, ...otel), options, null, { store, mode: 'train', metadata: { seed: 5 } })
    const { rollout_id: rolloutId, attempt } = played.rollout
    expect(told(played)).toEqual({
      AGL_ROLLOUT_ID: rolloutId,
      AGL_ATTEMPT_ID: attempt.attempt_id,
      AGL_SEED: '5',
      AGL_MODE: 'train',
      AGL_STORE_URL: 'http://store:4747',
      AGL_SPANS_URL: 'http://store:4747/v1/agl/spans',
      AGL_API_KEY: 'agl1.token',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://store:4747/v1/traces',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'authorization=Bearer%20agl1.token',
      OTEL_RESOURCE_ATTRIBUTES: `agentlightning.rollout_id=${rolloutId},agentlightning.attempt_id=${attempt.attempt_id}`,
    })
    await inner.close()
  })

  it('holds the prompt, filled in, as text and as a file', async () => {
    const formatPrompt = ({ template }: { readonly template: string }, task: string): string => template.replace('{name}', task)
    const env = { PROMPT: '{prompt}', PROMPT_FILE: '{prompt_file}' }
    const program = tell(`[process.env.PROMPT, require('fs').readFileSync(process.env.PROMPT_FILE, 'utf8')]`)
    const agent = commandAgent({ command: node, args: ['-e', program], env, formatPrompt })
    expect(told(await play(agent, 'Ada', { resources: promptOf('Hello {name}.') }))).toEqual(['Hello Ada.', 'Hello Ada.'])
    const filled = commandAgent({ command: node, args: ['-e', program], env })
    const resources = promptOf('Hello {name}.')
    expect(told(await play(filled, { name: 'Ada' }, { resources }))).toEqual(['Hello Ada.', 'Hello Ada.'])
    expect(told(await play(filled, 'no fields', { resources }))).toEqual(['Hello {name}.', 'Hello {name}.'])
    expect(agent.needs).toEqual(['prompt_template'])
    expect(await play(agent, 'Ada')).toMatchObject({
      outcome: 'infra_error',
      message: expect.stringContaining('"prompt_template"'),
    })
  })

  it('cannot hold what there is not: our error that says what to do', async () => {
    const { outcome, message } = await run('', { env: { REPORT_TO: '{store_url}' } })
    expect(outcome).toBe('infra_error')
    expect(message).toContain(
      'For the variable REPORT_TO "{store_url}" of the command there is nothing to fill in: set `storeUrl`',
    )
  })
})

describe('many at once', () => {
  it('are kept apart', async () => {
    const agent = commandAgent<number>({
      command: node,
      args: ['-e', `console.log(JSON.stringify({ reward: Number(process.argv[1]) }))`, '{task}'],
    })
    const played = await Promise.all([1, 2, 3, 4, 5].map((task) => play(agent as never, task)))
    expect(played.map(({ reward }) => reward)).toEqual([1, 2, 3, 4, 5])
  })
})

describe('options', () => {
  it.each([
    [{ comand: 'x' }, /comand/],
    [{ command: '' }, /command/],
    [{ reward: 'stdio' }, /"stdout", "file", \{ file \}/],
    [{ reward: { file: 'score.json' } }, /temporary: true/],
    [{ env: { 'A=B': 'x' } }, /env/],
    [{ cwd: { copyOf: 'x' } }, /temporary: true/],
    [{ storeUrl: 'store' }, /storeUrl/],
    [{ maxOutputBytes: 1 }, /maxOutputBytes/],
  ])('%j are refused', (options, text) => {
    expect(() => commandAgent({ command: 'x', ...options } as CommandAgentOptions)).toThrow(text)
  })

  it('tell what the placeholders need', () => {
    expect(commandAgent({ command: 'x', args: ['{model}', '{task.a}'], needs: ['custom:a'] }).needs).toEqual(['custom:a', 'llm'])
    expect(commandAgent({ command: 'x' }).needs).toEqual([])
  })
})
