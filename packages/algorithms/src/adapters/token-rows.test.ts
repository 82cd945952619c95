import type { Triplet } from '@agl/types'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Finding } from './findings.ts'
import { createRowIndex } from './row-index.ts'
import { makeCall, makeReward } from './spans.test-support.ts'
import { packTokenRows, type TokenRow } from './token-rows.ts'
import { traceToTokenRows } from './trace-to-token-rows.ts'

function call(id: string, prompt: readonly number[], response: readonly number[], parts: Partial<Triplet> = {}): Triplet {
  return {
    prompt: { tokenIds: prompt, rawContent: [], imageUrls: [] },
    response: { tokenIds: response, rawContent: [], logprobs: response.map((token) => -token) },
    reward: null,
    metadata: { span_id: id, model_version: null },
    ...parts,
  }
}

function pack(triplets: readonly Triplet[], maxTokens: number | null = null) {
  const findings: Finding[] = []
  return { rows: packTokenRows(triplets, { maxTokens, onFinding: (finding) => findings.push(finding) }), findings }
}

describe('packTokenRows', () => {
  it('goes on with the sequence while prompts begin with it, and says what each call sampled', () => {
    const versions = ['v1', 'v2'].map((version, index) => ({ metadata: { span_id: `s${index}`, model_version: version } }))
    const { rows, findings } = pack([
      call('', [1, 2], [3], { ...versions[0], reward: 0.5 }),
      call('', [1, 2, 3, 9], [4, 5], { ...versions[1], reward: 1 }),
    ])
    expect(rows).toEqual([
      {
        tokens: [1, 2, 3, 9, 4, 5],
        lossMask: [0, 0, 1, 0, 1, 1],
        logprobs: [0, 0, -3, 0, -4, -5],
        reward: 1,
        segments: [
          { start: 2, end: 3, spanId: 's0', modelVersion: 'v1', reward: 0.5 },
          { start: 4, end: 6, spanId: 's1', modelVersion: 'v2', reward: 1 },
        ],
      },
    ])
    expect(findings).toEqual([])
  })

  it('goes on where a prompt adds nothing', () => {
    expect(pack([call('a', [1], [2]), call('b', [1, 2], [3])]).rows).toMatchObject([{ tokens: [1, 2, 3], lossMask: [0, 1, 1] }])
  })

  it('keeps interleaved conversations apart and whole, and goes on with the longest', () => {
    const calls = [
      call('a', [1], [2]),
      call('b', [5], [6]),
      call('c', [1, 2, 3], [4]),
      call('d', [5, 6, 7], [8]),
      call('e', [1], [2]),
    ]
    expect(pack(calls).rows.map(({ tokens }) => tokens)).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [1, 2],
    ])
    // Both rows fit; the longer one is the conversation.
    const forked = [call('a', [1], [2]), call('b', [1], [2]), call('c', [1, 2, 3], [4]), call('d', [1, 2, 3, 4, 5], [6])]
    expect(pack(forked).rows.map(({ tokens }) => tokens)).toEqual([
      [1, 2],
      [1, 2, 3, 4, 5, 6],
    ])
  })

  it('starts a new row where the prompt differs, also in what was sampled, and says how far it agreed', () => {
    const { rows, findings } = pack([call('a', [1, 2], [3]), call('b', [1, 2, 7], [4]), call('c', [1], [4])])
    expect(rows).toHaveLength(3)
    expect(findings).toMatchObject([
      { kind: 'row_not_contiguous', spanId: 'b', sharedTokens: 2 },
      { kind: 'row_not_contiguous', spanId: 'c', sharedTokens: 1 },
    ])
  })

  it('has no log-probabilities for a row of which a call has none', () => {
    const bare = call('b', [1, 2, 3], [4])
    const { logprobs: _, ...response } = bare.response
    expect(pack([call('a', [1], [2]), { ...bare, response }, call('c', [9], [8])]).rows.map(({ logprobs }) => logprobs)).toEqual([
      null,
      [0, -8],
    ])
  })

  it('cuts rows at maxTokens and says what was lost', () => {
    const calls = [call('a', [1, 2], [3, 4]), call('b', [1, 2, 3, 4, 5], [6, 7]), call('c', [8, 8, 8], [9])]
    const { rows, findings } = pack(calls, 3)
    expect(rows).toEqual([
      {
        tokens: [1, 2, 3],
        lossMask: [0, 0, 1],
        logprobs: [0, 0, -3],
        reward: null,
        segments: [{ start: 2, end: 3, spanId: 'a', modelVersion: null, reward: null }],
      },
    ])
    expect(findings.slice(1)).toMatchObject([
      { kind: 'row_truncated', spanId: 'a', cutTokens: 4, cutSampledTokens: 3 },
      { kind: 'row_truncated', spanId: 'c', cutTokens: 1, cutSampledTokens: 1 },
    ])
  })

  const token = fc.integer({ min: 0, max: 2 })
  const tokens = fc.array(token, { minLength: 1, maxLength: 3 })
  /** Conversations that are interleaved, forked, and begun anew. */
  const conversations = fc
    .array(fc.record({ extra: fc.array(token, { maxLength: 3 }), response: tokens, after: fc.integer({ min: -1, max: 20 }) }), {
      maxLength: 12,
    })
    .map((turns) => {
      const calls: Triplet[] = []
      for (const { extra, response, after } of turns) {
        const before = after === -1 ? undefined : calls[after % (calls.length || 1)]
        const history = before === undefined ? [0] : [...before.prompt.tokenIds, ...before.response.tokenIds]
        calls.push(call(`s${calls.length}`, [...history, ...extra], response))
      }
      return calls
    })

  it('holds every sampled token of every call exactly once, in order, after its prompt', () => {
    fc.assert(
      fc.property(conversations, (calls) => {
        const { rows } = pack(calls)
        for (const { tokens: row, lossMask, logprobs, segments } of rows) {
          expect([lossMask.length, logprobs!.length]).toEqual([row.length, row.length])
          const sampled = lossMask.flatMap((isSampled, index) => (isSampled === 1 ? [index] : []))
          expect(segments.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, index) => start + index))).toEqual(
            sampled,
          )
          for (const index of sampled) expect(logprobs![index]).toBe(-row[index]!)
        }
        const place = new Map(rows.flatMap((row) => row.segments.map((segment) => [segment.spanId, { row, segment }] as const)))
        expect(place.size).toBe(rows.reduce((sum, { segments }) => sum + segments.length, 0))
        for (const { prompt, response, metadata } of calls) {
          const { row, segment } = place.get(String(metadata['span_id']))!
          expect(row.tokens.slice(0, segment.end)).toEqual([...prompt.tokenIds, ...response.tokenIds])
          expect(segment.end - segment.start).toBe(response.tokenIds.length)
        }
      }),
    )
  })

  it('packs as comparing with every row would', () => {
    fc.assert(
      fc.property(conversations, (calls) => {
        const rows: { readonly tokens: number[]; touched: number }[] = []
        for (const [touched, { prompt, response }] of calls.entries()) {
          const fits = rows.filter(({ tokens }) => tokens.every((value, index) => prompt.tokenIds[index] === value))
          const [known] = fits.toSorted((x, y) => y.tokens.length - x.tokens.length || y.touched - x.touched)
          const row = known ?? { tokens: [], touched }
          if (known === undefined) rows.push(row)
          row.tokens.push(...prompt.tokenIds.slice(row.tokens.length), ...response.tokenIds)
          row.touched = touched
        }
        expect(pack(calls).rows.map((row) => row.tokens)).toEqual(rows.map((row) => row.tokens))
      }),
    )
  })

  it('reads each token a few times, however many conversations are interleaved', () => {
    let read = 0
    const counted = (list: readonly number[]): readonly number[] =>
      new Proxy(list, {
        get(target, key, receiver): unknown {
          if (typeof key === 'string' && key >= '0' && key <= '9999999') read += 1
          return Reflect.get(target, key, receiver)
        },
      })
    const calls: Triplet[] = []
    let total = 0
    for (let turn = 1; turn <= 5; turn += 1) {
      for (let conversation = 0; conversation < 400; conversation += 1) {
        const prompt = Array.from({ length: 10 * turn }, (_, index) =>
          index % 10 === 9 && index < 10 * (turn - 1) + 9 ? 7 : index === 0 ? conversation : 1,
        )
        total += prompt.length + 1
        calls.push(call(`${conversation}-${turn}`, counted(prompt), counted([7])))
      }
    }
    const rows = packTokenRows(calls)
    expect(rows.length).toBeLessThanOrEqual(400 * 5)
    expect(read).toBeLessThan(4 * total)
  })
})

