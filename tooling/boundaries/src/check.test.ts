import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkBoundaries, formatProblem } from './check.ts'

let root: string

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'agl-boundaries-'))
  write('package.json', { devDependencies: { vitest: '5', tsdown: '1' } })
  writePackage('types')
  writePackage('store-memory', { dependencies: { '@agl/types': 'workspace:^' } })
  write('packages/store-memory/src/index.ts', "export type { Rollout } from '@agl/types'\n")
})

afterEach(() => rmSync(root, { recursive: true }))

function write(file: string, content: string | object): void {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
  writeFileSync(path.join(root, file), typeof content === 'string' ? content : JSON.stringify(content))
}

/** A package that has everything it should. */
function writePackage(folder: string, changes: object = {}): void {
  const published = { types: './dist/index.d.ts', default: './dist/index.js' }
  write(`packages/${folder}/package.json`, {
    name: `@agl/${folder}`,
    description: 'A package',
    license: 'MIT',
    type: 'module',
    files: ['dist'],
    exports: { '.': { '@agl/source': './src/index.ts', ...published } },
    publishConfig: { access: 'public', exports: { '.': published } },
    ...changes,
  })
  write(`packages/${folder}/README.md`, '# A package')
  write(`packages/${folder}/tsconfig.json`, '{}')
  write(`packages/${folder}/tsdown.config.ts`, "import 'tsdown'\n")
  write(`packages/${folder}/src/index.ts`, 'export {}\n')
}

const problems = (): string[] => checkBoundaries(root).problems.map(formatProblem)

it('has nothing to say about a sound workspace', () => {
  expect(problems()).toEqual([])
  expect(checkBoundaries(root)).toMatchObject({ packages: 2, files: 4 })
})

describe('imports against the arrows', () => {
  it.each([
    ['a static import', "import { x } from '@agl/store-memory'"],
    ['a type import', "import type { X } from '@agl/store-memory'"],
    ['a re-export', "export * from '@agl/store-memory/sub'"],
    ['a dynamic import', "export const load = () => import('@agl/store-memory')"],
    ['an import type', "export type X = import('@agl/store-memory').X"],
  ])('catches %s', (_, line) => {
    writePackage('runner', { dependencies: { '@agl/store-memory': 'workspace:^' } })
    write('packages/runner/src/a.ts', `// a comment\n\n${line}\n`)
    expect(problems()).toEqual([
      expect.stringMatching(
        /^packages\/runner\/src\/a\.ts:3: imports "@agl\/store-memory.*may import @agl\/types, @agl\/prompts\./,
      ),
    ])
  })

  it('is not fooled by comments and strings', () => {
    write(
      'packages/types/src/a.ts',
      "// import '@agl/runner'\nexport const text = \"import '@agl/runner'; console.log(process.env)\"\n",
    )
    expect(problems()).toEqual([])
  })

  it('lets the trainer load its optional peers on use only', () => {
    writePackage('algorithms')
    writePackage('trainer', { peerDependencies: { '@agl/algorithms': 'workspace:^' } })
    write(
      'packages/trainer/src/index.ts',
      "import type { A } from '@agl/algorithms'\nexport const f = (): A => import('@agl/algorithms')\n",
    )
    expect(problems()).toEqual([])
    write('packages/trainer/src/index.ts', "import { a } from '@agl/algorithms'\na()\n")
    expect(problems()).toEqual([expect.stringContaining('index.ts:1: imports "@agl/algorithms" at load: it is an optional peer')])
  })

  it('lets tests import what is in devDependencies, apps any package', () => {
    writePackage('runner', { devDependencies: { '@agl/store-memory': 'workspace:^' } })
    write('packages/runner/src/a.test.ts', "import 'vitest'\nimport './shared.test-support.ts'\n")
    write('packages/runner/src/shared.test-support.ts', "import '@agl/store-memory'\n")
    write('apps/desk/package.json', { name: '@agl/desk', private: true, dependencies: { '@agl/runner': 'workspace:^' } })
    write('apps/desk/src/main.ts', "import '@agl/runner'\nconsole.log(process.env)\n")
    expect(problems()).toEqual([])
  })

  it('catches files of other packages, tests in sources and built-ins without "node:"', () => {
    write('packages/types/src/a.ts', "import '../../store-memory/src/index.ts'\nimport './b.test.ts'\nimport 'fs'\n")
    write('packages/types/src/b.test.ts', '')
    expect(problems()).toEqual([
      expect.stringContaining('a.ts:1: imports "../../store-memory/src/index.ts", a file of another package'),
      expect.stringContaining('a.ts:2: imports "./b.test.ts", a test file'),
      expect.stringContaining('a.ts:3: imports "fs": write "node:fs"'),
    ])
  })
})

