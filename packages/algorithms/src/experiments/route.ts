import {
  AglError,
  type EnqueueRolloutRequest,
  type JsonObject,
  type JsonValue,
  type NamedResources,
  type Rollout,
} from '@agl/types'
import { armOf } from './assignment.ts'
import { experimentNames, type Placement } from './metrics.ts'
import type { ExperimentSettings } from './options.ts'
import type { ExperimentState } from './record.ts'

/** Which version somebody gets. */
export interface Route {
  readonly experiment: string
  readonly arm: string
  readonly key: string
  /** Of the record, when the arm was chosen. */
  readonly revision: number
  readonly resourcesId: string
  readonly version: number
  readonly resources: NamedResources
}

/** What is needed to route: an experiment that is open. */
export interface Routable<Task> {
  readonly settings: ExperimentSettings<Task>
  readonly state: ExperimentState
  resourcesOf(arm: string): NamedResources
}

/**
 * The version that a task gets, by the same draw as in runs, at once: everything it needs is in this process, and follows the store by its feed.
 * @param features a task, or as much of it as the functions of `assign` look at
 * @throws AglError `invalid_argument` where they give no key
 */
export function routeResources<Task>(experiment: Routable<Task>, features: Task): Route {
  const { settings, state } = experiment
  const { arm, key } = placeTask(settings, state, features, () => globalThis.crypto.randomUUID())
  const { resourcesId, version } = state.arms[arm]!
  const { name } = settings
  return { experiment: name, arm, key, revision: state.revision, resourcesId, version, resources: experiment.resourcesOf(arm) }
}

/** @param drawKey makes a key for a task that has none of its own */
function placeTask<Task>(
  { name, assign }: ExperimentSettings<Task>,
  { phase, weights }: ExperimentState,
  task: Task,
  drawKey: () => string,
): { readonly arm: string; readonly key: string } {
  // In the trial each task, or each rollout, counts by itself; keys of customers, who have several, are for the roll-out.
  const isAlone = phase === 'trial' && (assign.by === 'task' || assign.by === 'weight')
  const key = assign.key === undefined || isAlone ? drawKey() : toKey(assign.key(task))
  if (phase === 'trial' && assign.by === 'fixed') return { arm: assign.arm, key }
  if (phase === 'trial' && assign.by === 'feature') {
    const value = assign.feature(task)
    return { arm: Object.hasOwn(assign.arms, value) ? assign.arms[value]! : assign.otherwise, key }
  }
  return { arm: armOf(name, weights, key), key }
}

function toKey(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
  throw new AglError({
    code: 'invalid_argument',
    message: `The key of a task is ${JSON.stringify(value) ?? 'nothing'}; expected a text or a whole number: whoever has none cannot be assigned for good.`,
  })
}

/** What a rollout of an arm carries, so that it is counted. */
export function marksOf(
  experiment: string,
  arm: string,
  placement: Placement,
): { readonly labels: Readonly<Record<string, string>>; readonly metadata: JsonObject } {
  return {
    labels: { [experimentNames.experiment]: experiment, [experimentNames.arm]: arm },
    metadata: {
      [experimentNames.placement]: { ...placement, values: placement.values === null ? null : { ...placement.values } },
    },
  }
}

/** The arms that a task is run with, and under which key; in a trial by task all of them, else one. */
export function placesOf<Task>(
  settings: ExperimentSettings<Task>,
  state: ExperimentState,
  task: Task,
  drawKey: () => string,
): readonly { readonly arm: string; readonly key: string }[] {
  const { assign } = settings
  const place = placeTask(settings, state, task, drawKey)
  if (assign.by !== 'task' || state.phase !== 'trial') return [place]
  const { repetitions = 1 } = assign
  const { key } = place
  const arms = Object.keys(state.arms)
  return Array.from({ length: repetitions }, () => arms.map((arm) => ({ arm, key }))).flat()
}

export function requestOf<Task>(
  experiment: string,
  { revision, arms }: ExperimentState,
  { arm, key }: { readonly arm: string; readonly key: string },
  task: Task,
  { labels, ...rest }: Omit<EnqueueRolloutRequest, 'input'>,
): EnqueueRolloutRequest & Pick<Rollout, 'labels'> {
  const marks = marksOf(experiment, arm, { key, revision, values: null })
  const { resourcesId, version } = arms[arm]!
  return {
    ...rest,
    input: task as JsonValue,
    resources_id: resourcesId,
    resources_version: version,
    metadata: marks.metadata,
    labels: { ...labels, ...marks.labels },
  }
}
