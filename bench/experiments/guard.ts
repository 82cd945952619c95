import { experimentMetrics, type Random, randomFor } from '@agl/algorithms'
import { createDetector, type Detector } from '../../packages/algorithms/src/experiments/guard.ts'
import { defaultFalseAlarmEvery, type Guard } from '../../packages/algorithms/src/experiments/options.ts'
import { percentile } from '../lib/measure.ts'
import { atLeast, atMost, type Result } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { coin } from './trial.ts'

const guarded: Guard = {
  metric: 'reward',
  range: experimentMetrics.reward().range!,
  bound: 0.8,
  side: 'min',
  falseAlarmEvery: defaultFalseAlarmEvery,
}
/** Nearer to what a good one gets. */
const closer: Guard = { ...guarded, bound: 0.85 }
const [good, bad, healthy] = [0.9, 0.6, 0.82]
const goodFirst = 500
const watchedResults = 10_000

type Watch = () => Pick<Detector, 'add'>

export const guard: Scenario = {
  name: 'experiment-guard',
  title: 'bad rollouts until a guard tells that a reward has fallen from 0.9 to 0.6; -false-alarms: results between false alarms',
  async run({ isShort }) {
    const seeds = Array.from({ length: isShort ? 100 : 1_000 }, (_, index) => index + 1)
    const seldom = betweenAlarms(seeds, healthy)
    const atBound = betweenAlarms(seeds, guarded.bound)
    return [
      untilToldOf('', guarded, seeds),
      untilToldOf('-closer', closer, seeds),
      ...(
        [
          ['', healthy, seldom],
          ['-at-bound', guarded.bound, atBound],
        ] as const
      ).map(([suffix, mean, { results, alarms }]) => ({
        name: `experiment-guard-false-alarms${suffix}`,
        unit: 'results between false alarms',
        better: 'higher' as const,
        ours: one(results / Math.max(1, alarms)),
        peer: null,
        target: atLeast('value', guarded.falseAlarmEvery),
        note: `mean ${mean}; ${alarms} alarms in ${results.toLocaleString('en-US')} results`,
      })),
    ]
  },
}

function untilToldOf(suffix: string, guard: Guard, seeds: readonly number[]): Result {
  const count = (watch: Watch, goodOnes: number): readonly number[] =>
    seeds.map((seed) => untilAlarm(watch, randomFor(seed, 'guard', goodOnes), goodOnes))
  const fromTheStart = count(() => createDetector(guard), 0)
  const later = count(() => createDetector(guard), goodFirst)
  const known = [0, goodFirst].flatMap((goodOnes) => count(() => knowing(guard), goodOnes))
  const tell = (counts: readonly number[]): string =>
    `median ${percentile(counts, 0.5)}, 99 % ${percentile(counts, 0.99)}, most ${Math.max(...counts)}`
  return {
    name: `experiment-guard${suffix}`,
    unit: 'bad rollouts until the alarm, the most',
    better: 'lower',
    ours: mostOf([...fromTheStart, ...later]),
    peer: { name: 'one that knows how bad', spread: mostOf(known) },
    target: atMost('value', 199),
    note: `${seeds.length} seeds, at least ${guard.bound}; bad from the start: ${tell(fromTheStart)}; after ${goodFirst} good ones: ${tell(later)}; the peer: ${tell(known)}`,
  }
}

function mostOf(counts: readonly number[]): Result['ours'] {
  return { median: Math.max(...counts), min: Math.min(...counts), max: Math.max(...counts) }
}

/**
 * Told beforehand that a coin at the bound becomes one of `bad`, which nobody knows: by likelihood ratios, with as many false alarms at most (Shiryaev
 * and Roberts; nearly as quick as any can be, Pollak 1985).
 */
function knowing({ bound, falseAlarmEvery }: Guard): Pick<Detector, 'add'> {
  let evidence = 0
  return {
    add(value) {
      evidence = (1 + evidence) * (value === 1 ? bad / bound : (1 - bad) / (1 - bound))
      return evidence >= falseAlarmEvery
    },
  }
}

function one(value: number): Result['ours'] {
  return { median: value, min: value, max: value }
}

/** How many bad ones it takes; a false alarm among the good ones before them begins anew. */
function untilAlarm(watch: Watch, random: Random, goodOnes: number): number {
  let detector = watch()
  for (let index = 0; index < goodOnes; index += 1) if (detector.add(coin(random, good))) detector = watch()
  for (let count = 1; ; count += 1) if (detector.add(coin(random, bad))) return count
}

/** Of one long run, begun anew after each alarm. */
function betweenAlarms(seeds: readonly number[], mean: number): { readonly results: number; readonly alarms: number } {
  let alarms = 0
  let detector = createDetector(guarded)
  for (const seed of seeds) {
    const random = randomFor(seed, 'guard', 'healthy', String(mean))
    for (let index = 0; index < watchedResults; index += 1) {
      if (!detector.add(coin(random, mean))) continue
      alarms += 1
      detector = createDetector(guarded)
    }
  }
  return { results: seeds.length * watchedResults, alarms }
}
