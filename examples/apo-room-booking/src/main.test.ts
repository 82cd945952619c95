import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { readArtifact } from '@agl/algorithms'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ScriptedModels, startScriptedModels } from './scripted-models.test-support.ts'

const program = fileURLToPath(new URL('main.ts', import.meta.url))
let models: ScriptedModels
let out: string
beforeAll(async () => {
  models = await startScriptedModels()
  out = await mkdtemp(join(tmpdir(), 'apo-room-booking-'))
})
afterAll(async () => {
  await models.close()
  await rm(out, { recursive: true, force: true })
})

function run(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    const { OPENAI_API_KEY: _, ...env } = process.env
    const flags = ['--conditions=@agl/source', program, ...args]
    execFile(process.execPath, flags, { timeout: 60_000, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

const runWith = (critic: string, ...args: readonly string[]): ReturnType<typeof run> =>
  run('--base-url', models.baseUrl, '--model', 'clerk', '--optimizer-model', critic, '--json', '--seed', '1', ...args)

describe('apo-room-booking', () => {
  it('finds rules that the first prompt leaves unsaid, and writes a prompt to import', { timeout: 60_000 }, async () => {
    const folder = join(out, 'critic')
    const { code, stdout, stderr } = await runWith('critic', '--out', folder)
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/plan:\n {2}3 rounds [^]*at most \d+ rollouts/),
    })
    const line = JSON.parse(stdout.trim().split('\n').at(-1)!) as { before: number; interval: [number, number] }
    expect(Object.keys(line)).toEqual(['app', 'seed', 'before', 'after', 'interval', 'seconds'])
    expect(line.interval[0]).toBeGreaterThan(line.before + 0.1)

    const artifact = await readArtifact(folder)
    expect(artifact).toMatchObject({ verdict: 'improved', replay: { agrees: true } })
    expect(artifact.test!.gain.low).toBeGreaterThan(0.1)
    const { prompt } = (await import(pathToFileURL(join(folder, 'resources.ts')).href)) as { prompt: { template: string } }
    expect(prompt).toEqual(artifact.resources['prompt'])
    expect(prompt.template).toMatch(/seats|list|stairs/)
    // The critic sees what the grader said, and is told nothing of the right room.
    expect(await readFile(join(folder, 'report.md'), 'utf8')).toContain('> Say: ')

    const paid = { ...models.calls }
    const again = await runWith('critic', '--out', folder)
    expect({ ...(JSON.parse(again.stdout) as object), seconds: 0 }).toEqual({ ...line, seconds: 0 })
    // Each program asks both models whether they are there, and pays for nothing twice.
    expect(models.calls).toEqual({ clerk: paid['clerk']! + 1, critic: paid['critic']! + 1 })
  })

  it('control: with a critic that says words at random there is no gain', { timeout: 60_000 }, async () => {
    const folder = join(out, 'babbler')
    const { code, stderr } = await runWith('babbler', '--out', folder, '--rounds', '2')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const { verdict, test, lineage } = await readArtifact(folder)
    expect(verdict).toBe('no_significant_difference')
    expect(test!.gain.low).toBeLessThanOrEqual(0)
    expect(lineage.length).toBeGreaterThan(5)
  })

  it('says how to get a model when none is given', async () => {
    const { code, stderr } = await run()
    expect(code).toBe(1)
    expect(stderr).toMatch(/ollama pull [^]*lms server start[^]*OPENAI_API_KEY/)
  })

  it('says what is wrong before it spends anything', async () => {
    const before = models.calls['clerk']
    const gone = await run('--base-url', 'http://127.0.0.1:9/v1', '--model', 'clerk', '--out', join(out, 'gone'))
    expect(gone).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('http://127.0.0.1:9/v1/chat/completions gave no answer'),
    })
    const unpriced = await runWith('critic', '--budget-usd', '1')
    expect(unpriced).toMatchObject({ code: 1, stderr: expect.stringContaining('--price clerk=<input>,<output>') })
    const cheap = ['--budget-usd', '0.00001', '--price', 'clerk=1,1', '--price', 'critic=1,1', '--out', join(out, 'cheap')]
    const broke = await runWith('critic', ...cheap)
    expect(broke).toMatchObject({ code: 1, stderr: expect.stringMatching(/limit of 0.00001 US dollars.*Raise budget.usd/) })
    const wrong = await run('--base-url', models.baseUrl, '--tasks', '3')
    expect(wrong.stderr).toMatch(/--model: say which model.*\n--tasks 3: expected 20 or more/)
    expect(models.calls['clerk']! - before!).toBeLessThan(60)
  })

  it('--help tells the options', async () => {
    const { code, stdout } = await run('--help')
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('--budget-usd') })
  })
})
