import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { rollout } from '@agl/runner'
import { findFinalReward } from '@agl/types/spans'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { agentModule } from './agent-module.ts'
import { algorithm, runAll } from './conformance/tasks.ts'
import { createTrainer, type Trainer } from './trainer.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'agl mit Leerzeichen-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A module of an agent that needs nothing of ours. */
function write(name: string, text: string): string {
  const file = path.join(folder, name)
  writeFileSync(file, text)
  return file
}

const typescript = 'interface Task { readonly n: number }\nexport const triple = { rollout: async (task: Task) => 3 * task.n }\n'
const javascript = 'export const triple = { rollout: async (task) => 3 * task.n }\n'

const rewards = algorithm(async (context) => {
  const ids = await runAll(context)
  return await Promise.all(ids.map(async (rolloutId) => findFinalReward((await context.store.querySpans({ rolloutId })).items)))
})

function trainerFor(strategy: 'shm' | 'ipc', more: object = {}): Trainer<readonly (number | null)[], unknown> {
  return createTrainer({ algorithm: rewards, strategy, ...more })
}

describe.each(['shm', 'ipc'] as const)('under %s', (strategy) => {
  it.each([
    ['TypeScript', 'agent.ts', typescript],
    ['JavaScript', 'agent.mjs', javascript],
  ])('an agent in %s, on a path with spaces', async (_what, name, text) => {
    const trainer = trainerFor(strategy)
    const file = write(name, text)
    expect(await trainer.fit(agentModule(pathToFileURL(file), 'triple'), [{ n: 1 }, { n: 2 }])).toEqual([3, 6])
    await trainer.store.close()
  })
})

it('takes URLs, their text and paths', () => {
  const url = pathToFileURL(path.join(folder, 'a.ts'))
  const expected = { kind: 'agent_module', module: url.href, export: 'a' }
  for (const module of [url, url.href, path.join(folder, 'a.ts'), path.relative(process.cwd(), path.join(folder, 'a.ts'))]) {
    expect(agentModule(module, 'a')).toEqual(expected)
  }
  expect(agentModule('vitest', 'a').module).toMatch(/^file:.*\/vitest\//)
  expect(() => agentModule('https://example.com/a.js', 'a')).toThrow(/a file URL/)
  expect(() => agentModule('no-such-package-anywhere', 'a')).toThrow(/cannot be found/)
  expect(() => agentModule(url, undefined as never)).toThrow(/got nothing/)
})

it('a module that cannot be loaded says why', async () => {
  const trainer = trainerFor('ipc')
  const broken = agentModule(write('broken.mjs', 'import "./nowhere.mjs"\n'), 'agent')
  await expect(trainer.fit(broken, [])).rejects.toThrow(/The module of the agent cannot be loaded: .*nowhere/)
  await trainer.store.close()
})

it('the program itself is refused', async () => {
  const [, entry] = process.argv
  const trainer = trainerFor('shm')
  await expect(trainer.fit(agentModule(entry!, 'clerk'), [])).rejects.toThrow(/lies in the program itself .*clerk\.\w+/)
  await trainer.store.close()
})

describe('what cannot cross into a child', () => {
  const file = (): string => write('agent.mjs', javascript)

  it.each([
    [{ tracer: { trace: async () => {} } }, /the `tracer` of createTrainer .*[\s\S]*export: 'createOtelTracer'/],
    [{ runner: { workerName: () => 'x' } }, /`runner\.workerName` of createTrainer/],
    [{ runner: { concurency: 2 } }, /concurency/],
  ])('%j is told before anything begins', async (more, text) => {
    const trainer = trainerFor('ipc', more)
    await expect(trainer.fit(agentModule(file(), 'triple'), [])).rejects.toThrow(text)
    await trainer.store.close()
  })

  it('an agent is told in the words of the program', async () => {
    const trainer = trainerFor('ipc')
    const greeter = rollout(() => 1)
    await expect(trainer.fit(greeter, [])).rejects.toThrow(
      /`greeter` exists in this one only \(.*agent-module\.test\.ts:\d+\)[\s\S]*export const greeter = rollout/,
    )
    await trainer.store.close()
  })

  it('a tracer comes from its module', async () => {
    const tracer = write(
      'tracer.mjs',
      'import { writeFileSync } from "node:fs"\n' +
        'export const make = ({ file }) => ({ trace: async (_attempt, work) => (writeFileSync(file, "traced"), work({ reward() {} })) })\n',
    )
    const seen = path.join(folder, 'seen')
    const trainer = trainerFor('ipc', { tracer: { module: tracer, export: 'make', options: { file: seen } } })
    expect(await trainer.fit(agentModule(file(), 'triple'), [{ n: 1 }])).toEqual([null])
    const { readFileSync } = await import('node:fs')
    expect(readFileSync(seen, 'utf8')).toBe('traced')
    await trainer.store.close()
  })
})
