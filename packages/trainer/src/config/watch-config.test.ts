import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { defaultRegistry } from './components/default-registry.ts'
import { storeKind } from './components/kinds.ts'
import { testFolder } from './folder.test-support.ts'
import { readConfig } from './read-config.ts'
import { componentSchema } from './registry.ts'
import { watchConfig } from './watch-config.ts'
import { watchFiles } from './watch-files.ts'

const schema = z
  .strictObject({
    logLevel: z.enum(['info', 'silent']).default('info').meta({ live: true }),
    runner: z.strictObject({ concurrency: z.int().default(1).meta({ live: true }), leaseMs: z.number().default(100) }).optional(),
    store: componentSchema(defaultRegistry, storeKind).optional(),
    resources: z.record(z.string(), z.string()).optional().meta({ live: true }),
    limit: z.int().default(1000),
  })
  .refine(({ runner, limit }) => (runner?.concurrency ?? 1) <= limit, { error: 'expected the limit to hold' })

type Value = z.output<typeof schema>

async function start(text: string, pollMs: number = 60_000) {
  const { write, path } = testFolder()
  const file = write('agl.yaml', text)
  const end = new AbortController()
  onTestFinished(() => end.abort())
  const sources = { schema: schema as z.ZodType<Value>, files: [file] }
  const from = await readConfig(sources)
  const changes = watchConfig({ ...sources, from, debounceMs: 5, pollMs, signal: end.signal })
  const next = async () => (await changes.next()).value
  return { file, path, write, next, end, changes }
}

describe('watchConfig', () => {
  it('applies live fields, and reports the others until they are as they were', async () => {
    const { next, write } = await start('runner: { concurrency: 2 }\nstore: { type: redis, pollMs: 20 }')
    // Changed before the loop asks for the first time: told all the same.
    write(
      'agl.yaml',
      'runner: { concurrency: 3, leaseMs: 7 }\nstore: { type: redis, pollMs: 30 }\nlogLevel: silent\nresources: { a: b }',
    )
    expect(await next()).toEqual({
      kind: 'changed',
      value: {
        runner: { concurrency: 3, leaseMs: 100 },
        store: { type: 'redis', pollMs: 20 },
        logLevel: 'silent',
        resources: { a: 'b' },
        limit: 1000,
      },
      changed: ['runner.concurrency', 'logLevel', 'resources'],
      needsRestart: ['runner.leaseMs', 'store.pollMs'],
    })
    const waiting = next()
    write('agl.yaml', 'runner: { concurrency: 3 }\nstore: { type: redis, pollMs: 20 }\nlogLevel: silent')
    const change = await waiting
    expect(change).toMatchObject({ kind: 'changed', changed: ['resources'], needsRestart: [] })
    expect(change?.value).not.toHaveProperty('resources')
  })

  it('follows a live field into an object that was not there, and takes another type of component as a whole', async () => {
    const { next, write } = await start('store: redis')
    write('agl.yaml', 'store: memory\nrunner: { concurrency: 5 }')
    expect(await next()).toMatchObject({
      value: { runner: { concurrency: 5 }, store: { type: 'redis' } },
      changed: ['runner.concurrency'],
      needsRestart: ['store'],
    })
  })

  it('keeps what it has while the file is broken or gone, and says when it is well again', async () => {
    const { next, write, file } = await start('logLevel: silent')
    write('agl.yaml', 'logLevel: [')
    expect(await next()).toMatchObject({ kind: 'failed', value: { logLevel: 'silent' }, error: { code: 'invalid_argument' } })
    let waiting = next()
    rmSync(file)
    expect(await waiting).toMatchObject({ kind: 'failed', value: { logLevel: 'silent' }, error: { code: 'not_found' } })
    waiting = next()
    write('agl.yaml', 'logLevel: silent')
    expect(await waiting).toEqual({ kind: 'changed', value: { logLevel: 'silent', limit: 1000 }, changed: [], needsRestart: [] })
  })

  it('does not apply a half that does not fit the other half', async () => {
    const { next, write } = await start('limit: 10')
    write('agl.yaml', 'limit: 100\nrunner: { concurrency: 50 }')
    expect(await next()).toMatchObject({
      kind: 'failed',
      value: { limit: 10 },
      error: { message: expect.stringContaining('restart') },
    })
  })

  it('sees a file that an editor puts in the place of the old one', async () => {
    const { next, path, file } = await start('logLevel: info')
    const waiting = next()
    for (const level of ['silent', 'info', 'silent']) {
      const other = join(path, 'agl.yaml.new')
      writeFileSync(other, `logLevel: ${level}`)
      renameSync(other, file)
    }
    expect(await waiting).toMatchObject({ changed: ['logLevel'], value: { logLevel: 'silent' } })
  })

  it('sees by looking what the system does not tell: the target of a link elsewhere', async () => {
    const elsewhere = testFolder()
    const target = elsewhere.write('target.yaml', 'logLevel: info')
    const { path } = testFolder()
    const file = join(path, 'agl.yaml')
    symlinkSync(target, file)
    const sources = { schema: schema as z.ZodType<Value>, files: [file] }
    const end = new AbortController()
    onTestFinished(() => end.abort())
    const changes = watchConfig({ ...sources, from: await readConfig(sources), debounceMs: 5, pollMs: 20, signal: end.signal })
    // The first change may be told by the first look; the second is after it.
    for (const level of ['silent', 'info']) {
      const waiting = changes.next()
      elsewhere.write('target.yaml', `logLevel: ${level}`)
      expect(await waiting).toMatchObject({ value: { changed: ['logLevel'], value: { logLevel: level } } })
    }
  })

  it('ends with the reason of its signal, and when the loop is left', async () => {
    const { changes, end } = await start('{}')
    const waiting = changes.next()
    end.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    expect(await changes.next()).toEqual({ done: true, value: undefined })
    const other = await start('{}')
    other.write('agl.yaml', 'logLevel: silent')
    for await (const change of other.changes) {
      expect(change.kind).toBe('changed')
      break
    }
    expect(await other.changes.next()).toEqual({ done: true, value: undefined })
  })

  it('refuses an option that it does not know', async () => {
    await expect(watchConfig({ schema, from: { input: {} }, filse: [] } as never).next()).rejects.toThrow('filse')
  })
})

describe('watchFiles', () => {
  it('tells which files changed, and nothing of others in the folder', async () => {
    const { write, path } = testFolder()
    const [one, two] = [write('one.txt', '1'), join(path, 'two.txt')]
    const watch = await watchFiles([one, two], { debounceMs: 5, pollMs: 60_000 })
    onTestFinished(() => watch.close())
    const waiting = watch.next()
    write('other.txt', 'x')
    write('two.txt', 'x')
    expect(await waiting).toEqual([two])
    watch.close()
    expect(await watch.next()).toBeNull()
  })
})
