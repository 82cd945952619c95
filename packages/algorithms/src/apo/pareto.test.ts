import { expect, it } from 'vitest'
import { chooseParents } from './breed.ts'
import type { ApoCandidate } from './candidate.ts'
import { resolveApoOptions } from './options.ts'
import type { Session } from './session.ts'
import { createRulesModel, runApo, tasks } from './rules-world.test-support.ts'

const options = { mode: 'pareto', beamWidth: 2, branchFactor: 2, beamRounds: 6, valBatchSize: 12 } as const

it('keeps whoever has joined the front', async () => {
  const { rounds, lineage } = await runApo({}, options)
  for (const [index, { survivors, children }] of rounds.entries()) {
    const before = index === 0 ? ['p0'] : rounds[index - 1]!.survivors.map(({ id }) => id)
    const now = survivors.map(({ id }) => id)
    expect(now).toEqual(expect.arrayContaining(before))
    expect(now.length).toBeLessThanOrEqual(before.length + options.beamWidth)
    const parents = children.flatMap((id) => lineage.find((each) => each.id === id)!.parents)
    expect(before).toEqual(expect.arrayContaining(parents))
  }
  expect(rounds.at(-1)!.survivors.length).toBeGreaterThan(options.beamWidth)
})

it('goes on from the best so far, and from others of the front', () => {
  const scores: Readonly<Record<string, readonly number[]>> = {
    leader: [0, 0, 1, 1],
    lucky: [1, 1, 1, 0],
    matched: [1, 0, 0, 0],
  }
  const survivors = Object.keys(scores).map((id) => ({ id }) as ApoCandidate)
  const session = { valScores: ({ id }: ApoCandidate) => scores[id]! } as unknown as Session
  for (let seed = 0; seed < 20; seed += 1) {
    const parents = chooseParents(session, resolveApoOptions({ model: createRulesModel(), ...options, seed }), survivors, 1)
    expect(parents.map(({ id }) => id)).toEqual(['leader', 'lucky', 'leader', 'lucky'])
  }
})

it('merges two of which neither was made of the other', async () => {
  let merges = 0
  for (let seed = 0; seed < 8; seed += 1) {
    const { lineage } = await runApo({}, { ...options, seed })
    const ancestors = (id: string): readonly string[] =>
      lineage.find((each) => each.id === id)!.parents.flatMap((parent) => [parent, ...ancestors(parent)])
    for (const { parents } of lineage.filter((each) => each.parents.length === 2)) {
      const [one, other] = parents as [string, string]
      expect(ancestors(one)).not.toContain(other)
      expect(ancestors(other)).not.toContain(one)
      merges += 1
    }
  }
  expect(merges).toBeGreaterThan(5)
})

it('runs the children of a round on training tasks that their parent was run on', async () => {
  const runs = { train: 0, val: 0 }
  const onRollout = (mode: string): void => {
    if (mode === 'train' || mode === 'val') runs[mode] += 1
  }
  const one = { ...options, beamWidth: 1, beamRounds: 1 }
  const { rounds } = await runApo({ onRollout, trainTasks: tasks(24) }, one)
  const children = rounds[0]!.children.length
  expect(children).toBe(2)
  expect(runs.train).toBe(4 + 4 * children)
})
