import { normalQuantile } from '../statistics.ts'
import { leastValues } from './betting.ts'
import type { ExperimentSettings } from './options.ts'

/** What it takes to find a difference, known before anything is run. Sizes are keys of one arm, or tasks where each is run with every arm. */
export interface ExperimentPlan {
  /** The difference that is looked for, in the unit of the deciding metric. */
  readonly detect: number
  /** So many are enough to find it with the chance asked for, looking after each; half of the trials need less than 60 % of them. */
  readonly perArm: number
  /** So many would do if one looked once, at the end. */
  readonly perArmLookingOnce: number
  /** How many there are; null = not known beforehand. */
  readonly available: number | null
  /** The smallest difference that can be found with what there is; null = not known, or none. */
  readonly detectable: number | null
}

/**
 * Sizes for values that vary as much as any in their range can (half at its one end, half at the other), so that no trial is planned too
 * small; where they vary less, it ends sooner.
 * @param available keys of an arm, or tasks
 */
export function planExperiment(
  { primary, errorRate, power, detect, order }: Pick<ExperimentSettings, 'primary' | 'errorRate' | 'power' | 'detect' | 'order'>,
  available: number | null,
): ExperimentPlan {
  const width = primary.metric.range[1] - primary.metric.range[0]
  const alpha = errorRate / (order.length - 1)
  const sizes = (difference: number): readonly [number, number] => {
    // Two coins of chances 1/2 ∓ d/2, the worst there is.
    const share = difference / width
    const perUnit = (1 - share ** 2) / 2 / share ** 2
    const found = normalQuantile(power)
    // The logarithm of the evidence grows by half the square of a normal variable's mean; `hedge` is what dividing the bets costs.
    const needed = Math.log(2 / alpha) + hedge
    const always = (found + Math.sqrt(found ** 2 + 2 * needed)) ** 2
    const once = (found + normalQuantile(1 - alpha / 2)) ** 2
    return [Math.max(Math.ceil(perUnit * always), leastValues(2 / alpha)), Math.ceil(perUnit * once)]
  }
  const [perArm, perArmLookingOnce] = sizes(detect)
  return { detect, perArm, perArmLookingOnce, available, detectable: available === null ? null : smallest(available) }

  function smallest(count: number): number | null {
    let [missed, found] = [0, 0.99 * width]
    if (sizes(found)[0] > count) return null
    for (let step = 0; step < 40; step += 1) {
      const middle = (missed + found) / 2
      if (sizes(middle)[0] <= count) found = middle
      else missed = middle
    }
    return found
  }
}

/** Measured: with it trials of two coins and 80 or 90 % power find what they look for a little more often than that. */
const hedge = 0.3
