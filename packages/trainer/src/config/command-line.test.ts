import { execFile } from 'node:child_process'
import { createStoreServer } from '@agl/store-http/server'
import { createMemoryStore } from '@agl/store-memory'
import { describe, expect, it, onTestFinished } from 'vitest'
import { testFolder } from './folder.test-support.ts'

const program = `
import { z } from ${JSON.stringify(import.meta.resolve('zod'))}
import { componentSchema, defaultRegistry, flagsOf, readConfig, redact, storeKind } from ${JSON.stringify(new URL('index.ts', import.meta.url).href)}

const schema = z.strictObject({
  store: componentSchema(defaultRegistry, storeKind).default({ type: 'memory' }),
  runner: z.strictObject({ concurrency: z.int().min(1).default(1) }).default({ concurrency: 1 }),
})
try {
  const flags = flagsOf(schema)
  const parsed = flags.parse(process.argv.slice(2))
  if (parsed.isHelp) process.stdout.write(flags.help())
  else {
    const { value } = await readConfig({ schema, environment: process.env, files: parsed.files, flags: parsed.flags })
    const store = await defaultRegistry.create(storeKind, value.store)
    console.log(JSON.stringify({ name: store.name, config: redact(schema, value) }))
    await store.close()
  }
} catch (error) {
  console.error(error.message)
  process.exitCode = error.code === 'invalid_argument' ? 2 : 1
}
`

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

describe('a program with flags of its schema', () => {
  it('runs with files, the environment and flags', async () => {
    const store = createMemoryStore()
    onTestFinished(() => store.close())
    const server = createStoreServer({ store, port: 0 })
    onTestFinished(() => server.close())
    const { url } = await server.start()
    const { write } = testFolder()
    const main = write('main.mjs', program)
    const file = write('agl.yaml', 'store:\n  type: http\n  url: ${STORE_URL}\n  token: ${STORE_TOKEN}\n')
    const run = (...args: readonly string[]): Promise<Outcome> =>
      new Promise((resolve) => {
        const env = { ...process.env, STORE_URL: url, STORE_TOKEN: 'hunter2222' }
        execFile(process.execPath, ['--conditions=@agl/source', main, ...args], { env }, (error, out, err) =>
          resolve({ code: error === null ? 0 : Number(error.code), out, err }),
        )
      })
    const ran = await run('--config', file, '--runner.concurrency', '8', '--store.retry.attempts=1')
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(ran.out)).toMatchObject({
      name: 'MemoryStore',
      config: {
        store: { type: 'http', url, token: '[redacted]', retry: { attempts: 1 } },
        runner: { concurrency: 8 },
      },
    })
    expect((await run()).out).toContain('"type":"memory"')
    expect((await run('--help')).out).toContain('--runner.concurrency <number>')
    const wrong = await run('--config', file, '--store.tokn', 'x')
    expect(wrong).toMatchObject({
      code: 2,
      err: 'There is no flag --store.tokn; did you mean --store.token? See --help for all.\n',
    })
    const bad = await run('--config', file, '--runner.concurrency=many')
    expect(bad).toMatchObject({ code: 2, err: expect.stringContaining('expected a whole number; got "many"') })
    expect(JSON.stringify([ran, wrong, bad])).not.toContain('hunter2222')
  })
})
