import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
let out = ''
beforeAll(async () => void (out = await mkdtemp(join(tmpdir(), 'apo-shop-desk-'))))
afterAll(async () => rm(out, { recursive: true }))

function run(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--conditions=@agl/source', main, ...args], { timeout: 240_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

interface ResultLine {
  readonly before: number
  readonly after: number
  readonly interval: readonly [number, number]
  readonly control?: string
}

describe('the demo', () => {
  it('finds a prompt that serves more customers, and its control does not', { timeout: 300_000 }, async () => {
    const small = ['--heldout', '120']
    const { code, stdout, stderr } = await run('--json', '--seed', '1', '--out', out, ...small)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const [control, result, ...rest] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ResultLine) as [ResultLine, ResultLine]
    expect(rest).toEqual([])
    expect(Object.keys(result)).toEqual(['app', 'seed', 'before', 'after', 'interval', 'seconds'])
    expect(result.before).toBeLessThan(0.2)
    expect(result.interval[0]).toBeGreaterThan(result.before + 0.2)
    expect(control).toMatchObject({ control: 'random-words', before: result.before })
    expect(stderr).toMatch(/Control .*: (not significant|a loss)/)

    const module: unknown = await import(pathToFileURL(join(out, 'resources.ts')).href)
    expect(module).toMatchObject({ prompt: { resource_type: 'prompt_template' } })
    expect(await readFile(join(out, 'report.md'), 'utf8')).toMatch(/^# apo: improved/)
    expect(stderr).toMatch(/specialist, taught these roles/)
    expect(stderr).toMatch(/critique: /)
  })
})

describe('the command line', () => {
  it('teaches with --help', async () => {
    const { code, stdout } = await run('--help')
    expect(code).toBe(0)
    expect(stdout).toMatch(/ollama pull/)
  })

  it.each([
    [['--sede', '1'], /--sede/],
    [['--rounds', '0'], /--rounds 0/],
    [['--mode', 'best'], /--mode best/],
    [['--base-url', 'http://127.0.0.1:1'], /--base-url is about a model elsewhere/],
  ])('refuses %j, says why, and points to the help', async (args, text) => {
    const { code, stderr } = await run(...args)
    expect(code).toBe(1)
    expect(stderr).toMatch(text)
    expect(stderr).toMatch(/--help/)
  })
})
