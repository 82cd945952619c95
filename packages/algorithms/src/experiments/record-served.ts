import {
  AglError,
  type AttemptOutcome,
  type JsonObject,
  type JsonValue,
  type LightningStore,
  type Rollout,
  type RolloutMode,
} from '@agl/types'
import { buildSpan, rewardSpanName, rewardToAttributes } from '@agl/types/spans'
import { checkValue } from './metrics.ts'
import type { ExperimentSettings } from './options.ts'
import { marksOf, type Route } from './route.ts'

/** What somebody was served and how it went, where no runner was. */
export interface ServedResult {
  readonly input: JsonValue
  /** What was measured, by metric. */
  readonly values: Readonly<Record<string, number>>
  /** Written as a reward, for other algorithms and people. Default: none. */
  readonly reward?: number | null
  /** Default `scored` with a reward, else `completed`. */
  readonly outcome?: AttemptOutcome
  readonly mode?: RolloutMode
  readonly metadata?: JsonObject
}

/** So long after it began, what is recorded is given up if its writer died in the middle. */
const recordedWithinSeconds = 600

export async function recordServed<Task>(
  store: LightningStore,
  { metrics, name }: ExperimentSettings<Task>,
  { experiment, arm, key, revision, resourcesId, version }: Route,
  { input, values, reward = null, outcome = reward === null ? 'completed' : 'scored', mode, metadata }: ServedResult,
): Promise<Rollout> {
  if (experiment !== name) {
    throw new AglError({ code: 'invalid_argument', message: `A route of "${experiment}" was given to the experiment "${name}".` })
  }
  for (const [metric, value] of Object.entries(values)) {
    if (!Object.hasOwn(metrics, metric)) {
      const known = Object.keys(metrics).join(', ')
      throw new AglError({
        code: 'invalid_argument',
        message: `There is no metric "${metric}"; there are ${known}.`,
        data: { metric },
      })
    }
    checkValue(metric, metrics[metric]!, value, 'what was served')
  }
  const marks = marksOf(name, arm, { key, revision, values })
  const { attempt, ...rollout } = await store.startRollout({
    rollout: {
      input,
      resources_id: resourcesId,
      resources_version: version,
      config: { unresponsive_seconds: recordedWithinSeconds },
      labels: marks.labels,
      metadata: { ...metadata, ...marks.metadata },
      ...(mode === undefined ? {} : { mode }),
    },
  })
  const ids = { rolloutId: rollout.rollout_id, attemptId: attempt.attempt_id }
  if (reward !== null) {
    const time = Date.now() / 1000
    const attributes = rewardToAttributes(reward)
    await store.addSpan(buildSpan({ ...ids, name: rewardSpanName, attributes, startTime: time, endTime: time }))
  }
  const status = outcome === 'scored' || outcome === 'completed' ? 'succeeded' : 'failed'
  await store.updateAttempt({ ...ids, status, outcome })
  return (await store.getRolloutById({ rolloutId: ids.rolloutId }))!
}
