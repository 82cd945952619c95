import type { Triplet } from '@agl/types'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mergeTrajectory } from './trajectory.ts'

function call(prompt: readonly number[], response: readonly number[]): Triplet {
  return {
    prompt: { tokenIds: prompt, rawContent: [], imageUrls: [] },
    response: { tokenIds: response, rawContent: [] },
    reward: null,
    metadata: { response_id: 'r' },
  }
}

describe('mergeTrajectory', () => {
  it('goes on with the sequence while prompts begin with it', () => {
    expect(mergeTrajectory([call([1, 2], [3]), call([1, 2, 3, 9], [4, 5])])).toEqual([
      { tokens: [1, 2, 3, 9, 4, 5], sampled: [false, false, true, false, true, true] },
    ])
  })

  it('keeps interleaved conversations apart, and each of them whole', () => {
    const calls = [call([1], [2]), call([5], [6]), call([1, 2, 3], [4]), call([5, 6, 7], [8])]
    expect(mergeTrajectory(calls).map(({ tokens }) => tokens)).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ])
  })

  it('starts a new row where the prompt differs, also in what was sampled', () => {
    expect(mergeTrajectory([call([1, 2], [3]), call([1, 2, 7], [4])])).toHaveLength(2)
    expect(mergeTrajectory([call([1, 2], [3]), call([1], [4])])).toHaveLength(2)
  })

  it('refuses a call without token ids and says what to do', () => {
    expect(() => mergeTrajectory([call([], [1])])).toThrow(/tokenIds: true/)
    expect(() => mergeTrajectory([call([1], [])])).toThrow(/no token ids/)
  })

  it('holds every sampled token of every call exactly once, in order, with its prompt before it', () => {
    const token = fc.integer({ min: 0, max: 3 })
    const tokens = fc.array(token, { minLength: 1, maxLength: 4 })
    const turns = fc.array(fc.record({ extra: tokens, response: tokens, isFresh: fc.boolean() }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(turns, (list) => {
        const calls: Triplet[] = []
        for (const { extra, response, isFresh } of list) {
          const last = calls.at(-1)
          const history = last === undefined || isFresh ? [] : [...last.prompt.tokenIds, ...last.response.tokenIds]
          calls.push(call([...history, ...extra], response))
        }
        const rows = mergeTrajectory(calls)
        // Interleaved conversations may change the order of rows, never the tokens in them.
        const sampled = rows.flatMap((row) => row.tokens.filter((_, index) => row.sampled[index]))
        expect(sampled.toSorted()).toEqual(calls.flatMap(({ response }) => response.tokenIds).toSorted())
        for (const row of rows) expect(row.sampled).toHaveLength(row.tokens.length)
        // Each call stands in some row exactly as the engine saw it.
        for (const { prompt, response } of calls) {
          const whole = [...prompt.tokenIds, ...response.tokenIds].join()
          expect(rows.some(({ tokens }) => `${tokens.join()},`.startsWith(`${whole},`))).toBe(true)
        }
      }),
    )
  })
})
