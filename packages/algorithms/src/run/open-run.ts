import {
  AglError,
  type AttemptedRollout,
  errorMessage,
  type JsonValue,
  type LightningStore,
  type Logger,
  type NewSpan,
  type RunEvent,
  type RunState,
  type Span,
} from '@agl/types'
import { buildSpan } from '@agl/types/spans'
import { createWriteBehind } from './write-behind.ts'

/** Names of what a run leaves in the store. */
export const runNames = {
  /** A label of the rollout that a run is recorded as; its value is the name of the algorithm. */
  label: 'agl.run',
  stateSpan: 'agl.run.state',
  stateKey: 'agl.run.state.key',
  stateValue: 'agl.run.state.value',
  metricsSpan: 'agl.run.metrics',
  step: 'agl.run.step',
  /** `agl.run.metric.{name}`. */
  metric: 'agl.run.metric',
  planSpan: 'agl.run.plan',
  planLines: 'agl.run.plan.lines',
} as const

export interface OpenRunOptions {
  readonly store: LightningStore
  /** The algorithm's. */
  readonly name: string
  /** An id that is there already is gone on with. */
  readonly runId: string
  readonly logger: Logger
}

/** An algorithm's run as the store knows it. */
export interface Run {
  readonly state: RunState
  readonly report: (event: RunEvent) => void
  /** Settles the record, once all of it is written. @param error null = it ended well. Never rejects. */
  end(error: unknown): Promise<void>
}

/**
 * The record of a run: a rollout that no runner ever claims, whose spans are what the algorithm measured at each step, and its state. Each
 * process that works on the run is an attempt of it. Nothing is written before there is something to tell.
 */
export async function openRun({ store, name, runId, logger }: OpenRunOptions): Promise<Run> {
  const earlier = await store.getRolloutById({ rolloutId: runId })
  if (earlier !== null && earlier.labels?.[runNames.label] !== name) {
    throw new AglError({
      code: 'conflict',
      message: `${runId} is not a run of the algorithm "${name}": give this run another id.`,
      data: { rolloutId: runId },
    })
  }
  const values = earlier === null ? new Map<string, JsonValue>() : await readState(store, runId)
  let recording: Promise<AttemptedRollout> | null = null
  const record = (): Promise<AttemptedRollout> =>
    (recording ??= (earlier === null ? begin(store, name, runId) : goOn(store, runId)).catch((error: unknown) => {
      // What is kept next tries again: a store that was away for a moment is no end of the run.
      recording = null
      throw error
    }))

  const { add } = createWriteBehind<Note>(async (batch) => {
    const { rollout_id: rolloutId, attempt } = await record()
    await store.addManySpans({ spans: batch.map((note) => toSpan(note, rolloutId, attempt.attempt_id)) })
  })
  let told: Promise<void> = Promise.resolve()

  return {
    state: {
      load: async (key) => values.get(key),
      async save(key, value) {
        await add({
          name: runNames.stateSpan,
          attributes: { [runNames.stateKey]: key, [runNames.stateValue]: JSON.stringify(value) },
        })
        values.set(key, structuredClone(value))
      },
    },
    report(event) {
      const note = noteOf(event)
      if (note === null) return
      told = add(note).catch((error: unknown) =>
        logger.warn('What a run measured could not be stored', { runId, error: errorMessage(error) }),
      )
    },
    async end(error) {
      await told
      if (recording === null) return
      try {
        const { attempt } = await recording
        await store.updateAttempt({
          rolloutId: runId,
          attemptId: attempt.attempt_id,
          ...(error === null
            ? { status: 'succeeded' as const }
            : { status: 'failed' as const, metadata: { error: { message: errorMessage(error) } } }),
        })
      } catch (cause) {
        logger.warn('The end of a run could not be stored', { runId, error: errorMessage(cause) })
      }
    },
  }
}

/** What a run has kept under a key; undefined = nothing, or no such run. */
export async function readRunState(store: LightningStore, runId: string, key: string): Promise<JsonValue | undefined> {
  return (await readState(store, runId)).get(key)
}

interface Note {
  readonly name: string
  readonly attributes: Readonly<Record<string, string | number | readonly string[]>>
}

function noteOf(event: RunEvent): Note | null {
  switch (event.type) {
    case 'plan':
      return { name: runNames.planSpan, attributes: { [runNames.planLines]: event.lines } }
    case 'metrics': {
      const metrics = Object.entries(event.metrics).filter(([, value]) => Number.isFinite(value))
      const attributes = metrics.map(([name, value]) => [`${runNames.metric}.${name}`, value] as const)
      return { name: runNames.metricsSpan, attributes: { [runNames.step]: event.step, ...Object.fromEntries(attributes) } }
    }
    case 'phase':
    case 'spent':
    case 'note':
      return null
    default:
      return event satisfies never
  }
}

function toSpan({ name, attributes }: Note, rolloutId: string, attemptId: string): NewSpan {
  const now = Date.now() / 1000
  return buildSpan({ rolloutId, attemptId, name, attributes, startTime: now, endTime: now })
}

async function begin(store: LightningStore, name: string, runId: string): Promise<AttemptedRollout> {
  return await store.startRollout({
    rollout: { rollout_id: runId, input: { algorithm: name }, labels: { [runNames.label]: name } },
  })
}

/** Whoever worked on it before is gone; what it did not settle is settled for it. */
async function goOn(store: LightningStore, runId: string): Promise<AttemptedRollout> {
  const before = await store.getLatestAttempt({ rolloutId: runId })
  if (before !== null && before.outcome === null) {
    await store.updateAttempt({ rolloutId: runId, attemptId: before.attempt_id, status: 'failed', outcome: 'infra_error' })
  }
  return await store.startAttempt({ rolloutId: runId })
}

const pageSize = 1_000

async function readState(store: LightningStore, runId: string): Promise<Map<string, JsonValue>> {
  const values = new Map<string, JsonValue>()
  for (let offset = 0; ; offset += pageSize) {
    const { items } = await store.querySpans({
      rolloutId: runId,
      name: runNames.stateSpan,
      sortBy: null,
      offset,
      limit: pageSize,
    })
    for (const span of items) values.set(...readEntry(span))
    if (items.length < pageSize) return values
  }
}

function readEntry({ attributes }: Span): [string, JsonValue] {
  return [String(attributes[runNames.stateKey]), JSON.parse(String(attributes[runNames.stateValue])) as JsonValue]
}
