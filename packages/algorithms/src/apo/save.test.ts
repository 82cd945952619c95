import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readArtifact } from '../artifact/files.ts'
import { randomFor } from '../run/hash.ts'
import { chanceOf, type RulesTask, runApo, tasks } from './rules-world.test-support.ts'

let folder = ''
beforeAll(async () => void (folder = await mkdtemp(path.join(os.tmpdir(), 'agl-artifact-'))))
afterAll(async () => rm(folder, { recursive: true }))

describe('saving', () => {
  it('writes a module that holds the prompt, and replays what it wrote', async () => {
    const saveTo = path.join(folder, 'run')
    const result = await runApo({}, { saveTo, testDataset: tasks(40, 1000) })
    const module: unknown = await import(pathToFileURL(path.join(saveTo, 'resources.ts')).href)
    expect(module).toMatchObject({ prompt: result.best.templates['prompt'], resources: result.best.templates })
    expect(result.replay).toMatchObject({ tasks: 32, agrees: true })
    // The same tasks with the same seeds.
    expect(result.replay!.mean).toBe(result.replay!.claimed)
    const artifact = await readArtifact(saveTo)
    expect(artifact).toMatchObject({ replay: result.replay, verdict: 'improved', id: result.best.id, dataHash: result.dataHash })
    expect(artifact.lineage).toHaveLength(result.lineage.length)
  })

  it('reports the way to the prompt with the critiques that led there', async () => {
    const saveTo = path.join(folder, 'report')
    const result = await runApo({}, { saveTo, beamRounds: 2 })
    const report = await readFile(path.join(saveTo, 'report.md'), 'utf8')
    expect(report).toMatch(/^# apo: improved/)
    expect(report).toContain(result.best.templates['prompt']!.template)
    expect(report).toMatch(/> add rule-\d\.\n[^]*\n\+ rule-\d\./)
    expect(report).toContain('![Mean reward by round](learning-curve.svg)')
    expect(report).toMatch(/by which it was picked: that flatters/)
    expect(await readFile(path.join(saveTo, 'learning-curve.svg'), 'utf8')).toMatch(/^<svg/)
  })

  it('says so when what was saved does not score as claimed', async () => {
    const result = await runApo({}, { beamRounds: 3 })
    const honest = await result.save(path.join(folder, 'honest'), {
      replay: async (task, { prompt }) =>
        Math.round(chanceOf(String(prompt!['template' as never]), task as unknown as RulesTask)),
    })
    expect(honest.replay!.agrees).toBe(true)
    const place = path.join(folder, 'broken')
    const broken = await result.save(place, { replay: async () => 0 })
    expect(broken.replay).toMatchObject({ agrees: false, mean: 0 })
    expect(await readFile(path.join(place, 'report.md'), 'utf8')).toContain('it does not score as claimed')
  })

  it('does not take the luck by which a prompt was picked for a fault of what was saved', async () => {
    let disagreeing = 0
    const options = { mode: 'beam', beamRounds: 3 } as const
    for (let seed = 0; seed < 12; seed += 1) {
      // No prompt is better than another: the best on validation was lucky there, and a replay is not.
      const result = await runApo({ effect: 0 }, { ...options, seed })
      const { replay } = await result.save(path.join(folder, 'lucky'), {
        replay: async (task) => (randomFor(seed, JSON.stringify(task), 'again').next() < 0.2 ? 1 : 0),
      })
      if (!replay!.agrees) disagreeing += 1
    }
    expect(disagreeing).toBe(0)
  }, 60_000)

  it('refuses a folder that cannot be made before it spends anything', async () => {
    const file = path.join(folder, 'file')
    await writeFile(file, '')
    let rollouts = 0
    const run = runApo({ onRollout: () => (rollouts += 1) }, { saveTo: path.join(file, 'found') })
    await expect(run).rejects.toThrow(/Expected .*found to be a folder that the result can be written into/)
    expect(rollouts).toBe(0)
  })

  it('refuses what is no artifact', async () => {
    await expect(readArtifact(path.join(folder, 'nothing'))).rejects.toThrow(/Expected .*artifact\.json to be an artifact/)
  })
})
