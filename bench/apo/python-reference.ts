import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ModelOptions, ModelUse, WorldOptions } from '@agl/simulated-world'
import { contestModels, type ReferenceSettings } from './contest.ts'
import type { ScheduleModels } from './reference-schedule.ts'

/** What the reference would have answered with after an evaluation. */
export interface ReferencePoint {
  /** Spent so far. */
  readonly rollouts: number
  /** Since its algorithm began. */
  readonly wall_seconds: number
  readonly true_score: number
}

/** One run of the Python package's APO, in the world of one seed. */
export interface ReferenceRun {
  readonly seed: number
  /** True score of the seed prompt. */
  readonly seed_score: number
  /** True score of the best prompt that there is. */
  readonly optimum: number
  /** True score of the prompt that it answers with. */
  readonly true_score: number
  /** The score that it claims for that prompt. */
  readonly reported_score: number
  readonly rollouts: number
  /** Rollouts that it gave up waiting for. */
  readonly unfinished: number
  readonly model_calls: ModelUse['answered']
  /** From the beginning to the end of its algorithm, store and runners being there. */
  readonly wall_seconds: number
  /** `Trainer.fit` as a whole: with the start and the end of its processes. */
  readonly fit_seconds: number
  /** Mean length of the machine's run queue over five minutes, at the end. */
  readonly load: number
  readonly prompt: string
  readonly trajectory: readonly ReferencePoint[]
}

/** python-reference.json, which measure-python.ts writes. */
export interface PythonReference {
  readonly about: {
    readonly versions: string
    readonly machine: string
    readonly command: string
    readonly world: Omit<WorldOptions, 'seed'>
    readonly models: ModelOptions
    readonly tasks: { readonly train: number; readonly val: number }
    readonly runners: number
    readonly settings: Readonly<Record<'example' | 'defaults', ReferenceSettings>>
  }
  readonly runs: Readonly<Record<'example' | 'defaults', readonly ReferenceRun[]>>
}

const file = fileURLToPath(new URL('python-reference.json', import.meta.url))

/** @throws Error where nothing was measured yet */
export function readReference(): PythonReference {
  return JSON.parse(readFileSync(file, 'utf8')) as PythonReference
}

export function isMeasured(): boolean {
  return existsSync(file)
}

/** Whole or not at all, so that a stop loses one run at most. */
export function writeReference(reference: PythonReference): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(reference, null, 2)}\n`)
  renameSync(`${file}.new`, file)
}

/** The contest's models as the schedule takes them. */
export const scheduleModels: ScheduleModels = Object.freeze({
  actorSeconds: contestModels.latencyMs.actor / 1000,
  optimizerSeconds: contestModels.latencyMs.critic / 1000,
  spread: contestModels.latencySpread,
})
