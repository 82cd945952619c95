import {
  type HeldResources,
  type HeldWorker,
  planResourcesRetention,
  planRetention,
  planWorkersRetention,
  type Retired,
  type RetentionPlan,
} from '@agl/store-kit'
import { dropWorker } from './apply.ts'
import { keptBytes } from './bytes.ts'
import type { Chain } from './chain.ts'
import { deleteRow, dropSpans } from './delete.ts'
import { deleteVersions, type ResourcesRow } from './resources.ts'
import { type MemoryState, pinKey, type RolloutRow } from './state.ts'

/** Rollouts that one pass drops at most when no write waits for the room, so that no call is late. */
const passLimit = 200

/** Drops finished rollouts until so many bytes more fit. */
export function makeRoom(state: MemoryState, addedBytes: number): void {
  carryOut(state, plan(state, addedBytes, undefined))
}

/** Drops what is too old or one too many; at most a few hundred at a time. Answers whether there may be more. */
export function retain(state: MemoryState): boolean {
  retainWorkers(state)
  const { maxAgeSeconds, maxRollouts } = state.retention
  const first = state.retired.first()
  if (first === undefined) return false
  const isOneTooMany = maxRollouts !== null && state.retired.size > maxRollouts
  const isOld = maxAgeSeconds !== null && state.clock.now() - first.entry.rollout.end_time! > maxAgeSeconds
  if (!isOneTooMany && !isOld) return false
  const due = plan(state, 0, passLimit)
  carryOut(state, due)
  return due.rollouts.length === passLimit
}

function plan(state: MemoryState, addedBytes: number, limit: number | undefined): RetentionPlan {
  return planRetention(state.retention, {
    now: state.clock.now(),
    finished: state.retired.size,
    bytes: keptBytes(state.usage) + state.usage.finished + addedBytes,
    retired: () => describeAll(state.retired),
    withSpans: () => describeAll(state.retiredWithSpans),
    ...(limit === undefined ? {} : { limit }),
  })
}

function* describeAll(rows: Chain<RolloutRow>): Generator<Retired> {
  for (const { entry, recordBytes, spanBytes } of rows) {
    yield { rolloutId: entry.rollout.rollout_id, endTime: entry.rollout.end_time!, recordBytes, spanBytes }
  }
}

function carryOut(state: MemoryState, { rollouts, spans }: RetentionPlan): void {
  for (const id of spans) dropSpans(state, state.rollouts.get(id)!)
  for (const id of rollouts) deleteRow(state, state.rollouts.get(id)!)
  if (rollouts.length + spans.length === 0) return
  state.logger.debug('retention', { rolloutsDeleted: rollouts.length, spansDropped: spans.length })
}

function retainWorkers(state: MemoryState): void {
  const now = state.clock.now()
  if (now <= state.workersLook) return
  const { forgotten, nextLook } = planWorkersRetention(state.retention.maxWorkerAgeSeconds!, describeWorkers(state), now)
  for (const id of forgotten) dropWorker(state, id)
  state.workersLook = state.workers.size === 0 ? Infinity : nextLook
}

function* describeWorkers(state: MemoryState): Generator<HeldWorker> {
  for (const { worker, running } of state.workers.values()) yield { worker, isRunning: running.size > 0 }
}

/** Drops versions of resources that are too many, after a change of some ids. */
export function retainResources(state: MemoryState, changedIds: ReadonlySet<string>): void {
  const { maxResources, maxResourcesVersions } = state.retention
  if (maxResources === null && maxResourcesVersions === null) return
  const aliased = new Set([...state.aliases.values()].map((item) => pinKey(item.resources_id, item.version)))
  const latest = state.latestResources
  const dropped = planResourcesRetention(state.retention, {
    changed: [...changedIds].flatMap((id) => describeResources(id, state.resources.get(id)!)),
    count: state.resourcesCount,
    all: () => [...state.resources].flatMap(([id, row]) => describeResources(id, row)),
    isUsed({ resourcesId, version }) {
      const key = pinKey(resourcesId, version)
      return aliased.has(key) || state.pins.has(key) || (latest?.resources_id === resourcesId && latest.version === version)
    },
  })
  for (const { resourcesId, version } of dropped) deleteVersions(state, resourcesId, [version])
}

function describeResources(resourcesId: string, { versions }: ResourcesRow): readonly HeldResources[] {
  const numbers = [...versions.keys()].sort((a, b) => a - b)
  const newest = numbers.at(-1)
  return newest === undefined ? [] : [{ resourcesId, versions: numbers, updateTime: versions.get(newest)!.record.update_time }]
}
