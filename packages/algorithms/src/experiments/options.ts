import { AglError, type NamedResources, namedResourcesSchema, parseOptions } from '@agl/types'
import { z } from 'zod'
import type { Assignment } from './assignment.ts'
import { experimentMetrics, type Metric } from './metrics.ts'

/** What an arm runs with: a snapshot, which is stored, or one that is stored already. */
export type ArmSource = (
  | { readonly resources: NamedResources }
  | { readonly resourcesId: string; readonly version: number }
  /** The version that the alias points to when the experiment is opened first. */
  | { readonly alias: string }
) & {
  /** Share of the keys, by the sum of all weights; above 0. Default 1. */
  readonly weight?: number
}

/** Rolls a candidate back when the mean of a metric is below `min` or above `max`. */
export interface GuardOptions {
  readonly metric: string
  readonly min?: number
  readonly max?: number
  /** A good candidate is rolled back by mistake once in no fewer than so many rollouts, on average. Default 10,000. */
  readonly falseAlarmEvery?: number
}

/** Options of {@link createExperiment}. */
export interface ExperimentOptions<Task, Arm extends string = string> {
  /** Names its record in the store, the labels of its rollouts, and the draw of lots; 1 to 100 characters of `a-z A-Z 0-9 . _ -`. */
  readonly name: string
  /** Two or more, by name. */
  readonly arms: Readonly<Record<Arm, ArmSource>>
  /** The arm that the others are compared with, and that is gone back to. Default: the first. */
  readonly control?: NoInfer<Arm>
  readonly assign: Assignment<Task, NoInfer<Arm>>
  /** What is measured, by name; the first decides. Default: `{ reward: experimentMetrics.reward() }`. */
  readonly metrics?: Readonly<Record<string, Metric>>
  /** The smallest difference of the deciding metric that is worth finding, in its unit. Default: a tenth of its range. */
  readonly detect?: number
  /** The chance that a difference is told where there is none, however often one looks. Default 0.05. */
  readonly errorRate?: number
  /** The chance to find a difference of `detect`. Default 0.8. */
  readonly power?: number
  /** Rollouts that are not finished so long after they began are left out, in milliseconds. Default 600,000. */
  readonly stragglersMs?: number
  /** What a candidate must hold while it is rolled out. */
  readonly guards?: readonly GuardOptions[]
  /** The alias that is moved by `promote` and back by `rollback`. Default: the name and `.stable`. */
  readonly alias?: string
  /** Rollouts at the same time, in a run by a trainer. Default 32. */
  readonly concurrency?: number
  /** Of the order of the tasks in a run, and of the bootstrap. Default 0. */
  readonly seed?: number
  /** Whether a run promotes the winner when there is one. Default false. */
  readonly promote?: boolean
}

/** The defaults of {@link ExperimentOptions}. */
export const experimentDefaults: Readonly<{
  errorRate: number
  power: number
  stragglersMs: number
  guards: readonly GuardOptions[]
  concurrency: number
  seed: number
  promote: boolean
}> = Object.freeze({
  errorRate: 0.05,
  power: 0.8,
  stragglersMs: 600_000,
  guards: Object.freeze([]),
  concurrency: 32,
  seed: 0,
  promote: false,
})

/** Default of {@link GuardOptions.falseAlarmEvery}. */
export const defaultFalseAlarmEvery = 10_000

/** Options with everything filled in and checked. */
export interface ExperimentSettings<Task = never> extends Required<Omit<ExperimentOptions<Task>, 'guards'>> {
  readonly guards: readonly Guard[]
  /** Names of the arms, the control first. */
  readonly order: readonly string[]
  /** The metric that decides. */
  readonly primary: { readonly name: string; readonly metric: Metric & { readonly range: readonly [number, number] } }
  /** Whether the arms differ by their resources alone, so that they can be compared. */
  readonly isRandomized: boolean
}

/** A guard that is checked: exactly one bound, inside of the range of its metric. */
export interface Guard {
  readonly metric: string
  readonly range: readonly [number, number]
  readonly bound: number
  readonly side: 'min' | 'max'
  readonly falseAlarmEvery: number
}

const plainName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/
const armName = /^[A-Za-z][A-Za-z0-9._-]{0,49}$/
const isFunction = (value: unknown): boolean => typeof value === 'function'
const selector = z.custom<() => unknown>(isFunction, { error: 'expected a function of a task' })
const weight = z.number().positive().finite().optional()
const key = selector.optional()

const armSchema = z.union(
  [
    z.strictObject({ resources: namedResourcesSchema, weight }),
    z.strictObject({ resourcesId: z.string().min(1), version: z.int().min(1), weight }),
    z.strictObject({ alias: z.string().min(1), weight }),
  ],
  { error: 'expected { resources }, { resourcesId, version } or { alias }, and a weight above 0 if any' },
)

