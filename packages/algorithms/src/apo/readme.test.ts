import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { apoDefaults } from './options.ts'
import { runApo, tasks } from './rules-world.test-support.ts'

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

it('the guide tells what runs cost at most, as their plans do', async () => {
  const guide = readFileSync(new URL('../../../../docs/optimize-prompts.md', import.meta.url), 'utf8')
  const rows = [...guide.matchAll(/^\| .+? \| +(\d+) \/ (\d+) \/ (\d+) +\| (.*?) +\| (\d+) rollouts, (\d+) calls +\|/gm)]
  expect(rows.length).toBeGreaterThan(3)
  for (const [, train, val, test, options, rollouts, calls] of rows) {
    const given = [...options!.matchAll(/(\w+): (?:'(\w+)'|(\d+))/g)].map(([, name, text, count]) => [
      name,
      text ?? Number(count),
    ])
    const lines: string[] = []
    const run = runApo(
      {
        trainTasks: tasks(Number(train)),
        valTasks: tasks(Number(val), 1_000),
        onProgress: (event) => event.type === 'plan' && lines.push(...event.lines),
      },
      // Nothing may be spent: it ends with its plan.
      { ...Object.fromEntries(given), testDataset: tasks(Number(test), 2_000), budget: { rollouts: 0 } },
    )
    await expect(run).rejects.toMatchObject({ code: 'budget_exhausted' })
    expect(lines.join('\n')).toMatch(
      new RegExp(`at most ${calls} calls of [^]*at most ${rollouts} rollouts on ${train} training`),
    )
  }
})
