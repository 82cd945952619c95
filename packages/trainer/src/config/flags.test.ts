import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defaultRegistry } from './components/default-registry.ts'
import { llmProxyKind, storeKind } from './components/kinds.ts'
import { flagsOf } from './flags.ts'
import { hasProto } from './has-proto.ts'
import { readConfig } from './read-config.ts'
import { componentSchema } from './registry.ts'

const schema = z.strictObject({
  store: componentSchema(defaultRegistry, storeKind).optional(),
  runner: z
    .strictObject({
      leaseMs: z.number().default(30_000).describe('length of the lease'),
      maxRollouts: z.int().min(1).nullable().optional(),
    })
    .optional(),
  gateway: componentSchema(defaultRegistry, llmProxyKind).nullable().optional(),
  hosts: z.array(z.string()).optional().describe('where to look'),
  ports: z.array(z.int()).optional(),
  metrics: z.boolean().default(true).describe('whether to count'),
  level: z.enum(['info', 'silent']).default('info'),
  title: z.string().nullable().optional(),
  extra: z.record(z.string(), z.json()).optional(),
  api_key: z.string().default('sk-default').meta({ secret: true }),
})

const read = async (...args: readonly string[]) => {
  const { value } = await readConfig({ schema, flags: flagsOf(schema).parse(args).flags })
  return value
}