describe('dependencies', () => {
  it('catches imports that are not declared', () => {
    write('packages/types/src/a.ts', "import 'zod/v4'\n")
    write('packages/types/src/a.test.ts', "import '@scope/tool/sub'\n")
    expect(problems()).toEqual([
      expect.stringContaining('a.ts:1: imports "zod", which is not in dependencies'),
      expect.stringContaining('a.test.ts:1: imports "@scope/tool", which is in no dependencies'),
    ])
  })

  it('catches what is declared and not used', () => {
    writePackage('types', {
      dependencies: { zod: '4', ws: '8' },
      devDependencies: { express: '5', '@types/express': '5', rimraf: '6' },
    })
    write('packages/types/src/a.test.ts', "import 'ws'\nimport 'express'\n")
    expect(problems()).toEqual([
      'packages/types/package.json: has "zod" in its dependencies, but nothing imports it: remove it.',
      'packages/types/package.json: has "ws" in its dependencies, but only tests or scripts import it: move it to devDependencies.',
      'packages/types/package.json: has "rimraf" in its devDependencies, but nothing imports it and no script names it: remove it.',
    ])
  })

  it('catches a cycle through devDependencies', () => {
    writePackage('types', { devDependencies: { '@agl/store-memory': 'workspace:^' } })
    write('packages/types/src/a.test.ts', "import '@agl/store-memory'\n")
    expect(problems()).toEqual([expect.stringContaining('cycle: @agl/store-memory -> @agl/types -> @agl/store-memory')])
  })
})

describe('what belongs to the process', () => {
  it.each([
    ['console.log(1)', 'uses console.log'],
    ["globalThis.console['warn'](1)", 'uses console.warn'],
    ["process.stdout.write('')", 'uses process.stdout'],
    ['export const a = process.env.A', 'reads process.env'],
    ["export const a = globalThis.process['env']", 'reads process.env'],
    ['const { env } = process', 'reads process.env'],
    ["import { env } from 'node:process'", 'reads process.env'],
  ])('catches %s', (line, message) => {
    write('packages/types/src/a.ts', `${line}\n`)
    expect(problems()).toEqual([expect.stringContaining(`packages/types/src/a.ts:1: ${message}`)])
  })

  it('lets one file of the trainer read the environment', () => {
    writePackage('trainer')
    write('packages/trainer/src/environment.ts', 'export const a = process.env.A\n')
    expect(problems()).toEqual([])
  })
})

describe('the files and fields of a package', () => {
  it('catches missing files and long configuration', () => {
    rmSync(path.join(root, 'packages/types/README.md'))
    rmSync(path.join(root, 'packages/types/tsdown.config.ts'))
    write('packages/types/tsconfig.json', '\n'.repeat(10) + '{}')
    expect(problems()).toEqual([
      expect.stringContaining('packages/types/README.md: is missing'),
      expect.stringContaining('packages/types/tsconfig.json: has 11 lines'),
      expect.stringContaining('packages/types/tsdown.config.ts: is missing'),
    ])
  })

  it('catches exports that would not work once published', () => {
    const target = { '@agl/source': './src/gone.ts', types: './dist/index.d.ts', default: './src/index.ts' }
    writePackage('types', { exports: { '.': target }, publishConfig: { access: 'public', exports: { '.': target } } })
    expect(problems()).toEqual([
      expect.stringContaining('leads to ./src/gone.ts, which does not exist'),
      expect.stringContaining('needs "default" under ./dist/'),
      expect.stringContaining('equal to "exports" without "@agl/source"'),
    ])
  })

  it('catches a wrong name, licence and a package that the arrows do not know', () => {
    writePackage('novelty', { name: '@agl/other', license: 'ISC' })
    expect(problems()).toEqual([
      expect.stringContaining('is not in the table of arrows'),
      expect.stringContaining('needs "name": "@agl/novelty"'),
      expect.stringContaining('needs "license": "MIT"'),
    ])
  })

  it('reports a file that cannot be parsed', () => {
    write('packages/types/src/a.ts', 'export const = 1\n')
    expect(problems()).toEqual([expect.stringContaining('packages/types/src/a.ts: cannot be parsed')])
  })
})
