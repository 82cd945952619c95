import { AglError, errorCodes, type LightningStore } from '@agl/types'

type Verb = Exclude<keyof LightningStore, 'name' | 'capabilities' | 'spec' | symbol>

/** Every verb of the contract; streams are not measured, since their time is their reader's. */
const isMeasured: Readonly<Record<Verb, boolean>> = {
  startRollout: true,
  enqueueRollout: true,
  enqueueManyRollouts: true,
  dequeueRollout: true,
  dequeueManyRollouts: true,
  startAttempt: true,
  releaseAttempt: true,
  cancelRollouts: true,
  deleteRollouts: true,
  addSpan: true,
  addManySpans: true,
  addOtelSpan: true,
  querySpans: true,
  getNextSpanSequenceId: true,
  getManySpanSequenceIds: true,
  queryRollouts: true,
  getRolloutById: true,
  queryAttempts: true,
  getLatestAttempt: true,
  waitForRollouts: true,
  updateRollout: true,
  updateAttempt: true,
  addResources: true,
  updateResources: true,
  updateManyResources: true,
  getResourcesById: true,
  getLatestResources: true,
  queryResources: true,
  queryResourcesVersions: true,
  deleteResources: true,
  setResourcesAlias: true,
  getResourcesByAlias: true,
  queryResourcesAliases: true,
  deleteResourcesAlias: true,
  queryWorkers: true,
  getWorkerById: true,
  updateWorker: true,
  heartbeat: true,
  watch: false,
  statistics: true,
  exportSnapshot: false,
  importSnapshot: true,
  close: false,
}

/** One call of a verb that has ended; one that is parked ends when it is answered. */
export interface MeasuredCall {
  /** In the reference's spelling: `dequeue_rollout`. */
  readonly method: string
  /** `OK`, the code of an error of ours, or `internal` for any other. */
  readonly status: string
  readonly milliseconds: number
}

/** The same store, with each call told to `observe` when it has ended. */
export function measureStore(store: LightningStore, observe: (call: MeasuredCall) => void): LightningStore {
  const verbs = Object.entries(isMeasured) as [Verb, boolean][]
  const measured = Object.fromEntries(
    verbs.map(([verb, isCounted]) => {
      const call = (request?: unknown): unknown => store[verb](request as never)
      return [verb, isCounted ? measuredCall(verb, call as AsyncCall, observe) : call]
    }),
  )
  const { name, capabilities } = store
  return { ...measured, name, capabilities, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() } as LightningStore
}

type AsyncCall = (request?: unknown) => Promise<unknown>

function measuredCall(verb: Verb, call: AsyncCall, observe: (call: MeasuredCall) => void): AsyncCall {
  const method = verb.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return (request) => {
    const start = performance.now()
    const end = (status: string): void => observe({ method, status, milliseconds: performance.now() - start })
    const answer = call(request)
    answer.then(
      () => end('OK'),
      (error: unknown) => end(statusOf(error)),
    )
    return answer
  }
}

/** Codes outside of the table may be as many as there are callers, and are told as one. */
function statusOf(error: unknown): string {
  return AglError.isInstance(error) && Object.hasOwn(errorCodes, error.code) ? error.code : 'internal'
}
