import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { z } from 'zod'
import { defaultRegistry } from './components/default-registry.ts'
import { storeKind } from './components/kinds.ts'
import { flagsOf } from './flags.ts'
import { testFolder } from './folder.test-support.ts'
import { hasProto } from './has-proto.ts'
import { readConfig } from './read-config.ts'
import { componentSchema } from './registry.ts'

const schema = z.strictObject({
  store: componentSchema(defaultRegistry, storeKind).optional(),
  runner: z.strictObject({ concurrency: z.int().min(1).default(1), leaseMs: z.number().optional() }).default({ concurrency: 1 }),
  logLevel: z.enum(['info', 'silent']).default('info'),
  title: z.string().nullable().optional(),
  tags: z.array(z.string()).optional(),
  verbose: z.boolean().optional(),
  kind: z
    .discriminatedUnion('type', [z.strictObject({ type: z.literal('m'), n: z.int() }), z.strictObject({ type: z.literal('o') })])
    .optional(),
  many: z.array(componentSchema(defaultRegistry, storeKind)).optional(),
  folder: z.string().meta({ path: true }).optional(),
})

const refusal = async (promise: Promise<unknown>): Promise<string> => {
  const error = await promise.then(
    () => new Error('it was not refused'),
    (reason: Error) => reason,
  )
  expect(error).toMatchObject({ code: 'invalid_argument' })
  return error.message
}