describe('createRowIndex', () => {
  it('trusts no hash: a row whose tokens changed is not found under its old ones', () => {
    const rows = [[1, 2]]
    const index = createRowIndex((row) => rows[row]!)
    index.put(0, index.take([1]).state, [2])
    rows[0] = [1, 3]
    expect(index.take([1, 2, 3]).row).toBe(-1)
    rows[0] = [1, 2]
    expect(index.take([1, 2, 3]).row).toBe(0)
    expect(index.take([1, 2, 3]).row).toBe(-1)
  })
})

describe('traceToTokenRows', () => {
  const spans = [
    makeCall('a', { prompt: [1, 2], response: [3] }),
    makeCall('b', { prompt: [1, 2, 3, 4], response: [5] }),
    makeCall('judge', { prompt: [], response: [] }),
    makeReward('r', 1, { links: { span_id: 'b' } }),
  ]

  it('packs the calls of a trace with their rewards, and tells what it passed over', () => {
    const { rows, findings } = traceToTokenRows().report(spans)
    expect(rows.map(({ tokens, reward, logprobs }) => ({ tokens, reward, logprobs }))).toEqual<Partial<TokenRow>[]>([
      { tokens: [1, 2, 3, 4, 5], reward: 1, logprobs: null },
    ])
    expect(findings.map(({ kind, spanId }) => [kind, spanId])).toEqual([['call_not_trainable', 'judge']])
    expect(traceToTokenRows({ maxTokens: 3 }).adapt(spans)[0]!.tokens).toEqual([1, 2, 3])
  })

  it.each([[{ maxTokens: 0 }], [{ maxToken: 5 }]])('refuses %j', (options) => {
    expect(() => traceToTokenRows(options as never)).toThrow(/maxToken/)
  })
})
