import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { apoDefaults } from './options.ts'

it('the README tells every option of createApo with its default', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const [, section] = /^## Better prompts: `createApo`\n([\s\S]*?)^## /m.exec(readme)!
  const rows = [...section!.matchAll(/^\| `(.+?)` +\| (.+?) +\|/gm)].flatMap(([, names, defaults]) =>
    names!.split('`, `').map((name, place) => [name, defaults!.split(', ')[place]!.replaceAll('`', '')] as const),
  )
  const expected = Object.entries(apoDefaults).map(([name, value]) => {
    return [name, typeof value === 'object' ? JSON.stringify(value) : String(value)] as const
  })
  const without = { model: 'required', templates: 'apoTemplates', testDataset: 'none' }
  expect(Object.fromEntries(rows)).toEqual({ ...Object.fromEntries(expected), ...without })
})
