import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Span } from '@agl/types'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
let out: string
beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'sft-shop-desk-'))
})
afterAll(async () => {
  await rm(out, { recursive: true })
})

function run(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--conditions=@agl/source', main, ...args], { timeout: 240_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}
const lines = <Line>(text: string): Line[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)

interface ResultLine {
  readonly before: number
  readonly after: number
  readonly interval: readonly [number, number]
  readonly control?: string
}

describe('the demo', () => {
  it('learns, its control does not, and everything it says is in the files', { timeout: 300_000 }, async () => {
    const { code, stdout, stderr } = await run('--json', '--seed', '1', '--out', out)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const [control, result, ...rest] = lines<ResultLine>(stdout) as [ResultLine, ResultLine]
    expect(rest).toEqual([])
    expect(Object.keys(result)).toEqual(['app', 'seed', 'before', 'after', 'interval', 'seconds'])
    expect(result.before).toBeGreaterThan(0.2)
    expect(result.before).toBeLessThan(0.45)
    expect(result.after).toBeGreaterThan(0.85)
    expect(result.interval[0]).toBeGreaterThan(0.8)
    expect(control).toMatchObject({ control: 'shuffled-rewards', before: result.before })
    expect(control.after - control.before).toBeLessThan(0.05)

    const rollouts = lines<{ labels: Record<string, string>; attempt: { outcome: string } }>(
      await readFile(join(out, 'rollouts.jsonl'), 'utf8'),
    )
    expect(rollouts).toHaveLength(4 * 128 * 4 + 5 * 256 + 2 * 400)
    expect(new Set(rollouts.map(({ attempt }) => attempt.outcome))).toEqual(new Set(['scored']))
    const spans = lines<Span>(await readFile(join(out, 'spans.jsonl'), 'utf8'))
    const calls = spans.filter(({ name }) => name === 'openai.chat.completion')
    // What did not fit the context was refused: such a call has nothing that was sampled.
    const answered = calls.filter(({ status }) => status.status_code === 'OK')
    expect(answered.length / calls.length).toBeGreaterThan(0.99)
    for (const key of ['prompt_token_ids', 'response_token_ids']) {
      expect(answered.filter(({ attributes }) => !Array.isArray(attributes[key]) || attributes[key].length === 0)).toEqual([])
    }
    // The same sampling settings before, during and after.
    expect(new Set(calls.map(({ attributes }) => attributes['gen_ai.request.temperature']))).toEqual(new Set([1]))
    expect(spans.filter(({ attributes }) => 'agentlightning.reward.0.value' in attributes)).toHaveLength(rollouts.length)
    expect(await readFile(join(out, 'learning-curve.svg'), 'utf8')).toMatch(/^<svg/)
    expect(await readFile(join(out, 'transcript.txt'), 'utf8')).toMatch(/right answer/)
  })
})

describe('the command line', () => {
  it('teaches with --help', async () => {
    const { code, stdout } = await run('--help')
    expect(code).toBe(0)
    expect(stdout).toMatch(/--heldout-seed/)
  })

  it.each([
    [['--sede', '1'], /--sede/],
    [['--iterations', '0'], /--iterations 0/],
    [['--seed', 'one'], /--seed one/],
    [['--seed'], /--seed/],
  ])('refuses %j, says why, and points to the help', async (args, text) => {
    const { code, stdout, stderr } = await run(...args)
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(text)
    expect(stderr).toMatch(/Try --help/)
  })
})
