import { describe, expect, it } from 'vitest'
import { answerGolden, readGoldenTraces } from './golden.test-support.ts'

describe('golden traces', () => {
  it.each([...readGoldenTraces()].map(([path, golden]) => [path.replace(/^.*\/golden\//, ''), golden] as const))(
    'adapts %s as expected (pnpm --filter @agl/algorithms golden --write rewrites what is expected)',
    (_, golden) => {
      const { triplets, messages, rows, findings } = golden
      expect(answerGolden(golden)).toEqual({ triplets, messages, ...(rows === undefined ? {} : { rows }), findings })
    },
  )

  it('are there', () => {
    expect(readGoldenTraces().size).toBeGreaterThanOrEqual(10)
  })
})
