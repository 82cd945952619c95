import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const program = fileURLToPath(new URL('main.ts', import.meta.url))

async function run(...args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return await promisify(execFile)(process.execPath, ['--conditions=@agl/source', program, ...args], { timeout: 120_000 })
}

interface Line {
  readonly before: number
  readonly after: number
  readonly interval: readonly [number, number]
}

describe('ab-test', () => {
  it('finds the better prompt, promotes it, routes to it, and goes back', { timeout: 150_000 }, async () => {
    const { stdout } = await run('--seed', '2')
    expect(stdout).toMatch(/difference of 0\.2 in reward is found with 80 % by 173 keys of each arm/)
    expect(stdout.match(/after \d+ customers/g)!.length).toBeGreaterThan(2)
    expect(stdout).toMatch(/Verdict: full is better than shorter; it is promoted/)
    expect(stdout).toMatch(/prompts-2\.stable points to prompts-2\.full, version 1/)
    expect(stdout).toMatch(/1000 are routed to it/)
    expect(stdout).toMatch(/the alias points to prompts-2\.shorter, version 1/)
    expect(stdout).toMatch(/3 {2}rollback {2}by example: to show the way back/)
  })

  it('gives equal results for equal seeds', { timeout: 150_000 }, async () => {
    const [one, other] = await Promise.all([run('--json'), run('--json')])
    const read = ({ stdout }: { readonly stdout: string }) => ({ ...(JSON.parse(stdout) as Line), seconds: 0 })
    expect(read(one)).toEqual(read(other))
    expect(read(one).interval[0]).toBeGreaterThanOrEqual(0)
    expect(read(one).after).toBeGreaterThan(read(one).before)
  })

  it('finds nothing between a prompt and itself', { timeout: 150_000 }, async () => {
    const { stdout } = await run('--seed', '1', '--control')
    expect(stdout).toMatch(/Verdict: no significant difference/)
    expect(stdout).toMatch(/stable points to prompts-1\.shorter/)
  })

  it('teaches with --help, and refuses what it does not know', async () => {
    expect((await run('--help')).stdout).toMatch(/--control/)
    await expect(run('--sede', '1')).rejects.toThrow(/--sede/)
    await expect(run('--tasks', 'many')).rejects.toThrow(/expected a whole number; got many/)
  })
})
