import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../../../packages/store-redis/src/redis-server.test-support.ts'

/**
 * What a README shows runs: each block marked `ts`, from the folder of its package, with the package's own dependencies.
 * So do the guides in `docs` that show programs. Blocks marked `ts excerpt` show a form that the reader fills in, and do not
 * run.
 */
const readmes = globSync('packages/*/README.md').concat('README.md')

/** Each guide, and where its programs run: where the packages are that it is about. */
const guides: Readonly<Record<string, string>> = {
  'docs/experiments.md': 'examples/apo-room-booking',
  'docs/observe.md': 'packages/cli',
  'docs/optimize-prompts.md': 'examples/apo-room-booking',
  'docs/resources.md': 'packages/store-sqlite',
  'docs/write-a-store.md': 'examples/custom-store',
}

/** The root has no dependencies on packages, so its programs run where the demo's do. */
const folderOf = (file: string): string => guides[file] ?? (file === 'README.md' ? 'apps/sft-shop-desk' : dirname(file))

/** Node 22 warns that its SQLite is experimental. */
const flags = ['--conditions=@agl/source', '--disable-warning=ExperimentalWarning']

/** What programs take for the Redis of their reader is one of the test's own. */
const redisUrl = 'redis://127.0.0.1:6379'
let redis: TestServer
beforeAll(async () => {
  redis = await startServer()
})
afterAll(() => redis.stop())

const blocksOf = (file: string): readonly string[] =>
  [...readFileSync(file, 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code!)

describe('READMEs', () => {
  it('exist for every package', () => {
    const missing = globSync('packages/*/package.json').filter((file) => !existsSync(join(dirname(file), 'README.md')))
    expect(missing).toEqual([])
  })

  it('nothing that Node runs as it is has a statement that Node 22 does not know', () => {
    const sources = globSync('{packages,apps,examples,bench}/**/*.{ts,md}', { exclude: ['**/node_modules/**', '**/dist/**'] })
    const isTest = /\.test(-support)?\.ts$/
    const using = sources.filter((file) => !isTest.test(file) && /^\s*(await )?using /m.test(readFileSync(file, 'utf8')))
    expect(using).toEqual([])
  })

  it('guides with programs are listed with the folder to run them in', () => {
    const withPrograms = globSync('docs/*.md').filter((file) => blocksOf(file).length > 0)
    expect(withPrograms.toSorted()).toEqual(Object.keys(guides).toSorted())
  })

  describe.each([...readmes, ...Object.keys(guides)])('%s', (readme) => {
    const blocks = blocksOf(readme)

    it('shows at least one program', () => {
      expect(blocks.length).toBeGreaterThan(0)
    })

    it.runIf(readme.startsWith('packages/'))('is told to install everything that its programs import', () => {
      const text = readFileSync(readme, 'utf8')
      const installed = new Set([...text.matchAll(/^npm install (.+)$/gm)].flatMap(([, names]) => names!.split(' ')))
      const imported = blocks.flatMap((code) => [...code.matchAll(/from '((?:@[^/']+\/)?[^/'.]+)/g)].map(([, name]) => name!))
      expect(imported.filter((name) => !name.startsWith('node:') && !installed.has(name))).toEqual([])
    })

    it.each(blocks.map((code, index) => [index + 1, code] as const))('program %d runs', async (number, code) => {
      const file = join(folderOf(readme), `.readme-${number}.ts`)
      await writeFile(file, code.replaceAll(redisUrl, redis.url))
      try {
        const { stderr } = await promisify(execFile)(process.execPath, [...flags, file], { timeout: 30_000 })
        expect(stderr).toBe('')
      } finally {
        await rm(file)
      }
    })
  })
})