describe('readConfig', () => {
  it('takes flags before later files, these before earlier ones, and these before the defaults', async () => {
    const { write } = testFolder()
    const base = write('base.yaml', 'title: base\nlogLevel: silent\ntags: [a, b]\nrunner: { concurrency: 2, leaseMs: 500 }\n')
    const own = write('own.json', '{ "title": "own", "tags": ["c"], "runner": { "concurrency": 3 } }')
    const { flags } = flagsOf(schema).parse(['--runner.concurrency', '4'])
    const config = await readConfig({ schema, files: [base, own], flags })
    expect(config.value).toEqual({ title: 'own', logLevel: 'silent', tags: ['c'], runner: { concurrency: 4, leaseMs: 500 } })
    const origins = [['runner', 'concurrency'], ['runner', 'leaseMs'], ['title'], ['verbose']].map((path) =>
      config.originOf(path),
    )
    expect(origins).toEqual(['--runner.concurrency', base, own, null])
    expect((await readConfig({ schema })).value).toEqual({ runner: { concurrency: 1 }, logLevel: 'info' })
  })

  it('merges the options of one type of component, and replaces them all for another', async () => {
    const { write, path } = testFolder()
    const base = write('base.yaml', 'store: { type: sqlite, file: runs.db, pollMs: 20 }')
    const parse = (...args: readonly string[]) => flagsOf(schema).parse(args).flags
    const same = await readConfig({ schema, files: [base], flags: parse('--store.poll-ms', '30') })
    expect(same.value.store).toEqual({ type: 'sqlite', file: join(path, 'runs.db'), pollMs: 30 })
    const other = await readConfig({ schema, files: [base], flags: parse('--store', 'redis', '--store.namespace=x') })
    expect(other.value.store).toEqual({ type: 'redis', namespace: 'x' })
    const short = await readConfig({
      schema,
      files: [write('short.yaml', 'store: redis')],
      flags: parse('--store.namespace', 'y'),
    })
    expect(short.value.store).toEqual({ type: 'redis', namespace: 'y' })
  })

  it('means paths and module paths from the file that names them', async () => {
    const { write, path } = testFolder()
    const file = write('deep/agl.yaml', 'folder: ../data\nstore: { type: ./store.ts#createIt, any: 1 }')
    const { value } = await readConfig({ schema, files: [file] })
    expect(value.folder).toBe(join(path, 'data'))
    expect(value.store).toEqual({ type: `${pathToFileURL(join(path, 'deep/store.ts')).href}#createIt`, any: 1 })
    const memory = write('memory.yaml', 'store: { type: sqlite, file: ":memory:" }')
    expect((await readConfig({ schema, files: [memory] })).value.store).toEqual({ type: 'sqlite', file: ':memory:' })
  })

  it('puts the environment in the place of references, as the type that is expected', async () => {
    const { write } = testFolder()
    const file = write(
      'agl.yaml',
      'title: "${HELLO} ${NOBODY:-you}: $${HELLO}"\nverbose: ${VERBOSE}\ntags: ["${EMPTY:-full}", "${EMPTY}"]\nrunner: { concurrency: "${N:-1}" }',
    )
    const environment = { HELLO: 'hi ${N}', VERBOSE: 'true', N: '8', EMPTY: '' }
    const { value } = await readConfig({ schema, files: [file], environment })
    expect(value).toMatchObject({ title: 'hi ${N} you: ${HELLO}', verbose: true, tags: ['full', ''], runner: { concurrency: 8 } })
    const numeric = await readConfig({ schema, files: [write('title.yaml', 'title: ${N}')], environment })
    expect(numeric.value.title).toBe('8')
    const chosen = await readConfig({ schema, files: [write('store.yaml', 'store: { type: "${KIND:-redis}", namespace: x }')] })
    expect(chosen.value.store).toEqual({ type: 'redis', namespace: 'x' })
    // Only the command line has no other way to say null.
    const none = await readConfig({ schema, files: [write('title.yaml', 'title: ${NONE}')], environment: { NONE: 'none' } })
    expect(none.value.title).toBe('none')
  })

  it.each([
    ['title: ${GONE}', ['GONE is not set', 'did you mean "GONES"?', 'at title, in ', 'agl.yaml', '$${']],
    ['tags: [a, "${GONE}"]', ['at tags[1], in ']],
    ['title: ${ GONE }', ['Expected ${NAME}']],
    [
      'runner: { concurency: 2 }',
      ['unknown key "concurency"', 'did you mean "concurrency"?', 'at runner.concurency, in ', 'agl.yaml'],
    ],
    ['runner: { concurrency: "2" }', ['expected number', 'got "2"', 'without quotes', 'at runner.concurrency, in ', 'agl.yaml']],
    ['runner: { concurrency: "${GONES}" }', ['expected a whole number', 'from ${GONES}', 'a text of 9 characters']],
    ['logLevel: loud', ['"info"|"silent"', 'got "loud"']],
    ['store: sqlit', ['There is no store "sqlit"', 'did you mean "sqlite"?', 'memory, sqlite, redis, http']],
    ['store: { type: redis, file: x }', ['unknown key "file"', 'Known here: type, url, namespace']],
    ['store: sqlite', ['at store.file', '--store.file', 'expected a text', 'got nothing']],
    ['store: 3', ['expected a name (memory, sqlite']],
    ['store: { url: x }', ['at store.type']],
    ['kind: { type: z }', ['expected one of m, o', 'got "z"', 'at kind.type']],
    ['many: [sqlite, {type: redis, fiel: 1}]', ['at many[0].file, in ', 'give it in a file\n', 'at many[1].fiel']],
    ['- a', ['Expected an object of keys and values', 'a list of 1']],
  ])('refuses %j and says where, what and why', async (text, words) => {
    const file = testFolder().write('agl.yaml', text)
    const message = await refusal(readConfig({ schema, files: [file], environment: { GONES: 'so secret' } }))
    for (const word of words) expect(message).toContain(word)
    expect(message).not.toContain('so secret')
  })

  it('tells everything that is wrong at once', async () => {
    const file = testFolder().write('agl.yaml', 'titel: x\nlogLevel: loud\nrunner: { concurrency: 0 }')
    const message = await refusal(readConfig({ schema, files: [file] }))
    expect(message.match(/✖/g)).toHaveLength(3)
  })

  it('refuses a file that is not there, and options that it does not know', async () => {
    await expect(readConfig({ schema, files: ['/nowhere/agl.yaml'] })).rejects.toMatchObject({ code: 'not_found' })
    expect(await refusal(readConfig({ schema, file: 'agl.yaml' } as never))).toContain('file')
  })

  it('gives back what was written, as YAML and as JSON', async () => {
    const { path } = testFolder()
    const text = fc.string({ unit: 'binary' }).filter((value) => value.isWellFormed())
    const anything = z.strictObject({
      text: z.string().optional(),
      nullable: z.string().nullable().optional(),
      number: z.number().optional(),
      flag: z.boolean().optional(),
      list: z.array(z.string()).optional(),
      json: z.record(z.string(), z.json()).optional(),
      inner: z.strictObject({ whole: z.int().optional() }).optional(),
    })
    const json = fc
      .dictionary(text, fc.jsonValue({ depthSize: 'small' }), { noNullPrototype: true })
      .filter((value) => !hasProto(value))
    const values = fc.record(
      {
        text,
        nullable: fc.option(text),
        number: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
        flag: fc.boolean(),
        list: fc.array(text),
        json,
        inner: fc.record({ whole: fc.maxSafeInteger() }, { requiredKeys: [], noNullPrototype: true }),
      },
      { requiredKeys: [], noNullPrototype: true },
    )
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        const escaped = JSON.parse(JSON.stringify(value), (_key, item: unknown) =>
          typeof item === 'string' ? item.replaceAll('${', () => '$${') : item,
        ) as unknown
        const files = [join(path, 'value.yaml'), join(path, 'value.json')]
        writeFileSync(files[0]!, stringify(escaped))
        writeFileSync(files[1]!, JSON.stringify(escaped))
        for (const file of files) {
          expect((await readConfig({ schema: anything, files: [file] })).value).toEqual(JSON.parse(JSON.stringify(value)))
        }
      }),
      { numRuns: 100 },
    )
  })
})
