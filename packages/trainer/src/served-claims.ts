import { AglError, type AttemptedRollout, type DequeueRequest, type LightningStore } from '@agl/types'

/*
 * The store as runners of other processes get it. Three things are added to it, because whoever serves it knows more than it does:
 *
 * - The end. When the algorithm is done, claims are refused with `closed`, those that are parked at once, and that is how runners
 *   elsewhere hear of it. Everything else goes on, so that what is running can be finished and reported.
 * - The recall. Later, heartbeats answer that what still runs must stop (`shutdown`), and runners hand it back.
 * - Burials. Of a runner whose process is gone nothing more will come: what it held is ended now, not when its lease is over.
 */

/** The claims of one `fit`, from its first to its last. */
export interface ServedClaims {
  readonly store: LightningStore
  end(): void
  recall(): void
  /** Whether anybody who is not gone has claimed, or shown life, within the last minute. */
  hasClaimants(): boolean
  /** Resolves when all who have claimed lately have heard of the end and hold nothing more, or the signal is aborted. */
  untilDrained(signal: AbortSignal): Promise<void>
  /**
   * Ends what a worker held that is gone.
   * @param crash why its attempts, which were under way, ended; null: it never knew of them, and they go back as they are
   */
  bury(workerId: string, crash: AglError | null): Promise<void>
}

interface ServedWorker {
  /** By attempt id. */
  readonly held: Map<string, { readonly rolloutId: string; readonly metadata: AttemptedRollout['attempt']['metadata'] }>
  readonly parked: Set<AbortController>
  /** In milliseconds of `performance.now()`. */
  seen: number
  /** Whether it has heard of the end. */
  isTold: boolean
  isGone: boolean
}

/** Who has shown no life for so long is not waited for: longer than a parked claim and the heartbeats in between. */
const recentMs = 60_000
/** Workers beyond this are looked through for those to forget. */
const manyWorkers = 1000

const endOf = (): AglError => new AglError({ code: 'closed', message: 'The run is over: there is no more work.' })

