import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const program = fileURLToPath(new URL('main.ts', import.meta.url))

async function run(...args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return await promisify(execFile)(process.execPath, ['--conditions=@agl/source', program, '--json', ...args], {
    timeout: 120_000,
  })
}

it('improves one agent while the other keeps its snapshot', { timeout: 150_000 }, async () => {
  const { stdout, stderr } = await run('--seed', '1')
  const result = JSON.parse(stdout) as { readonly before: number; readonly interval: readonly [number, number] }
  expect(Object.keys(result)).toEqual(['app', 'seed', 'before', 'after', 'interval', 'seconds'])
  expect(result.interval[0]).toBeGreaterThan(result.before + 0.1)
  const [, snapshots, written, right, versions] = /(\d+) snapshots .* (\d+) signs were written: (\d+) right, with (.*)\./.exec(
    stderr,
  )!
  expect(Number(snapshots)).toBeGreaterThan(5)
  expect(Number(written)).toBeGreaterThan(60)
  expect(right).toBe(written)
  expect(versions).toBe('signs@1')
})

it('shows what happens to rollouts that name no resources', { timeout: 150_000 }, async () => {
  const { stderr } = await run('--unpinned')
  const [, written, right] = /(\d+) signs were written: (\d+) right/.exec(stderr)!
  expect(Number(right)).toBeLessThan(Number(written) * 0.8)
  expect(stderr).toMatch(/with signs@1, apo-/)
})
