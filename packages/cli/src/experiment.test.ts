import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createExperiment } from '@agl/algorithms'
import { createSqliteStore } from '@agl/store-sqlite'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { run } from './run.ts'

let [folder, file] = ['', '']
const promptOf = (template: string) =>
  ({ resources: { prompt: { resource_type: 'prompt_template', template, engine: 'f-string' } } }) as const

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'agl-experiment-'))
  file = path.join(folder, 'runs.db')
  const store = createSqliteStore({ file })
  const arms = { plain: promptOf('Answer.'), guided: promptOf('Answer in one word.') }
  const live = await createExperiment({ name: 'clerk', arms, assign: { by: 'weight' } }).open({ store })
  await live.close()
  await store.close()
})
afterAll(async () => rm(folder, { recursive: true }))

async function experiment(...args: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ['', '']
  const all = ['experiment', ...args, '--store', file]
  const status = await run(all, { out: (text) => (out += text), err: (text) => (err += text) })
  return { status, out, err }
}

it('lists, rolls out, promotes and goes back, and keeps who did it and why', async () => {
  const because = ['--by', 'ann', '--reason', 'as agreed']
  expect((await experiment('list')).out).toBe(
    'clerk  trial  plain (control) 50 % clerk.plain@1, guided 50 % clerk.guided@1  alias clerk.stable\n',
  )
  expect((await experiment('roll-out', 'clerk', 'guided', '0.05', ...because)).out).toMatch(
    /to 0.05 % [^]*plain \(control\) 99.95 %/,
  )
  expect((await experiment('roll-out', 'clerk', 'guided', '25', ...because)).out).toContain('plain (control) 75 %')
  expect((await experiment('promote', 'clerk', 'guided', ...because)).out).toContain('guided 100 %')
  const { out } = await experiment('rollback', 'clerk', '--by', 'ben', '--reason', 'customers complain', '--json')
  expect(JSON.parse(out)).toMatchObject({ phase: 'rolled_back', by: 'ben', reason: 'customers complain', weights: { plain: 1 } })
  const history = (await experiment('history', 'clerk')).out.replaceAll(/  2\S+Z/g, '').split('\n')
  expect(history).toEqual([
    '1  define  by program: opened for the first time',
    '2  roll out guided to 0.05 %  by ann: as agreed',
    '3  roll out guided to 25 %  by ann: as agreed',
    '4  promote guided  by ann: as agreed',
    '5  rollback  by ben: customers complain',
    '',
  ])
})

it('makes no store of a path that is wrong', async () => {
  const [place, lines]: [string, string[]] = [path.join(folder, 'typo.db'), []]
  const status = await run(['experiment', 'list', '--store', place], { out: () => {}, err: (text) => void lines.push(text) })
  expect({ status, isThere: existsSync(place) }).toEqual({ status: 1, isThere: false })
  expect(lines.join('')).toMatch(/no file .*typo\.db/)
})

it.each([
  ['no reason', ['rollback', 'clerk'], 2, /--reason/],
  ['an empty reason', ['promote', 'clerk', 'guided', '--reason', ' '], 2, /expected who and why/],
  ['no such experiment', ['rollback', 'nobody', '--reason', 'x'], 1, /no experiment "nobody"/],
  ['no history', ['history', 'nobody'], 1, /no experiment "nobody"/],
  ['a share of all', ['roll-out', 'clerk', 'guided', '100%', '--reason', 'x'], 2, /above 0 and below 100/],
  ['what has been rolled back', ['rollback', 'clerk', '--reason', 'x'], 1, /already/],
])('refuses %s', async (_, args, status, message) => {
  const refused = await experiment(...args)
  expect(refused.status).toBe(status)
  expect(refused.err).toMatch(message)
})
