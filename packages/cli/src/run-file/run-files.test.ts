import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createSqliteStore } from '@agl/store-sqlite'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, test, vi } from 'vitest'
import { run } from '../run.ts'

const patience = { timeout: 60_000 }
const main = fileURLToPath(new URL('../main.ts', import.meta.url))
const sourceOf = (name: string): string =>
  JSON.stringify(pathToFileURL(fileURLToPath(new URL(`../../../${name}/src/index.ts`, import.meta.url))).href)

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agl run '))
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(name: string, ...lines: readonly string[]): string {
  const file = join(folder, name)
  writeFileSync(file, lines.join('\n'))
  return file
}

/** What a user writes: an agent, tasks, an algorithm, resources and a configuration. */
function writeProject(...more: readonly string[]): string {
  write(
    'agent.ts',
    `import { rollout } from ${sourceOf('runner')}`,
    'interface Task { readonly n: number }',
    'export const clerk = rollout<Task>(async ({ n }, { promptTemplate }) => n * promptTemplate.template.length)',
    'export const hanging = rollout<Task>(() => new Promise(() => {}))',
  )
  write('tasks.jsonl', '{ "n": 1 }', '', '{ "n": 2 }', '')
  write('resources.yaml', 'prompt: { resource_type: prompt_template, template: abc, engine: f-string }')
  write(
    'algorithm.ts',
    `import { algo, collectRollouts } from ${sourceOf('algorithms')}`,
    'export function createSum({ times = 1, isFast = false }: { times?: number; isFast?: boolean }) {',
    "  const sum = algo('sum', async (context) => {",
    '    const requests = Array.from(context.trainDataset, (input) => ({ input: input as { n: number } }))',
    '    const onFinished = (done: number, total: number) =>',
    "      context.report({ type: 'phase', phase: 'summing', step: 0, done, total, reward: null })",
    '    const collected = await collectRollouts(context, requests, { onFinished })',
    '    const sum = times * collected.reduce((whole, { reward }) => whole + (reward ?? 0), 0)',
    "    context.report({ type: 'metrics', step: 0, metrics: { sum } })",
    '    return { sum, pid: process.pid }',
    '  })',
    '  return { ...sum, isFast }',
    '}',
  )
  return write(
    'config.yaml',
    'agent: ./agent.ts#clerk',
    'trainDataset: tasks.jsonl',
    'algorithm: { type: ./algorithm.ts#createSum, times: 10 }',
    'store: { type: sqlite, file: ./run.db, durability: normal }',
    'initialResources: resources.yaml',
    ...more,
  )
}

