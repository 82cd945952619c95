import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { ResultLine } from '../lib/result.ts'

const main = join(import.meta.dirname, 'main.ts')

async function runMain(...args: readonly string[]): Promise<string> {
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, ['--conditions=@agl/source', '--expose-gc', main, ...args], { timeout: 60_000 })
  return stdout
}

describe('pnpm bench:store', () => {
  it('writes one line of JSON per result', async () => {
    const lines = (await runMain('--short', '--json', '--only=inproc-span-ingest-std')).trim().split('\n')
    // Figures are not judged here: another run on the same machine may take all of its time.
    expect(lines.map((line) => JSON.parse(line) as ResultLine)).toEqual([
      {
        scenario: 'inproc-span-ingest-std',
        value: expect.any(Number),
        unit: 'us CPU/span',
        peer: 'JSON.parse',
        peer_value: expect.any(Number),
        ratio: expect.any(Number),
        better: 'lower',
        target: '<= 1.5x',
      },
    ])
  }, 60_000)

  it('explains itself', async () => {
    const help = await runMain('--help')
    expect(help).toContain('--short')
    expect(help).toContain('flat-cost-claim')
  })
})
