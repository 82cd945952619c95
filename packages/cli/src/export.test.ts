import { mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { artifactKey, openRun } from '@agl/algorithms'
import { createSqliteStore } from '@agl/store-sqlite'
import { type LightningStore, silentLogger } from '@agl/types'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from './run.ts'

let folder = ''
beforeAll(async () => void (folder = await mkdtemp(path.join(os.tmpdir(), 'agl-export-'))))
afterAll(async () => rm(folder, { recursive: true }))

async function storeWith(name: string, fill: (store: LightningStore) => Promise<unknown>): Promise<string> {
  const file = path.join(folder, name)
  const store = createSqliteStore({ file })
  await fill(store)
  await store.close()
  return file
}

async function exported(...args: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ['', '']
  const status = await run(['export', ...args], { out: (text) => (out += text), err: (text) => (err += text) })
  return { status, out, err }
}

const promptOf = (template: string) =>
  ({ 'my-prompt': { resource_type: 'prompt_template', template, engine: 'f-string' } }) as const

describe('agl export', () => {
  it('writes what an alias points to as a module', async () => {
    const store = await storeWith('alias.db', async (to) => {
      await to.updateResources({ resourcesId: 'a', resources: promptOf('say "{what}" `${x}`') })
      await to.updateResources({ resourcesId: 'a', resources: promptOf('newer') })
      await to.setResourcesAlias({ alias: 'best', resourcesId: 'a', version: 1 })
    })
    const out = path.join(folder, 'alias')
    expect(await exported('--store', store, '--out', out)).toEqual({
      status: 0,
      out: `${JSON.stringify({ out, resources: ['my-prompt'] })}\n`,
      err: '',
    })
    const module = (await import(pathToFileURL(path.join(out, 'resources.ts')).href)) as { readonly resources: unknown }
    expect(module.resources).toEqual(promptOf('say "{what}" `${x}`'))
    await exported('--store', store, '--out', out, '--resources', 'a')
    expect((await readdir(out)).toSorted()).toEqual(['resources.json', 'resources.ts'])
  })

  it('writes the report of a run, and says so when there is none yet', async () => {
    const estimate = { mean: 0.5, low: 0.4, high: 0.6, count: 10 }
    const artifact = {
      format: 'agl.artifact/1',
      algorithm: 'apo',
      createdAt: '2026-11-20T12:00:00.000Z',
      verdict: 'improved',
      resources: promptOf('new'),
      id: 'p0',
      val: { before: estimate, after: estimate, gain: estimate },
      test: null,
      replay: null,
      lineage: [],
      curve: [estimate, estimate],
      seed: 1,
      dataHash: { train: 'a', val: 'b', test: 'c' },
      spent: { rollouts: 1, modelCalls: 0, tokens: 0, usd: 0, minutes: 0 },
    }
    const store = await storeWith('run.db', async (to) => {
      const done = await openRun({ store: to, name: 'apo', runId: 'done', logger: silentLogger })
      await done.state.save(artifactKey, artifact)
      const going = await openRun({ store: to, name: 'apo', runId: 'going', logger: silentLogger })
      await going.state.save('step', 1)
    })
    const out = path.join(folder, 'run')
    expect((await exported('--store', store, '--out', out, '--run', 'done')).status).toBe(0)
    expect((await readdir(out)).toSorted()).toEqual(['artifact.json', 'learning-curve.svg', 'report.md', 'resources.ts'])
    const going = await exported('--store', store, '--out', out, '--run', 'going')
    expect(going).toMatchObject({ status: 1, err: expect.stringContaining('has not found anything yet') })
  })

  it('says what is there when it cannot find what was asked for', async () => {
    const store = await storeWith('empty.db', async (to) => to.updateResources({ resourcesId: 'mine', resources: promptOf('a') }))
    const out = path.join(folder, 'none')
    const missing = await exported('--store', store, '--out', out)
    expect(missing).toMatchObject({ status: 1, err: expect.stringContaining('the alias "best". Newest resources in it: mine.') })
    const both = await exported('--store', store, '--out', out, '--run', 'a', '--alias', 'b')
    expect(both).toMatchObject({ status: 2, err: expect.stringContaining('got --run and --alias') })
  })
})
