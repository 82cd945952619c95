import type { Algorithm, Resource } from '@agl/types'
import { type LiveExperiment, openLive, type OpenExperimentOptions } from './live.ts'
import { type ArmSource, type ExperimentOptions, resolveExperimentOptions } from './options.ts'
import { type ExperimentPlan, planExperiment } from './plan.ts'
import { type ExperimentResult, runExperiment } from './run-experiment.ts'

/** Versions of resources held against each other: an algorithm for trials by a trainer, and a handle for services. */
export interface Experiment<Task = unknown> extends Algorithm<ExperimentResult, Task> {
  /** What it takes to find the difference that is looked for. @param available keys of an arm; default: not known */
  plan(available?: number | null): ExperimentPlan
  /** Defines it in a store, or finds it there. Close it when it is not needed any more. */
  open(options: OpenExperimentOptions): Promise<LiveExperiment<Task>>
}

/**
 * An experiment over versions of resources: who gets which, what comes of it, and what is done then. With a trainer it runs its tasks until
 * the verdict is clear; opened by a service it routes, counts, and rolls out and back.
 * @throws AglError `invalid_argument`
 */
export function createExperiment<Task = unknown, const Arm extends string = string>(
  options: ExperimentOptions<Task, Arm>,
): Experiment<Task> {
  const settings = resolveExperimentOptions(options)
  return Object.freeze({
    name: settings.name,
    ...bringsOf(Object.values<ArmSource>(settings.arms)),
    plan: (available: number | null = null) => planExperiment(settings, available),
    open: (request: OpenExperimentOptions) => openLive(settings, request),
    run: (context: Parameters<Experiment<Task>['run']>[0]) => runExperiment(settings, context),
  })
}

/** The kinds of resources that all arms have, as far as that is known before a store is there. */
function bringsOf(arms: readonly ArmSource[]): Pick<Algorithm, 'brings'> {
  const kinds = arms.map((arm) => ('resources' in arm ? Object.values(arm.resources).map(kindOf) : null))
  const [first, ...others] = kinds
  if (first === undefined || first === null || others.includes(null)) return {}
  return { brings: [...new Set(first.filter((kind) => others.every((other) => other!.includes(kind))))] }
}

function kindOf({ resource_type: type }: Resource): string {
  return type === 'proxy_llm' ? 'llm' : type
}
