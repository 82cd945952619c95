import { experimentNames, type Random, randomFor } from '@agl/algorithms'
import type { Rollout } from '@agl/types'
import { createLedger, type Observation } from '../../packages/algorithms/src/experiments/ledger.ts'
import { atLeast, atMost } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { shareOf } from '../lib/share.ts'
import { count } from './null.ts'
import { coin, createTrial, judgeOf, observationOf, type Trial } from './trial.ts'

/** A rollout that has not been run yet; seconds of a clock of its own. */
interface Run {
  readonly observation: Observation
  readonly beginsAt: number
  readonly endsAt: number
}

const reward = 0.5
/** Rollouts of an arm, in sizes of the plan. */
const planned = 3
/** The control begins one each second; the candidate as many, but all of a wave at once. */
const wave = 200

/**
 * Failures are there after a second or two and successes after half a minute or more. So the first results of each wave are failures all,
 * though its rollouts are as good as the control's.
 */
function runsOf(trial: Trial, seed: number): readonly Run[] {
  const random = randomFor(seed, 'latency order')
  const count = planned * trial.plan.perArm
  const ofArm = (arm: string, beginsAt: (index: number) => number): readonly Run[] =>
    Array.from({ length: count }, (_, index) => {
      const value = coin(random, reward)
      return {
        observation: observationOf(index, arm, value),
        beginsAt: beginsAt(index),
        endsAt: beginsAt(index) + secondsOf(value, random),
      }
    })
  return [
    ...ofArm('control', (index) => index),
    ...ofArm('candidate', (index) => wave * Math.floor(index / wave) + (index % wave) / 1000),
  ]
}

function secondsOf(value: number, random: Random): number {
  return value === 0 ? 1 + random.next() : 30 + 60 * random.next()
}

export const latencyOrder: Scenario = {
  name: 'experiment-latency-order',
  title:
    'trials without a difference, where failures are quicker than successes, that ever tell one; -control: results taken as they come',
  async run({ isShort }) {
    const seeds = isShort ? 60 : 1_000
    const trial = createTrial({ weights: { control: 1, candidate: 1 } })
    const inOrder = count(seeds, (seed) => everTells(trial, throughLedger(trial, runsOf(trial, seed))))
    const asTheyCome = count(seeds, (seed) => everTells(trial, byEnd(runsOf(trial, seed))))
    return [
      {
        name: 'experiment-latency-order',
        unit: '% of trials that ever tell a difference',
        better: 'lower',
        ours: shareOf(inOrder, seeds),
        peer: null,
        target: atMost('value', 5),
        note: `${seeds} seeds, ${planned} times as many as planned; failures take 1 to 2 s and successes 30 to 90, the candidate begins ${wave} at once`,
      },
      {
        name: 'experiment-latency-order-control',
        unit: '% of trials with the results as they come',
        better: 'lower',
        ours: shareOf(asTheyCome, seeds),
        peer: null,
        // It has to be fooled, or the world shows nothing.
        target: atLeast('value', 20),
      },
    ]
  },
}

function everTells(trial: Trial, observations: Iterable<Observation>): boolean {
  const judge = judgeOf(trial)
  for (const observation of observations) {
    judge.add(observation)
    const { kind } = judge.verdict()
    if (kind === 'better' || kind === 'worse') return true
  }
  return false
}

function byEnd(runs: readonly Run[]): readonly Observation[] {
  return runs.toSorted((a, b) => a.endsAt - b.endsAt).map(({ observation }) => observation)
}

function* throughLedger(trial: Trial, runs: readonly Run[]): Generator<Observation> {
  const ledger = createLedger(trial.settings, { isLive: true })
  const events = runs.flatMap((run) => [
    { time: run.beginsAt, take: () => ledger.note(rolloutOf(run.observation)) },
    { time: run.endsAt, take: () => ledger.fill(run.observation) },
  ])
  for (const { take } of events.toSorted((a, b) => a.time - b.time)) {
    take()
    yield* ledger.drain()
  }
}

/** As far as the ledger looks at it; none is so old that it would be left out. */
function rolloutOf({ rolloutId, arm, resourcesId, version }: Observation): Rollout {
  return {
    rollout_id: rolloutId,
    input: null,
    start_time: Date.now() / 1000,
    end_time: null,
    mode: null,
    resources_id: resourcesId,
    resources_version: version,
    status: 'running',
    config: { timeout_seconds: null, unresponsive_seconds: null, max_attempts: 1, retry_condition: [], retry_outcomes: [] },
    metadata: null,
    priority: 0,
    labels: { [experimentNames.arm]: arm },
    idempotency_key: null,
  }
}