const optionsSchema = z.strictObject({
  name: z.string().regex(plainName, { error: 'expected 1 to 100 characters of a-z, A-Z, 0-9, ".", "_" and "-"' }),
  arms: z
    .record(
      z.string().regex(armName, { error: 'expected a name of an arm: a letter, then letters, digits, ".", "_" or "-"' }),
      armSchema,
    )
    .refine((arms) => Object.keys(arms).length > 1, { error: 'expected two arms or more' }),
  control: z.string().optional(),
  assign: z.discriminatedUnion('by', [
    z.strictObject({ by: z.literal('key'), key: selector }),
    z.strictObject({ by: z.literal('weight'), key }),
    z.strictObject({ by: z.literal('task'), repetitions: z.int().min(1).optional(), key }),
    z.strictObject({
      by: z.literal('feature'),
      feature: selector,
      arms: z.record(z.string(), z.string()),
      otherwise: z.string(),
      key,
    }),
    z.strictObject({ by: z.literal('fixed'), arm: z.string(), key }),
  ]),
  metrics: z
    .record(
      z.string().min(1),
      z.strictObject({
        goal: z.enum(['higher', 'lower']),
        range: z
          .tuple([z.number(), z.number()])
          .refine(([low, high]) => low < high, { error: 'expected [least, most], the least first' })
          .nullable(),
        read: z.custom<() => unknown>(isFunction, { error: 'expected a function of a rollout' }),
      }),
    )
    .refine((metrics) => Object.keys(metrics).length > 0, { error: 'expected one metric or more' })
    .optional(),
  detect: z.number().positive().optional(),
  errorRate: z.number().gt(0).lt(0.5).optional(),
  power: z.number().gt(0.5).lt(1).optional(),
  stragglersMs: z.number().positive().optional(),
  guards: z
    .array(
      z
        .strictObject({
          metric: z.string(),
          min: z.number().optional(),
          max: z.number().optional(),
          falseAlarmEvery: z.number().min(100).optional(),
        })
        .refine(({ min, max }) => (min === undefined) !== (max === undefined), { error: 'expected either min or max' }),
    )
    .optional(),
  alias: z.string().min(1).optional(),
  concurrency: z.int().min(1).optional(),
  seed: z.int().optional(),
  promote: z.boolean().optional(),
})

const what = 'options of createExperiment'

export function resolveExperimentOptions<Task, Arm extends string>(
  options: ExperimentOptions<Task, Arm>,
): ExperimentSettings<Task> {
  const given = parseOptions(optionsSchema, options as ExperimentOptions<Task>, experimentDefaults, what)
  const { name, arms, assign } = given
  const names = Object.keys(arms)
  const control = given.control ?? names[0]!
  const metrics = given.metrics ?? { reward: experimentMetrics.reward() }
  const [first] = Object.entries(metrics)
  const [primaryName, { range, ...metric }] = first!
  if (range === null) {
    throw refuse(
      `the first metric ("${primaryName}") decides, and needs a range: what is sure of a mean depends on how far a single value can be off`,
    )
  }
  const detect = given.detect ?? (range[1] - range[0]) / 10
  if (detect >= range[1] - range[0]) {
    throw refuse(`detect is ${detect}; expected less than the range of "${primaryName}", which is ${range[1] - range[0]}`)
  }
  checkArm(names, control, 'control')
  if (assign.by === 'fixed') checkArm(names, assign.arm, 'assign.arm')
  if (assign.by === 'feature') {
    for (const [value, arm] of Object.entries(assign.arms)) checkArm(names, arm, `assign.arms.${value}`)
    checkArm(names, assign.otherwise, 'assign.otherwise')
  }
  return {
    ...given,
    control,
    metrics,
    detect,
    alias: given.alias ?? `${name}.stable`,
    guards: given.guards.map((guard) => toGuard(guard, metrics)),
    order: [control, ...names.filter((arm) => arm !== control)],
    primary: { name: primaryName, metric: { ...metric, range } },
    isRandomized: assign.by !== 'feature' && assign.by !== 'fixed',
  }
}

function toGuard({ metric, min, max, falseAlarmEvery }: GuardOptions, metrics: Readonly<Record<string, Metric>>): Guard {
  const found = Object.hasOwn(metrics, metric) ? metrics[metric]! : null
  if (found === null) {
    throw refuse(`a guard names the metric "${metric}"; there are ${Object.keys(metrics).join(', ')}`)
  }
  if (found.range === null) {
    throw refuse(`the metric "${metric}" is guarded and needs a range, for example experimentMetrics.latency({ mostMs: 60_000 })`)
  }
  const bound = (min ?? max)!
  const [low, high] = found.range
  if (bound <= low || bound >= high) {
    throw refuse(`the guard of "${metric}" has the bound ${bound}; expected one between ${low} and ${high}, its range`)
  }
  const side = min === undefined ? 'max' : 'min'
  return { metric, range: found.range, bound, side, falseAlarmEvery: falseAlarmEvery ?? defaultFalseAlarmEvery }
}

function checkArm(names: readonly string[], arm: string, where: string): void {
  if (!names.includes(arm)) throw refuse(`${where} is "${arm}"; the arms are ${names.join(', ')}`)
}

function refuse(reason: string): AglError {
  return new AglError({ code: 'invalid_argument', message: `Invalid ${what}: ${reason}.` })
}
