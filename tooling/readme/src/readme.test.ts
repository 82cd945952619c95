import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

/**
 * What a README shows runs: each block marked `ts`, from the folder of its package, with the package's own dependencies.
 * Blocks marked `ts excerpt` show a form that the reader fills in, and do not run.
 */
const readmes = globSync('packages/*/README.md').concat('README.md')

/** Where a README's programs run: the root has no dependencies on packages, so its programs run where the demo's do. */
const folderOf = (readme: string): string => (readme === 'README.md' ? 'apps/sft-shop-desk' : dirname(readme))

describe('READMEs', () => {
  it('exist for every package', () => {
    const missing = globSync('packages/*/package.json').filter((file) => !existsSync(join(dirname(file), 'README.md')))
    expect(missing).toEqual([])
  })

  describe.each(readmes)('%s', (readme) => {
    const blocks = [...readFileSync(readme, 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code!)

    it('shows at least one program', () => {
      expect(blocks.length).toBeGreaterThan(0)
    })

    it.skipIf(readme === 'README.md')('is told to install everything that its programs import', () => {
      const text = readFileSync(readme, 'utf8')
      const installed = new Set([...text.matchAll(/^npm install (.+)$/gm)].flatMap(([, names]) => names!.split(' ')))
      const imported = blocks.flatMap((code) => [...code.matchAll(/from '((?:@[^/']+\/)?[^/'.]+)/g)].map(([, name]) => name!))
      expect(imported.filter((name) => !name.startsWith('node:') && !installed.has(name))).toEqual([])
    })

    it.each(blocks.map((code, index) => [index + 1, code] as const))('program %d runs', async (number, code) => {
      const file = join(folderOf(readme), `.readme-${number}.ts`)
      await writeFile(file, code)
      try {
        const { stderr } = await promisify(execFile)(process.execPath, ['--conditions=@agl/source', file], { timeout: 30_000 })
        expect(stderr).toBe('')
      } finally {
        await rm(file)
      }
    })
  })
})
