import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { JsonValue } from '@agl/types'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { estimateGain, estimateMean } from '../statistics.ts'
import { type Artifact, parseArtifact } from './artifact.ts'
import { readArtifact, writeArtifact, writeResources } from './files.ts'
import { renderReport } from './report.ts'

let folder = ''
beforeAll(async () => void (folder = await mkdtemp(path.join(os.tmpdir(), 'agl-artifact-'))))
afterAll(async () => rm(folder, { recursive: true }))

const prompt = { resource_type: 'prompt_template', engine: 'f-string', template: 'Solve {task}.' } as const

describe('an artifact', () => {
  it('can be read, reported and written again where nothing is known of a score', async () => {
    const unknown = { before: estimateMean([]), after: estimateMean([0.5]), gain: estimateGain([], []) }
    const artifact: Artifact = {
      format: 'agl.artifact/1',
      algorithm: 'apo',
      createdAt: '2026-01-01T00:00:00.000Z',
      verdict: 'no_significant_difference',
      resources: { prompt },
      id: 'p0',
      val: unknown,
      test: unknown,
      replay: { tasks: 0, mean: Number.NaN, claimed: Number.NaN, difference: estimateGain([], []), agrees: false },
      lineage: [{ id: 'p0', parents: [], round: 0, resources: { prompt }, critique: null, rationale: null, score: null }],
      curve: [estimateMean([0.5]), estimateMean([0.5])],
      seed: 1,
      dataHash: { train: 'a', val: 'b', test: 'c' },
      spent: { rollouts: 1, modelCalls: 0, tokens: 0, usd: 0, minutes: 0 },
    }
    const read = parseArtifact(JSON.parse(JSON.stringify(artifact)) as JsonValue, 'what a store has')
    expect(read.test!.gain).toEqual(unknown.gain)
    expect(renderReport(read)).toBe(renderReport(artifact))
    expect(renderReport(read)).toContain('| 0.500 [?, ?] | ? [?, ?] |')
    await writeArtifact(path.join(folder, 'unknown'), read)
    expect(await readArtifact(path.join(folder, 'unknown'))).toEqual(read)
  })

  it('is a module that can be imported, whatever its resources are called and say', async () => {
    const template = 'Ünïcode 𝒳 `${x}` {task} {{"a": 1}} \u2028 */ \\ "quoted"\n'
    const names = ['prompt', 'eval', 'arguments', 'undefined', 'default', 'two words', 'score', '1st']
    const resources = Object.fromEntries(names.map((name) => [name, { ...prompt, template }]))
    await writeResources(path.join(folder, 'names'), { resources, origin: 'A test\n*/', score: null })
    const module: unknown = await import(pathToFileURL(path.join(folder, 'names', 'resources.ts')).href)
    expect(module).toMatchObject({ prompt: resources['prompt'], resources })
  })
})
