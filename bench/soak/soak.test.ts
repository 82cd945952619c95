import { expect, test } from 'vitest'
import { runSoak, type SoakOptions } from './soak.ts'

const options: Omit<SoakOptions, 'backend'> = {
  rollouts: 200,
  runners: 4,
  seed: 7,
  killEveryMs: 300,
  mostKills: 25,
  // Longer than a busy machine keeps a process waiting: a runner that loses its lease by that ends its own attempt beside the next one.
  leaseMs: 3000,
  giveUpMs: 60_000,
  appendOnly: true,
  victims: null,
}

test.each(['sqlite', 'redis'] as const)(
  'on %s nothing is lost and nothing done twice while processes are killed',
  async (backend) => {
    const report = await runSoak({ ...options, backend })
    const { requeueSeconds: _, seconds: __, acknowledgedSpans, kills, ...verdict } = report
    expect(verdict).toEqual({ lost: 0, doubled: 0, leftOpen: 0, missingSpans: 0, doubledSpans: 0, hasGap: false })
    expect(acknowledgedSpans).toBeGreaterThanOrEqual(1200)
    // A run in which nobody died shows nothing.
    expect(Object.values(kills).reduce((sum, count) => sum + count)).toBeGreaterThan(0)
  },
  120_000,
)

test('what a Redis loses that keeps nothing is found', async () => {
  const report = await runSoak({ ...options, backend: 'redis', giveUpMs: 5000, appendOnly: false, victims: 'redis' })
  expect(report.lost).toBeGreaterThan(0)
  expect(Object.keys(report.kills).filter((kind) => report.kills[kind]! > 0)).toEqual(['redis'])
}, 60_000)
