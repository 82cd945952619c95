import { createRandom } from '@agl/algorithms'
import type { ReferenceSettings } from './contest.ts'

/** Median seconds of calls and the spread of their logarithm, as the world draws them. */
export interface ScheduleModels {
  readonly actorSeconds: number
  /** One call of the critic or of the editor. */
  readonly optimizerSeconds: number
  readonly spread: number
}

/** The reference's own waits (its `runner/agent.py` and `algorithm/apo/apo.py`, 0.3.0), seconds. */
const idlePoll = 5
const idleJitter = 0.5
const resultPoll = 2

/**
 * The least wall time that the reference's APO can take, in seconds: its waits and its models' latencies on a machine where
 * everything else costs nothing. A measured time is longer by what the machine was busy with; where a busy machine may have
 * spoilt the measurement, this is what to compare with, to the reference's favour.
 *
 * Runners ask for work every 5 s while there is none and at once after a rollout; the algorithm looks every 2 s whether a batch is
 * done; nothing overlaps but the rollouts of one batch.
 */
export function leastWallSeconds(
  settings: ReferenceSettings,
  {
    runners,
    val,
    seed,
    models,
  }: { readonly runners: number; readonly val: number; readonly seed: number; readonly models: ScheduleModels },
): number {
  const random = createRandom(seed)
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
  const callSeconds = (median: number): number => median * Math.exp(models.spread * normal())
  const idleSeconds = (): number => idlePoll + idleJitter * (2 * random.next() - 1)
  /** When each runner asks next. */
  const asks = Array.from({ length: runners }, () => 0)
  let now = 0

  const evaluate = (count: number): void => {
    let waiting = count
    let finished = now
    while (waiting > 0) {
      const runner = asks.indexOf(Math.min(...asks))
      if (asks[runner]! < now) {
        // It asked before there was work.
        asks[runner]! += idleSeconds()
      } else {
        waiting -= 1
        asks[runner]! += callSeconds(models.actorSeconds)
        finished = Math.max(finished, asks[runner]!)
      }
    }
    now += Math.ceil((finished - now) / resultPoll) * resultPoll
  }

  evaluate(val)
  let beam = 1
  for (let round = 0; round < settings.beam_rounds; round += 1) {
    const children = settings.beam_width * settings.branch_factor
    for (let child = 0; child < children; child += 1) {
      evaluate(settings.gradient_batch_size)
      now += callSeconds(models.optimizerSeconds) + callSeconds(models.optimizerSeconds)
    }
    for (let candidate = 0; candidate < beam + children; candidate += 1) evaluate(settings.val_batch_size)
    beam = Math.min(settings.beam_width, beam + children)
    evaluate(val)
  }
  return now
}