describe('flagsOf', () => {
  it.each([
    [['--store', 'redis'], { store: { type: 'redis' } }],
    [['--store.url', 'redis://h', '--store.type', 'redis'], { store: { type: 'redis', url: 'redis://h' } }],
    [
      ['--store.retention.max-rollouts', 'none', '--store=memory'],
      { store: { type: 'memory', retention: { maxRollouts: null } } },
    ],
    [['--store', '{"type":"redis","pollMs":20}'], { store: { type: 'redis', pollMs: 20 } }],
    [['--runner.lease-ms', '1.5e3'], { runner: { leaseMs: 1500 } }],
    [['--runner.leaseMs=-1'], { runner: { leaseMs: -1 } }],
    [['--runner.max-rollouts', 'None'], { runner: { maxRollouts: null } }],
    [['--gateway', 'none'], { gateway: null }],
    [['--gateway', 'gateway', '--gateway.port=0'], { gateway: { type: 'gateway', port: 0 } }],
    [['--hosts', 'a', '--hosts=b'], { hosts: ['a', 'b'] }],
    [['--hosts', '[]'], { hosts: [] }],
    [['--ports', '1', '--ports', '2'], { ports: [1, 2] }],
    [['--metrics'], { metrics: true }],
    [['--no-metrics'], { metrics: false }],
    [['--metrics=false'], { metrics: false }],
    [['--title', 'null'], { title: null }],
    [['--title', '8'], { title: '8' }],
    [['--title='], { title: '' }],
    [['--extra', '{"a":[1]}'], { extra: { a: [1] } }],
    [['--api-key', 'x'], { api_key: 'x' }],
  ])('%j', async (args, expected) => {
    expect(await read(...args)).toMatchObject(expected)
  })

  it.each([
    [['--runner.lease-ms', '1s'], 'expected a number; got "1s"', '--runner.lease-ms'],
    [['--runner.lease-ms', '0x10'], 'expected a number', '--runner.lease-ms'],
    [['--runner.lease-ms', ''], 'expected a number', '--runner.lease-ms'],
    [['--runner.lease-ms', '1e999'], 'expected a number', '--runner.lease-ms'],
    [['--runner.max-rollouts', '1.5'], 'expected a whole number or none', '--runner.max-rollouts'],
    [['--runner.max-rollouts', '0'], '>=1', '--runner.max-rollouts'],
    [['--metrics=yes'], 'expected true or false', '--metrics'],
    [['--ports', '1', '--ports', 'x'], 'expected a whole number', '--ports'],
    [['--level', 'loud'], '"info"|"silent"', '--level'],
    [['--level', 'info', '--level', 'silent'], 'twice', '--level'],
    [['--extra', '{"a":{"__proto__":1}}'], 'expected an object in JSON', '--extra'],
    [['--extra', 'x'], 'expected an object in JSON', '--extra'],
    [['--runner.lease-m', '1'], 'did you mean --runner.lease-ms?', ''],
    [['--no-level'], 'There is no flag', ''],
    [['--no-metrics=x'], 'takes no value', ''],
    [['--level'], 'Expected a value after --level', ''],
    [['--level', '--metrics'], 'Expected a value after --level', ''],
    [['secret', '--metrics'], 'Expected a flag as argument 1', ''],
    [['--store', 'redis', '--store.type', 'sqlite'], 'give it once', ''],
    [['--store', 'redis', '--store.file', 'x'], 'unknown key "file"', '--store.file'],
  ])('refuses %j', async (args, words, flag) => {
    const error = await Promise.resolve()
      .then(async () => read(...args))
      .then(
        () => new Error('not refused'),
        (reason: Error) => reason,
      )
    expect(error).toMatchObject({ code: 'invalid_argument' })
    expect(error.message).toContain(words)
    expect(error.message).toContain(flag)
  })

  it('never quotes what stands where no value belongs', () => {
    for (const args of [['--tokn=hunter22'], ['hunter22'], ['--metrics', 'hunter22'], ['--no-metrics=hunter22']]) {
      expect(() => flagsOf(schema).parse(args)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('hunter22') }),
      )
    }
  })

  it('tells files and the wish for help apart from the fields', () => {
    const { files, isHelp } = flagsOf(schema).parse(['--config', 'a.yaml', '-h', '--config=b.json'])
    expect({ files, isHelp }).toEqual({ files: ['a.yaml', 'b.json'], isHelp: true })
  })

  it('refuses keys that would be one flag, or one of its own', () => {
    expect(() => flagsOf(z.strictObject({ aB: z.string(), a_b: z.string() }))).toThrow('aB and a_b would both be --a-b')
    expect(() => flagsOf(z.strictObject({ config: z.string() }))).toThrow('--config has a meaning of its own')
  })

  it('describes each flag with what it takes, its types of component and its default, and no secret', () => {
    const help = flagsOf(schema).help()
    expect(help).toMatch(/^ {2}--store <type> +which store: memory, sqlite, redis, http or \.\/file\.ts#export$/m)
    expect(help).toContain(
      '  --store.url <text>              redis: where Redis is (default: "redis://127.0.0.1:6379"); http: where the server is, as http://127.0.0.1:4747\n',
    )
    expect(help).toMatch(/^ {2}--store\.seed <number> +makes ids .* \(memory, sqlite, redis\)$/m)
    expect(help).toMatch(/^ {2}--gateway <type> +which llm-proxy: gateway or/m)
    expect(help).toMatch(/--runner\.lease-ms <number> +length of the lease \(default: 30000\)/)
    expect(help).toMatch(/--metrics, --no-metrics +whether to count \(default: true\)/)
    expect(help).toMatch(/--hosts <value> +where to look \(may be given again\)/)
    expect(help).toMatch(/--level <text> +\(default: "info"\) \(one of info, silent\)/)
    expect(help).not.toContain('sk-default')
  })

  it('gives back any value that flags can say', async () => {
    const text = fc.string({ unit: 'binary' })
    const notNull = text.filter((value) => !/^(none|null)$/i.test(value))
    const values = fc.record(
      {
        title: fc.option(notNull),
        hosts: fc.array(text).filter((list) => !(list.length === 1 && list[0] === '[]')),
        ports: fc.array(fc.maxSafeInteger()),
        level: fc.constantFrom('info' as const, 'silent' as const),
        metrics: fc.boolean(),
        extra: fc
          .dictionary(text, fc.jsonValue({ depthSize: 'small' }), { noNullPrototype: true })
          .filter((value) => !hasProto(value)),
      },
      { requiredKeys: [], noNullPrototype: true },
    )
    const argsOf = (value: object): readonly string[] =>
      Object.entries(value).flatMap(([key, item]: [string, unknown]) => {
        if (Array.isArray(item)) return item.length === 0 ? [`--${key}=[]`] : item.map((each) => `--${key}=${String(each)}`)
        if (typeof item === 'object' && item !== null) return [`--${key}=${JSON.stringify(item)}`]
        return [`--${key}=${item === null ? 'none' : String(item)}`]
      })
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        const given = JSON.parse(JSON.stringify(value)) as object
        const { api_key: _, ...got } = await read(...argsOf(given))
        expect(got).toEqual({ metrics: true, level: 'info', ...given })
      }),
      { numRuns: 100 },
    )
  })
})
