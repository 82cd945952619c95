import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createMemoryStore } from '@agl/store-memory'
import { implementing, type LightningStore } from '@agl/types'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { type ComponentKind, defineComponent, defineKind } from './component.ts'
import { algorithmKind, storeKind } from './components/kinds.ts'
import { testFolder } from './folder.test-support.ts'
import { loadPackage } from './load-package.ts'
import { componentSchema, createRegistry } from './registry.ts'

interface Greeter {
  greet(): string
}
const greeterKind: ComponentKind<Greeter> = defineKind('greeter', implementing<Greeter>('a greeter', 'greet'))

const polite = defineComponent({
  kind: greeterKind,
  name: 'polite',
  summary: 'says a word',
  schema: z.strictObject({ word: z.string().default('hello').describe('what it says') }),
  create: ({ word }, { logger }) => ({ greet: () => (logger === undefined ? word : `${word}!`) }),
})
const broken = defineComponent({
  kind: greeterKind,
  name: 'broken',
  summary: 'is none',
  schema: z.strictObject({}),
  create: () => ({}) as Greeter,
})
const registry = createRegistry([polite, broken])

const greeting = async (...[form, options]: readonly [unknown, object?]) =>
  (await registry.create(greeterKind, form as Greeter, options)).greet()

describe('createRegistry', () => {
  it('makes a component of every form', async () => {
    const { write, path } = testFolder()
    write(
      'greeters.mjs',
      `export const ready = { greet: () => 'ready' }
       export const make = ({ word = 'made' }, context) => ({ greet: () => word + Object.keys(context) })
       export const nothing = () => null
       export const kind = { kind: { name: 'store' }, name: 'x', schema: {}, create() {} }`,
    )
    const instance: Greeter = { greet: () => 'me' }
    expect(await registry.create(greeterKind, instance)).toBe(instance)
    expect(await greeting(() => ({ greet: () => 'called' }))).toBe('called')
    expect(await greeting('polite')).toBe('hello')
    expect(await greeting({ type: 'polite', word: 'hi' })).toBe('hi')
    expect(await greeting('polite', { logger: console })).toBe('hello!')
    expect(await greeting('./greeters.mjs#ready', { folder: path })).toBe('ready')
    expect(await greeting({ type: `${join(path, 'greeters.mjs')}#make`, word: 'w' }, { logger: console })).toBe('wlogger')
    await expect(greeting({ type: './greeters.mjs#ready', word: 'w' }, { folder: path })).rejects.toThrow(
      'takes no options; got word',
    )
    await expect(greeting('./greeters.mjs#nothing', { folder: path })).rejects.toThrow(
      'to be a greeter; got null: expected a greeter',
    )
    await expect(greeting('./greeters.mjs#kind', { folder: path })).rejects.toThrow('to be a greeter; it is a store')
    await expect(greeting('./greeters.mjs#redy', { folder: path })).rejects.toThrow('did you mean "ready"?')
    await expect(greeting('./greeters.mjs', { folder: path })).rejects.toThrow(
      'greeters.mjs#kind. The module exports: kind, make, nothing, ready.',
    )
    await expect(greeting('./gone.mjs#x', { folder: path })).rejects.toMatchObject({ code: 'not_found' })
  })

  it('finds a package from the folder', async () => {
    const { write, path } = testFolder()
    write('node_modules/greeters/package.json', '{ "name": "greeters", "type": "module", "exports": "./index.js" }')
    write('node_modules/greeters/index.js', `export const ready = { greet: () => 'from a package' }`)
    expect(await greeting('greeters#ready', { folder: path })).toBe('from a package')
  })

  it('takes a component that a module exports, with its schema', async () => {
    const { write, path } = testFolder()
    const zod = JSON.stringify(import.meta.resolve('zod'))
    write(
      'plugin.mjs',
      `import { z } from ${zod}
       export const own = { kind: { name: 'greeter' }, name: 'own', summary: '', schema: z.strictObject({ word: z.string() }),
         create: ({ word }) => ({ greet: () => word }) }`,
    )
    expect(await greeting({ type: './plugin.mjs#own', word: 'x' }, { folder: path })).toBe('x')
    await expect(greeting({ type: './plugin.mjs#own', wrod: 'x' }, { folder: path })).rejects.toThrow('wrod')
  })

  it.each([
    ['polit', 'There is no greeter "polit"; did you mean "polite"? Known here: polite, broken.'],
    ['zzzzzz', 'There is no greeter "zzzzzz". Known here: polite, broken.'],
    [{ type: 'polite', wrod: 'x' }, 'wrod'],
    ['broken', 'Expected the greeter "broken" to be a greeter; got an object: expected a greeter.'],
    [{ word: 'x' }, 'Expected a greeter: an instance, a function that makes one, a name'],
    [3, 'got 3'],
    [() => 3, 'the function given, which was called to make it, to be a greeter; got 3'],
  ])('refuses %j', async (form, words) => {
    await expect(greeting(form)).rejects.toThrow(words)
  })

  it('quotes no secret of its options', async () => {
    const spicy = defineComponent({
      kind: greeterKind,
      name: 'spicy',
      summary: '',
      schema: z.strictObject({ seasoning: z.string().max(3).meta({ secret: true }) }),
      create: () => ({ greet: () => '' }),
    })
    const made = registry.with(spicy).create(greeterKind, { type: 'spicy', seasoning: 'paprika' })
    await expect(made).rejects.toThrow('at seasoning, in the options of the greeter "spicy"')
    await expect(made).rejects.not.toThrow('paprika')
  })

  it('tells who gives an algorithm as a bare function what to do', async () => {
    await expect(createRegistry().create(algorithmKind, (() => 6) as never)).rejects.toThrow('wrap your function')
  })

  it('is a value: more components make another registry', async () => {
    const rude = defineComponent({
      kind: greeterKind,
      name: 'rude',
      summary: '',
      schema: z.strictObject({}),
      create: () => ({ greet: () => 'oi' }),
    })
    const more = registry.with(rude)
    expect(more.names(greeterKind)).toEqual(['polite', 'broken', 'rude'])
    expect(registry.names(greeterKind)).toEqual(['polite', 'broken'])
    expect(() => more.with(rude)).toThrow('two components "greeter rude"')
  })

  it('describes itself', () => {
    expect(registry.describe()[0]).toEqual({
      kind: 'greeter',
      name: 'polite',
      summary: 'says a word',
      options: {
        type: 'object',
        properties: { word: { type: 'string', default: 'hello', description: 'what it says' } },
        additionalProperties: false,
      },
    })
  })

  it('passes on instances of what AGL has', async () => {
    const store: LightningStore = createMemoryStore()
    onTestFinished(() => store.close())
    expect(await registry.create(storeKind, store)).toBe(store)
  })
})

