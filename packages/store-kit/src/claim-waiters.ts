import type { Clock } from './clock.ts'
import { type Parked, park } from './park.ts'

/** A dequeue call that waits for work. */
export interface ClaimRequest {
  readonly workerId: string | null
  readonly leaseMs: number | null
  readonly limit: number
}

/** How much a worker has to do. */
export interface WorkerLoad {
  readonly running: number
  readonly capacity: number
}

/** Dequeue calls that wait for work. */
export interface ClaimWaiters<Work> {
  readonly size: number
  /**
   * Waits until {@link serve} has work for this call; an empty list when its time is over. Whether it is served, over
   * or aborted is decided at one moment: what was claimed for a call always reaches it. The signal must not be aborted
   * yet.
   */
  wait(
    request: ClaimRequest,
    limits: { readonly waitMs: number; readonly signal: AbortSignal | undefined },
  ): Promise<readonly Work[]>
  /**
   * Offers new work until `claim` answers an empty list: workers are served in turn, the calls of one worker first come,
   * first served. A worker without free slots is passed over. Where the turn is that of a worker with a capacity, the least
   * loaded of all such workers that wait goes in its place.
   * @param loadOf of a worker that reported a capacity; null for others. Default: nobody has one
   */
  serve(claim: (request: ClaimRequest) => readonly Work[], loadOf?: (workerId: string) => WorkerLoad | null): void
  /** Rejects all waits. */
  close(reason: unknown): void
}

interface Waiter<Work> {
  readonly request: ClaimRequest
  readonly parked: Parked<readonly Work[]>
}

export function createClaimWaiters<Work>({ clock }: { readonly clock: Clock }): ClaimWaiters<Work> {
  // Calls by worker, the worker to be served next first. A call without a worker id is a worker of its own.
  const turns = new Map<string | symbol, Set<Waiter<Work>>>()
  let size = 0

  const wait: ClaimWaiters<Work>['wait'] = (request, { waitMs, signal }) => {
    const key = request.workerId === null || request.workerId === '' ? Symbol('call') : request.workerId
    const onEnd = (): void => {
      const calls = turns.get(key)
      if (calls?.delete(waiter) !== true) return
      size--
      if (calls.size === 0) turns.delete(key)
    }
    const parked = park<readonly Work[]>({ clock, timeoutMs: waitMs, signal, onTimeout: () => [], onEnd })
    const waiter: Waiter<Work> = { request, parked }
    const calls = turns.get(key)
    if (calls === undefined) turns.set(key, new Set([waiter]))
    else calls.add(waiter)
    size++
    return parked.promise
  }

  const serve: ClaimWaiters<Work>['serve'] = (claim, loadOf = () => null) => {
    for (;;) {
      const key = nextTurn(turns, loadOf)
      const calls = key === null ? undefined : turns.get(key)
      const [waiter] = calls ?? []
      if (key === null || calls === undefined || waiter === undefined) return
      const work = claim(waiter.request)
      if (work.length === 0) return
      waiter.parked.resolve(work)
      // The worker's next call waits until all others had their turn.
      if (turns.delete(key)) turns.set(key, calls)
    }
  }

  const close = (reason: unknown): void => {
    for (const calls of turns.values()) for (const waiter of calls) waiter.parked.reject(reason)
  }

  return {
    wait,
    serve,
    close,
    get size() {
      return size
    },
  }
}

/** Whose turn it is; null when nobody who waits has a free slot. */
function nextTurn<Calls>(
  turns: ReadonlyMap<string | symbol, Calls>,
  loadOf: (workerId: string) => WorkerLoad | null,
): string | symbol | null {
  let best: string | null = null
  let lowest = 1
  for (const key of turns.keys()) {
    const load = typeof key === 'symbol' ? null : loadOf(key)
    if (typeof key === 'symbol' || load === null) {
      // Its turn has come, unless a worker with a capacity stood before it.
      if (best === null) return key
      continue
    }
    const share = load.running / load.capacity
    if (share >= lowest) continue
    best = key
    lowest = share
    if (share === 0) return key
  }
  return best
}
