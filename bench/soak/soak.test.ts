import { expect, test } from 'vitest'
import { runSoak } from './soak.ts'

test.each(['sqlite'] as const)(
  'on %s nothing is lost and nothing done twice while processes are killed',
  async (backend) => {
    const report = await runSoak({ backend, rollouts: 200, runners: 4, seed: 7, killEveryMs: 300, leaseMs: 1000 })
    const { requeueSeconds: _, seconds: __, acknowledgedSpans, kills, ...verdict } = report
    expect(verdict).toEqual({ lost: 0, doubled: 0, leftOpen: 0, missingSpans: 0, doubledSpans: 0, hasGap: false })
    expect(acknowledgedSpans).toBeGreaterThanOrEqual(1200)
    // A run in which nobody died shows nothing.
    expect(Object.values(kills).reduce((sum, count) => sum + count)).toBeGreaterThan(0)
  },
  120_000,
)
