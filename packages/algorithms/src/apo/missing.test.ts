import { describe, expect, it } from 'vitest'
import type { ApoCandidate } from './candidate.ts'
import { resolveApoOptions } from './options.ts'
import { frontOf } from './pareto.ts'
import { race } from './race.ts'
import { joinFront } from './select.ts'
import type { Scores, Session } from './session.ts'

type Score = number | null

const candidateOf = (id: string, parents: readonly string[] = []): ApoCandidate => {
  return { id, key: id, templates: {}, parents, round: 0, target: null, critique: null, rationale: null }
}

describe('scores that are missing', () => {
  it('of one candidate leave the front of the others as it is', () => {
    const scores: Readonly<Record<string, Scores>> = {
      left: [1, 0, 1, 0],
      right: [0, 1, 0, 1],
      worse: [0, 0, 0, 0],
      away: [null, null, null, null],
    }
    const front = frontOf(
      ['left', 'right', 'worse', 'away'].map((id) => candidateOf(id)),
      ({ id }) => scores[id]!,
    )
    expect(front.map(({ candidate: { id }, wins }) => [id, wins])).toEqual([
      ['left', 2],
      ['right', 2],
    ])
  })

  it('of one candidate in a race do not make all others be judged by the one task that it has', async () => {
    // By the third task alone the worse one of the two would win.
    const scores: readonly (readonly Score[])[] = [
      [1, 1, 0, 1],
      [0, 0, 1, 0],
      [null, null, 1, null],
    ]
    const standings = await race({ candidates: 3, keep: 3, tasks: 4, run: async (index) => scores[index]! })
    expect(standings).toEqual([
      { index: 0, mean: 0.75, tasks: 4 },
      { index: 1, mean: 0.25, tasks: 4 },
      { index: 2, mean: 1, tasks: 4 },
    ])
  })

  it('of a parent are no reason for a child to join the front, and those of a child none against it', async () => {
    const trials: Readonly<Record<string, readonly Score[]>> = {
      parent: [null, -1, -1, -1],
      worse: [-1, -2, -1, -1],
      better: [null, 0, -1, null],
    }
    const session = {
      candidates: ['parent', 'worse', 'better'].map((id) => candidateOf(id, id === 'parent' ? [] : ['parent'])),
      val: [{}, {}],
      sharedTrials: () => [0, 1, 2, 3],
      trialScores: ({ id }: ApoCandidate) => trials[id]!,
      runOnTrials: async ({ id }: ApoCandidate, places: readonly number[]) =>
        places.map((place) => ({ score: trials[id]![place]! })),
      runVal: async (_: ApoCandidate, places: readonly number[]) => places.map(() => 0),
      valScores: () => [0, 0],
    } as unknown as Session
    const model = { name: 'none', chat: async () => ({ text: '', usage: null, finishReason: 'stop' as const }) }
    const [parent, ...children] = session.candidates
    const options = resolveApoOptions({ model, mode: 'pareto', beamWidth: 2 })
    const joined = await joinFront(session, options, { members: [parent!], parents: [parent!], children }, 1)
    expect(joined.map(({ candidate }) => candidate.id)).toEqual(['better', 'parent'])
  })
})
