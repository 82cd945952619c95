import { AglError, type AlgorithmContext, type TrainingDatum } from '@agl/types'
import type { CollectedRollout } from '../collect.ts'
import type { Random } from '../random.ts'
import { countFindings, type Finding } from '../adapters/findings.ts'
import { howToGetTokenIds } from '../adapters/make-triplet.ts'
import { reportTriplets } from '../adapters/report-triplets.ts'
import { packTokenRows, type TokenRow } from '../adapters/token-rows.ts'
import type { ResolvedSftOptions } from './options.ts'

/** What there is to learn from. */
export interface Selection {
  /** Rollouts whose reward is high enough. */
  readonly kept: number
  /** Those of them in which no call has token ids. */
  readonly untrainable: number
  readonly rows: readonly TokenRow[]
  /** What the adapter and the packing of rows left out of them. */
  readonly findings: readonly Finding[]
}

/**
 * The sequences of the rollouts whose reward is high enough. Calls without token ids (a judge's, a hosted model's) are context
 * for nobody and left out; when nothing at all can be trained on, that is an error.
 */
export async function selectRows<Task>(
  collected: readonly CollectedRollout[],
  { adapter }: Pick<AlgorithmContext<Task>, 'adapter'>,
  { minReward, shuffleRewards }: Pick<ResolvedSftOptions<Task>, 'minReward' | 'shuffleRewards'>,
  random: Random,
): Promise<Selection> {
  const scores = collected.map(({ score }) => score)
  const rewards = shuffleRewards ? random.shuffle(scores) : scores
  const kept = collected.filter((_, index) => {
    const reward = rewards[index]
    return typeof reward === 'number' && reward >= minReward
  })
  const findings: Finding[] = []
  const packed = await Promise.all(
    kept.map(async ({ spans }) => {
      const report = await reportTriplets(adapter, spans)
      findings.push(...report.findings)
      return packTokenRows(report.triplets, { onFinding: (finding) => findings.push(finding) })
    }),
  )
  const rows = packed.flat()
  if (kept.length > 0 && rows.length === 0) {
    const message = `No model call of the kept rollouts has token ids, so it cannot be trained on. ${howToGetTokenIds}`
    throw new AglError({ code: 'training_failed', message, data: { findings: countFindings(findings) } })
  }
  return { kept: kept.length, untrainable: packed.filter(({ length }) => length === 0).length, rows, findings }
}

/** Trains on the rows for `epochs` passes in shuffled batches; answers the mean loss per token of the last pass. */
export async function trainOnRows<Task>(
  rows: readonly TokenRow[],
  { backend, epochs, batchSize, learningRate, onProgress }: ResolvedSftOptions<Task>,
  random: Random,
  iteration: number,
  signal: AbortSignal,
): Promise<number | null> {
  if (rows.length === 0) return null
  const perEpoch = Math.ceil(rows.length / batchSize)
  let step = 0
  let loss = 0
  let tokens = 0
  for (let epoch = 0; epoch < epochs; epoch += 1) {
    loss = 0
    tokens = 0
    const shuffled = random.shuffle(rows)
    for (let start = 0; start < shuffled.length; start += batchSize) {
      const batch = shuffled.slice(start, start + batchSize)
      const sampled = batch.reduce((total, row) => total + countSampled(row), 0)
      const result = await backend.forwardBackward(
        { data: batch.map((row) => toDatum(row, sampled)), loss: 'cross_entropy' },
        { signal },
      )
      if (!Number.isFinite(result.loss)) {
        throw new AglError({
          code: 'training_failed',
          message: `The loss became ${result.loss} in iteration ${iteration}; try a lower learning rate.`,
        })
      }
      await backend.optimStep({ learningRate, resetMoments: step === 0 }, { signal })
      step += 1
      loss += result.loss * sampled
      tokens += sampled
      onProgress({ type: 'training', iteration, step, steps: perEpoch * epochs, loss: result.loss })
    }
  }
  return loss / tokens
}

/** Weights of 1/n over the batch's n sampled tokens turn the backend's summed loss into a mean per token. */
function toDatum({ tokens, lossMask }: TokenRow, total: number): TrainingDatum {
  return { tokens, weights: lossMask.map((weight) => weight / total) }
}

function countSampled({ segments }: TokenRow): number {
  return segments.reduce((total, { start, end }) => total + end - start, 0)
}
