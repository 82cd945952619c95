import type { RunEvent } from '@agl/types'
import type { FindingCounts } from '../adapters/findings.ts'
import type { OutcomeCounts } from '../collect.ts'
import type { Estimate } from '../statistics.ts'

/** What a set of rollouts was for. */
export type SftPhase = 'train' | 'val' | 'test'

/** What an SFT run tells while it runs. */
export type SftProgress =
  | {
      readonly type: 'plan'
      readonly iterations: number
      /** Rollouts in all, evaluations included. */
      readonly rollouts: number
    }
  | {
      readonly type: 'rollouts'
      readonly phase: SftPhase
      readonly iteration: number
      readonly done: number
      readonly total: number
    }
  | {
      readonly type: 'evaluation'
      readonly phase: 'val' | 'test'
      readonly iteration: number
      readonly version: string
      readonly reward: Estimate
    }
  | {
      readonly type: 'training'
      readonly iteration: number
      readonly step: number
      readonly steps: number
      /** Mean over the tokens of the batch. */
      readonly loss: number
    }
  | { readonly type: 'iteration'; readonly summary: SftIteration }

/** One round. */
export interface SftIteration {
  /** From 1. */
  readonly iteration: number
  /** The version that rolled out. */
  readonly sampledFrom: string
  /** The version that came out. */
  readonly version: string
  /** Reward of the training rollouts. */
  readonly trainReward: Estimate
  readonly rollouts: number
  /** Rollouts learnt from. */
  readonly kept: number
  /** Those of them in which no call has token ids. */
  readonly untrainable: number
  /** Sequences they made. */
  readonly rows: number
  /** What is not in those sequences, and why: how many calls were not trainable, rewards not attached, and so on, by kind. */
  readonly findings: FindingCounts
  readonly outcomes: OutcomeCounts
  /** Mean over tokens in the last epoch; null when nothing was kept. */
  readonly loss: number | null
  /** Reward of the new version on the validation tasks. */
  readonly valReward: Estimate
}

/** The same in the terms that all algorithms share: round 1 is step 0, and what is measured before it belongs to that. */
export function toRunEvent(event: SftProgress): RunEvent | null {
  switch (event.type) {
    case 'plan': {
      const { iterations, rollouts } = event
      return { type: 'plan', limits: { rollouts }, lines: [`${iterations} rounds of rolling out, training and validation`] }
    }
    case 'rollouts': {
      const { phase, iteration, done, total } = event
      return { type: 'phase', phase: phaseNames[phase], step: Math.max(0, iteration - 1), done, total, reward: null }
    }
    case 'training': {
      const { iteration, step, steps } = event
      return { type: 'phase', phase: 'training', step: iteration - 1, done: step, total: steps, reward: null }
    }
    case 'evaluation': {
      const { phase, iteration, version, reward } = event
      // Of the others the metrics of their round tell.
      if (phase === 'val' && iteration > 0) return null
      return {
        type: 'note',
        text: `${version}: ${phaseNames[phase]} reward ${reward.mean.toFixed(3)} over ${reward.count} tasks`,
      }
    }
    case 'iteration': {
      const { iteration, trainReward, valReward, rollouts, kept, untrainable, loss } = event.summary
      const measured = { train_reward: trainReward.mean, val_reward: valReward.mean, rollouts, kept, untrainable }
      return { type: 'metrics', step: iteration - 1, metrics: loss === null ? measured : { ...measured, loss } }
    }
    default:
      return event satisfies never
  }
}

const phaseNames: Readonly<Record<SftPhase, string>> = { train: 'rolling out', val: 'validation', test: 'test' }