describe('componentSchema', () => {
  it('takes names, long forms and module paths, and gives the long form', () => {
    const schema = componentSchema(registry, greeterKind)
    expect(schema.parse('polite')).toEqual({ type: 'polite' })
    expect(schema.parse({ type: 'polite', word: 'x' })).toEqual({ type: 'polite', word: 'x' })
    expect(schema.parse({ type: './x.ts#y', any: [1] })).toEqual({ type: './x.ts#y', any: [1] })
    expect(schema.safeParse({ type: 'polite', word: 1 }).error?.issues).toMatchObject([{ path: ['word'] }])
    expect(schema.safeParse({ type: 'polite', wrod: 1 }).error?.issues).toMatchObject([
      { code: 'unrecognized_keys', keys: ['wrod'] },
    ])
  })
})

describe('loadPackage', () => {
  it('says what to run when the package is missing, and passes on what is wrong inside it', async () => {
    // In Node itself: the test runner has errors of its own for modules that are missing.
    const { write } = testFolder()
    const file = write(
      'main.mjs',
      `import { loadPackage } from ${JSON.stringify(new URL('load-package.ts', import.meta.url).href)}
       const tell = async (name, load) => loadPackage(name, load).catch((error) => console.log(error.code, error.message))
       await tell('@agl/none', () => import('@agl/none'))
       await tell('@agl/none/client', () => import('@agl/none/client'))
       await tell('half', () => import('half'))`,
    )
    write('node_modules/half/package.json', '{ "name": "half", "type": "module", "exports": "./index.js" }')
    write('node_modules/half/index.js', `import 'other-half'`)
    const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@agl/source', file])
    const lines = stdout.trimEnd().split('\n')
    expect(lines.slice(0, 2)).toEqual([
      'missing_package A component of the configuration comes from @agl/none, which is not installed. Run: npm install @agl/none',
      'missing_package A component of the configuration comes from @agl/none, which is not installed. Run: npm install @agl/none',
    ])
    expect(lines[2]).toContain("ERR_MODULE_NOT_FOUND Cannot find package 'other-half'")
    expect(await loadPackage('x', async () => 3)).toBe(3)
  })
})