function start(...args: readonly string[]): ChildProcess {
  const options = ['--conditions=@agl/source', '--disable-warning=ExperimentalWarning', main, 'run']
  const child = spawn(process.execPath, [...options, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, SUM: '7' },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

async function endOf(child: ChildProcess): Promise<Ended> {
  let out = ''
  let err = ''
  child.stdout!.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr!.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

async function statuses(): Promise<Readonly<Record<string, number>>> {
  const store = createSqliteStore({ file: join(folder, 'run.db'), durability: 'normal' })
  const { items } = await store.queryRollouts()
  await store.close()
  return Object.fromEntries(
    Object.entries(Object.groupBy(items, ({ status }) => status)).map(([status, rollouts]) => [status, rollouts!.length]),
  )
}

const lastLine = (text: string): unknown => JSON.parse(text.trim().split('\n').at(-1)!)

describe('agl run', () => {
  it.each([[], ['--strategy', 'ipc', '--n-runners=2', '--strategy.max-restarts', '0']])(
    'trains an agent as a file says %j',
    patience,
    async (...flags) => {
      const config = writeProject('runner: { concurrency: 2, leaseMs: 60000 }')
      const { code, out, err } = await endOf(start(config, ...flags))
      expect({ code, err }).toMatchObject({ code: 0 })
      expect(lastLine(out)).toMatchObject({
        runId: expect.stringMatching(/^run-/) as string,
        completedIterations: 1,
        result: { sum: 90 },
      })
      expect(err).toContain('step 0 done: sum 90')
      expect(err).not.toContain('\u001b')
      // Two tasks, and the record of the run.
      expect(await statuses()).toMatchObject({ succeeded: 3 })
    },
  )

  it('takes flags over files, and files over files', patience, async () => {
    const config = writeProject('log: { level: info }')
    const over = write('over.yaml', 'algorithm: { times: "${SUM}" }', 'trainDataset: ./tasks.ts#tasks', 'log: { level: silent }')
    write('tasks.ts', 'export const tasks = async (): Promise<unknown> => [{ n: 5 }]')
    const { code, out, err } = await endOf(start(config, over, '--store', 'memory'))
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(lastLine(out)).toMatchObject({ result: { sum: 105 } })
    expect(existsSync(join(folder, 'run.db'))).toBe(false)
  })

  it('logs its progress where all lines are to be JSON', patience, async () => {
    const { code, err } = await endOf(start(writeProject('log: { format: json }')))
    const lines = err
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
    expect(code).toBe(0)
    expect(lines).toContainEqual(expect.objectContaining({ component: 'progress', message: 'step 0 done: sum 90' }))
  })

  it('serves what is counted, and tells what is beyond a threshold', patience, async () => {
    const rule = '{ name: busy, metric: agl_runner_attempts_total, above: 1, webhook: "http://127.0.0.1:9/${HOOK}" }'
    const config = writeProject(`thresholds: [${rule}]`, 'strategy: ipc', 'metricsPort: 0', 'log: { format: json }')
    vi.stubEnv('HOOK', 'sesame')
    onTestFinished(() => void vi.unstubAllEnvs())
    const { code, err } = await endOf(start(config))
    expect(code).toBe(0)
    expect(err).toMatch(/"component":"thresholds","rule":"busy".*"A threshold is breached"/)
    expect(err).toMatch(/"url":"http:.*"Serving metrics"/)
    const printed = await inProcess(config, '--print-config')
    expect(JSON.parse(printed.out)).toMatchObject({ thresholds: [{ name: 'busy', above: 1, webhook: '[redacted]' }] })
    expect(printed.out).not.toContain('sesame')
  })

  it('prints what it would run with, without secrets, and runs nothing', async () => {
    const config = writeProject()
    const { code, out } = await inProcess(
      config,
      '--print-config',
      '--store',
      'http',
      '--store.url=http://h',
      '--store.token',
      'hunter22',
    )
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      agent: pathToFileURL(join(folder, 'agent.ts')).href + '#clerk',
      initialResources: join(folder, 'resources.yaml'),
      store: { type: 'http', url: 'http://h', token: '[redacted]' },
      strategy: { type: 'shm' },
      nRunners: 1,
    })
    expect(existsSync(join(folder, 'run.db'))).toBe(false)
  })

  it('runs a fast algorithm of its own for --dry-run', patience, async () => {
    const config = writeProject()
    const over = write('over.yaml', 'algorithm: { isFast: true }')
    const { code, out } = await endOf(start(config, over, '--dry-run'))
    expect([code, lastLine(out)]).toMatchObject([0, { result: { sum: 90 } }])
  })

  it('leaves nothing running when it is interrupted, and says so by its status', patience, async () => {
    const config = writeProject()
    const child = start(config, '--agent', join(folder, 'agent.ts#hanging'), '--runner.shutdown-grace-ms', '10')
    const ended = endOf(child)
    await vi.waitFor(async () => expect(await statuses()).toEqual({ preparing: 1, queuing: 1 }), { timeout: 30_000 })
    child.kill('SIGINT')
    const { code, out, err } = await ended
    expect([code, out]).toEqual([130, ''])
    expect(err).toContain('Interrupted by SIGINT')
    expect(await statuses()).toEqual({ cancelled: 2 })
  })

  it('follows its files: applies what may change, and tells what waits', patience, async () => {
    const config = writeProject('log: { level: warn }')
    const child = start(config, '--agent', join(folder, 'agent.ts#hanging'), '--runner.shutdown-grace-ms', '10')
    let err = ''
    child.stderr!.on('data', (chunk: Buffer) => (err += chunk.toString()))
    await vi.waitFor(async () => expect(await statuses()).toMatchObject({ preparing: 1 }), { timeout: 30_000 })
    writeProject('log: { level: info }', 'runner: { concurrency: 9, leaseMs: 50000 }')
    await vi.waitFor(() => expect(err).toMatch(/"warn".*"needsRestart":"runner.leaseMs".*waits until the run is started again/), {
      timeout: 30_000,
    })
    expect(err).toMatch(
      /"applied":"(?:runner.concurrency, log.level|log.level, runner.concurrency)","message":"The configuration changed"/,
    )
    await vi.waitFor(async () => expect(await statuses()).toMatchObject({ preparing: 2 }), { timeout: 30_000 })
    writeProject('log: { level: loud }')
    await vi.waitFor(() => expect(err).toMatch(/"warn".*loud/), { timeout: 30_000 })
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await ended).toEqual([130, null])
  })

  it('fails with status 1 when the algorithm does', patience, async () => {
    write('broken.ts', "export const broken = { name: 'broken', run: () => Promise.reject(new Error('no idea')) }")
    const { code, out, err } = await endOf(start(writeProject(), '--algorithm', join(folder, 'broken.ts#broken')))
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain('agl: no idea')
  })

  it('explains itself', async () => {
    const { code, out } = await inProcess('--help')
    expect(code).toBe(0)
    for (const words of [
      '--dry-run',
      '--runner.concurrency <number>',
      '--strategy.max-restarts',
      '# config.yaml',
      'which algorithm',
    ]) {
      expect(out).toContain(words)
    }
  })

  test.each([
    [[], /at agent, in the defaults|--agent/],
    [['nowhere.yaml'], /nowhere\.yaml cannot be read/],
    [['CONFIG', '--runner.concurency', '3'], /no flag --runner\.concurency; did you mean --runner\.concurrency/],
    [['CONFIG', '--n-runners', '0'], /nRunners/],
    [['CONFIG', '--agent', 'FOLDER/agent.ts#nobody'], /to export an agent "nobody".*clerk/],
    [['CONFIG', '--train-dataset', 'FOLDER/gone.jsonl'], /gone\.jsonl/],
    [['CONFIG', '--train-dataset', 'FOLDER/bad.jsonl'], /Expected JSON in .*bad\.jsonl, line 2/],
    [['CONFIG', '--train-dataset', 'FOLDER/object.json'], /object\.json to hold a list of tasks; got an object/],
    [['CONFIG', '--train-dataset', 'FOLDER/tasks.xlsx'], /ends in \.jsonl.*tasks\.xlsx/],
    [['CONFIG', '--strategy', 'k8s'], /There is no strategy "k8s"/],
    [
      ['--agent', './agent.ts#clerk', '--algorithm', 'sft', '--algorithm.endpoint', 'http://h/v1'],
      /expected tasks for the algorithm "sft"/,
    ],
  ])('refuses %j with status 2 and says why', async (args, words) => {
    const config = writeProject()
    write('bad.jsonl', '1', '{')
    write('object.json', '{}')
    const { code, err } = await inProcess(...args.map((arg) => arg.replace('CONFIG', config).replace('FOLDER', folder)))
    expect(err).toMatch(words)
    expect(code).toBe(2)
  })
})

async function inProcess(...args: readonly string[]): Promise<Ended & { readonly code: number }> {
  let out = ''
  let err = ''
  const code = await run(['run', ...args], { out: (text) => (out += text), err: (text) => (err += text) })
  return { code, out, err }
}
