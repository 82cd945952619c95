import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defaultRegistry } from './components/default-registry.ts'
import { storeKind } from './components/kinds.ts'
import { flagsOf } from './flags.ts'
import { testFolder } from './folder.test-support.ts'
import { readConfig } from './read-config.ts'
import { componentSchema, createRegistry } from './registry.ts'
import { isSecretName, redact, redactText } from './redact.ts'

const schema = z.strictObject({
  each: z.array(z.string().meta({ secret: true })).optional(),
  seasoning: z.string().meta({ secret: true }).optional(),
  chosen: z
    .strictObject({ inner: z.array(z.string()) })
    .meta({ secret: true })
    .optional(),
  url: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  count: z.int().optional(),
  sampling: z.record(z.string(), z.json()).optional(),
})

describe('redact', () => {
  it('hides marked fields, fields with such names and credentials in URLs, and shows the rest', () => {
    const value = {
      seasoning: 'paprika',
      chosen: { inner: ['one'] },
      each: ['two'],
      url: 'rediss://user:pass@host:6379/0?ssl=true&api_key=abc',
      headers: { 'X-Api-Key': 'k', Authorization: 'Bearer t', accept: 'text/html', other: 'Bearer zzz' },
      count: 3,
      sampling: { max_tokens: 64, nested: { apiKey: 'x', tokenFile: './tokens' } },
    }
    expect(redact(schema, value)).toEqual({
      seasoning: '[redacted]',
      chosen: '[redacted]',
      each: ['[redacted]'],
      url: 'rediss://[redacted]@host:6379/0?ssl=true&api_key=[redacted]',
      headers: { 'X-Api-Key': '[redacted]', Authorization: '[redacted]', accept: 'text/html', other: 'Bearer [redacted]' },
      count: 3,
      sampling: { max_tokens: 64, nested: { apiKey: '[redacted]', tokenFile: './tokens' } },
    })
    expect(value.seasoning).toBe('paprika')
  })

  it.each([
    ['api_key', true],
    ['apiKey', true],
    ['OPENAI_APIKEY', true],
    ['x-auth-token', true],
    ['accessTokens', true],
    ['dbPassword', true],
    ['client_secret', true],
    ['Authorization', true],
    ['tokenFile', false],
    ['monkey', false],
    ['url', false],
  ])('knows by its name that %s is a secret: %s', (name, expected) => {
    expect(isSecretName(name)).toBe(expected)
  })

  it('takes a password with the marks of a URL in it for one password', () => {
    expect(redactText('postgres://me:p@ss/w?rd#1@host/db')).toBe('postgres://[redacted]@host/db')
    expect(redactText('see https://host/path and mail@host')).toBe('see https://host/path and mail@host')
  })
})

// Told from everything else that is printed.
const secret = fc.string({ minLength: 8, maxLength: 20, unit: fc.constantFrom(...'QZXJ9_-.!') })

describe('what nobody may read', () => {
  it.each([
    ['--auth-token=hunter2222'],
    ['--salt=hunter2222'],
    ['--extra={"password":"hunter2222"'],
    ['--extra=hunter2222'],
    ['--list={"password":"hunter2222"'],
    ['--store=redis://me:hunter2222@host'],
    ['--store.url=http://me:hunter2222@host', '--store=redis'],
    ['--extra', '{"other":"x"}', '--auth-token', 'hunter2222'],
  ])('does not survive in the error of %j', async (...args) => {
    const strict = z.strictObject({
      auth_token: z.int().optional(),
      salt: z.int().optional().meta({ secret: true }),
      extra: z.record(z.string(), z.number()).optional(),
      list: z.array(z.strictObject({})).optional(),
      store: componentSchema(defaultRegistry, storeKind).optional(),
    })
    const error = await readConfig({ schema: strict, flags: flagsOf(strict).parse(args).flags })
      .then(async ({ value }) => defaultRegistry.create(storeKind, value.store!))
      .then(
        () => new Error('not refused'),
        (reason: Error) => reason,
      )
    expect(error).toMatchObject({ code: 'invalid_argument' })
    expect(`${error.message} ${JSON.stringify(error)}`).not.toContain('hunter2222')
    await expect(createRegistry().create(storeKind, 'redis://me:hunter2222@host')).rejects.toThrow('redis://[redacted]@host')
  })

  it('does not survive in what redact gives', () => {
    const keys = fc.constantFrom('api_key', 'authToken', 'password', 'Secret', 'authorization', 'x-api-key')
    fc.assert(
      fc.property(secret, keys, fc.integer({ min: 0, max: 4 }), (hidden, key, depth) => {
        const nest = (value: object, levels: number): object => (levels === 0 ? value : { list: [nest(value, levels - 1)] })
        const value = {
          seasoning: hidden,
          chosen: { inner: [hidden] },
          url: `redis://${encodeURIComponent(hidden)}:${hidden}@host`,
          headers: { [key]: hidden, other: `Basic ${hidden}` },
          sampling: nest({ [key]: { deep: [hidden] }, url: `https://h/?token=${encodeURIComponent(hidden)}` }, depth),
        }
        const text = JSON.stringify(redact(schema, value))
        expect(text).not.toContain(hidden)
        expect(text).not.toContain(encodeURIComponent(hidden))
      }),
    )
  })

  it('does not survive in an error, wherever it stood and whatever is wrong', async () => {
    const { write } = testFolder()
    const strict = z.strictObject({
      seasoning: z.string().max(3).meta({ secret: true }).optional(),
      api_key: z.number().optional(),
      url: z.string().regex(/^http/, { error: 'expected http' }).optional(),
      count: z.int().optional(),
      kind: z.enum(['a', 'b']).optional(),
      own: z
        .string()
        .meta({ secret: true })
        .check((context) => {
          context.issues.push({ code: 'custom', message: `bad ${context.value}`, input: context.value })
        })
        .optional(),
    })
    await fc.assert(
      fc.asyncProperty(secret, async (hidden) => {
        const values = [
          { seasoning: hidden },
          { api_key: hidden },
          { url: `redis://u:${hidden}@host` },
          { own: hidden },
          { own: hidden, count: 'x' },
          { count: '${HIDDEN}' },
          { kind: '${HIDDEN}' },
          { api_key: [hidden] },
          { kind: { password: hidden } },
        ]
        for (const value of values) {
          const file = write('agl.json', JSON.stringify(value))
          const error = await readConfig({ schema: strict, files: [file], environment: { HIDDEN: hidden } }).then(
            () => new Error('not refused'),
            (reason: Error) => reason,
          )
          expect(error).toMatchObject({ code: 'invalid_argument' })
          expect(`${error.message} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain(hidden)
        }
        for (const [name, text] of [
          ['broken.json', `{ "api_key": "${hidden}" "x" }`],
          ['broken.json', hidden],
          ['broken.yaml', `api_key: "${hidden}\nx: [`],
          ['broken.yaml', `api_key: !custom ${hidden}`],
          ['broken.yaml', `"${hidden}"`],
        ] as const) {
          const error = await readConfig({ schema: strict, files: [write(name, text)] }).then(
            () => new Error('not refused'),
            (reason: Error) => reason,
          )
          expect(error).toMatchObject({ code: 'invalid_argument' })
          expect(`${error.message} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain(hidden)
        }
      }),
      { numRuns: 40 },
    )
  })
})