export function serveClaims(store: LightningStore): ServedClaims {
  const workers = new Map<string, ServedWorker>()
  /** By attempt id: ends that are being written. */
  const settling = new Map<string, Promise<unknown>>()
  const onChange = new Set<() => void>()
  let isOver = false
  let isRecalled = false

  const changed = (): void => {
    for (const listener of onChange) listener()
  }
  const isRecent = ({ seen, isGone }: ServedWorker): boolean => !isGone && performance.now() - seen < recentMs

  function workerOf(workerId: string): ServedWorker {
    const known = workers.get(workerId)
    if (known !== undefined) return known
    if (workers.size >= manyWorkers) {
      for (const [id, each] of workers) if (!isRecent(each) && each.parked.size === 0) workers.delete(id)
    }
    const worker: ServedWorker = { held: new Map(), parked: new Set(), seen: 0, isTold: false, isGone: false }
    workers.set(workerId, worker)
    return worker
  }

  async function claim<Claimed>(
    request: DequeueRequest & { readonly limit?: number },
    ask: (signal: AbortSignal) => Promise<Claimed>,
    listOf: (claimed: Claimed) => readonly AttemptedRollout[],
  ): Promise<Claimed> {
    const ended = new AbortController()
    // It only asks what an earlier claim has brought, for a caller that goes.
    if (request.limit !== undefined && request.limit <= 0) return await ask(request.signal ?? ended.signal)
    const worker = workerOf(request.workerId ?? '')
    worker.seen = performance.now()
    if (isOver) {
      worker.isTold = true
      changed()
      throw endOf()
    }
    const onAbort = (): void => ended.abort(request.signal?.reason)
    if (request.signal?.aborted === true) onAbort()
    request.signal?.addEventListener('abort', onAbort)
    worker.parked.add(ended)
    try {
      const claimed = await ask(ended.signal)
      const list = listOf(claimed)
      for (const { rollout_id: rolloutId, attempt } of list) {
        worker.held.set(attempt.attempt_id, { rolloutId, metadata: attempt.metadata })
      }
      if (worker.isGone && list.length > 0) {
        await release(worker)
        throw endOf()
      }
      return claimed
    } catch (error) {
      if (isOver && ended.signal.aborted) worker.isTold = true
      throw error
    } finally {
      worker.parked.delete(ended)
      request.signal?.removeEventListener('abort', onAbort)
      changed()
    }
  }

  function drop(attemptId: string): void {
    for (const { held } of workers.values()) if (held.delete(attemptId)) break
    changed()
  }

  async function settle<Result>(attemptId: string, write: Promise<Result>): Promise<Result> {
    settling.set(attemptId, write)
    try {
      const result = await write
      drop(attemptId)
      return result
    } finally {
      if (settling.get(attemptId) === write) settling.delete(attemptId)
    }
  }

  /** What ended meanwhile, by itself or by the store, keeps its end: writing another would undo a cancel, a timeout or the next try. */
  async function isUnderWay(rolloutId: string, attemptId: string): Promise<boolean> {
    await settling.get(attemptId)?.catch(() => {})
    const latest = await store.getLatestAttempt({ rolloutId }).catch(() => null)
    return latest?.attempt_id === attemptId && (latest.status === 'preparing' || latest.status === 'running')
  }

  async function release(worker: ServedWorker): Promise<void> {
    for (const [attemptId, { rolloutId }] of worker.held) {
      worker.held.delete(attemptId)
      if (!(await isUnderWay(rolloutId, attemptId))) continue
      // Without leases a rollout that nobody works on is ended by its own limits.
      await store.releaseAttempt({ rolloutId, attemptId }).catch(() => {})
    }
  }

  const served: Partial<LightningStore> = {
    spec: null,
    dequeueRollout: (request = {}) =>
      claim(
        request,
        (signal) => store.dequeueRollout({ ...request, signal }),
        (claimed) => (claimed === null ? [] : [claimed]),
      ),
    dequeueManyRollouts: (request) =>
      claim(
        request,
        (signal) => store.dequeueManyRollouts({ ...request, signal }),
        (claimed) => claimed,
      ),
    async updateAttempt(request) {
      const { status, attemptId } = request
      const write = store.updateAttempt(request)
      if (status === undefined || status === 'preparing' || status === 'running') return await write
      return await settle(attemptId, write)
    },
    releaseAttempt: (request) => settle(request.attemptId, store.releaseAttempt(request)),
    async heartbeat(request) {
      const worker = workerOf(request.workerId)
      worker.seen = performance.now()
      const reply = await store.heartbeat(request)
      // Nobody reports the end of these: they have ended, or are somebody else's.
      for (const { attemptId, reason } of reply.stopped) if (reason !== 'cancelled') drop(attemptId)
      if (!isRecalled) return reply
      const known = new Set(reply.stopped.map(({ attemptId }) => attemptId))
      const others = (request.attempts ?? []).filter(({ attemptId }) => !known.has(attemptId))
      return { ...reply, stopped: [...reply.stopped, ...others.map((attempt) => ({ ...attempt, reason: 'shutdown' as const }))] }
    },
  }

  return {
    store: overlay(store, served),
    end() {
      isOver = true
      for (const { parked } of workers.values()) for (const ended of parked) ended.abort(endOf())
    },
    recall() {
      isRecalled = true
    },
    hasClaimants: () => [...workers.values()].some(isRecent),
    async untilDrained(signal) {
      const isDrained = (): boolean =>
        [...workers.values()].every((worker) => !isRecent(worker) || (worker.isTold && worker.held.size === 0))
      if (isDrained() || signal.aborted) return
      await new Promise<void>((resolve) => {
        const look = (): void => {
          if (!signal.aborted && !isDrained()) return
          onChange.delete(look)
          signal.removeEventListener('abort', look)
          resolve()
        }
        onChange.add(look)
        signal.addEventListener('abort', look)
      })
    },
    async bury(workerId, crash) {
      const worker = workerOf(workerId)
      worker.isGone = true
      for (const ended of worker.parked) ended.abort(endOf())
      if (crash !== null) {
        const { code, message } = crash
        for (const [attemptId, { rolloutId, metadata: before }] of worker.held) {
          worker.held.delete(attemptId)
          if (!(await isUnderWay(rolloutId, attemptId))) continue
          const metadata = { ...before, error: { code, message } }
          // The store ends what cannot be ended now when the lease is over.
          await store.updateAttempt({ rolloutId, attemptId, status: 'unresponsive', metadata }).catch(() => {})
        }
      } else await release(worker)
      changed()
    },
  }
}

/** A store with some verbs done otherwise. Stores may be frozen objects and instances of classes. */
function overlay(store: LightningStore, changes: Partial<LightningStore>): LightningStore {
  const own = changes as Readonly<Record<PropertyKey, unknown>>
  return new Proxy({} as LightningStore, {
    get(_target, key) {
      if (Object.hasOwn(own, key)) return own[key]
      const value = store[key as keyof LightningStore] as unknown
      return typeof value === 'function' ? value.bind(store) : value
    },
    has: (_target, key) => key in store,
  })
}
