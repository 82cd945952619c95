import type { AttemptOutcome, AttemptStatus, RolloutConfig, RolloutStatus } from '@agl/types'
import type { ClaimOptions, ModelAttempt, ModelRollout, ModelWorker } from './records.ts'

/*
 * What a store is to do, as plainly as it can be said: lists, loops and flags, no queue structure, no timers, no notes that
 * are carried along. Written from the contract (store.md §3–4, DESIGN §5), on purpose not from the state machine.
 * Times are epoch seconds of the store.
 */

const retriesOfLostClaims = 5

const isFinished = (status: RolloutStatus): boolean => ['succeeded', 'failed', 'cancelled'].includes(status)
const isWaiting = (status: RolloutStatus): boolean => ['queuing', 'requeuing'].includes(status)
const isLive = (attempt: ModelAttempt): boolean => ['preparing', 'running'].includes(attempt.status)

export class Reference {
  readonly rollouts: Map<string, ModelRollout> = new Map()
  readonly workers: Map<string, ModelWorker> = new Map()
  now = 0
  private places = 0
  /** The one place of what several limits put back that passed within a millisecond: their order is not promised. */
  private sharedPlace: number | null = null

  enqueue(id: string, request: { readonly priority: number; readonly config: RolloutConfig }): ModelRollout {
    const { priority, config } = request
    const rollout: ModelRollout = {
      id,
      priority,
      config,
      status: 'queuing',
      place: this.places++,
      opening: 0,
      sequence: 0,
      attempts: [],
    }
    this.rollouts.set(id, rollout)
    return rollout
  }

  /** The rollouts that wait, in the order in which they are claimed. @param seen ids in the order that the store gave to equals */
  queue(seen: readonly string[] = []): readonly ModelRollout[] {
    const rank = ({ id }: ModelRollout): number => (seen.includes(id) ? seen.indexOf(id) : seen.length)
    return [...this.rollouts.values()]
      .filter((rollout) => rollout.place !== null)
      .sort((a, b) => b.priority - a.priority || a.place! - b.place! || rank(a) - rank(b))
  }

  dequeue(limit: number, capacity: number | null, claim: ClaimOptions, seen: readonly string[]): readonly ModelAttempt[] {
    const { worker } = claim
    if (worker !== null && capacity !== null) this.workerOf(worker).capacity = capacity
    const known = worker === null ? null : (this.workers.get(worker)?.capacity ?? null)
    const free = worker === null || known === null ? Infinity : known - this.running(worker)
    const claimed = this.queue(seen)
      .slice(0, Math.max(0, Math.min(limit, free)))
      .map((rollout) => this.claim(rollout, claim))
    if (claimed.length === 0 && worker !== null && this.running(worker) === 0) this.workerOf(worker).status = 'idle'
    return claimed
  }

  claim(rollout: ModelRollout, { worker, leaseSeconds }: ClaimOptions): ModelAttempt {
    const attempt: ModelAttempt = {
      rollout,
      id: '',
      number: rollout.attempts.length + 1,
      status: 'preparing',
      outcome: null,
      worker,
      start: this.now,
      beat: null,
      leaseEnd: leaseSeconds === null ? null : this.now + leaseSeconds,
      leaseSeconds,
      hasEnd: false,
      metadata: null,
      showedLife: false,
      hasReward: false,
      isUncounted: false,
      lostIn: null,
      spans: new Set(),
    }
    rollout.attempts.push(attempt)
    this.move(rollout, 'preparing')
    if (worker !== null) this.workerOf(worker).status = 'busy'
    return attempt
  }

  addSpan(attempt: ModelAttempt, span: { readonly id: string; readonly isReward: boolean }): boolean {
    if (attempt.spans.has(span.id)) return false
    attempt.spans.add(span.id)
    attempt.rollout.sequence++
    attempt.beat = this.now
    attempt.showedLife = true
    if (span.isReward) attempt.hasReward = true
    if (attempt.status === 'unresponsive') this.revive(attempt, 'running')
    if (attempt.status === 'preparing') attempt.status = 'running'
    if (attempt.outcome === 'completed' && attempt.hasReward) attempt.outcome = 'scored'
    if (this.speaks(attempt) && isLive(attempt)) this.move(attempt.rollout, 'running')
    return true
  }

  heartbeat(worker: string, attempt: ModelAttempt | null, leaseSeconds: number | null): string | null {
    this.workerOf(worker)
    if (attempt === null) return null
    const { rollout } = attempt
    if (rollout.status === 'cancelled' || attempt.outcome === 'cancelled') return 'cancelled'
    if (rollout.attempts.at(-1) !== attempt) return 'superseded'
    if (isFinished(rollout.status) || (!isLive(attempt) && attempt.status !== 'unresponsive')) return 'settled'
    attempt.beat = this.now
    attempt.showedLife = true
    if (leaseSeconds !== null) attempt.leaseSeconds = leaseSeconds
    attempt.leaseEnd = attempt.leaseSeconds === null ? null : this.now + attempt.leaseSeconds
    if (attempt.status === 'unresponsive') {
      this.revive(attempt, 'running')
      this.move(rollout, 'running')
    }
    return null
  }

  report(
    attempt: ModelAttempt,
    change: { readonly status: AttemptStatus | null; readonly worker: string | null; readonly metadata: number | null },
  ): void {
    const { rollout } = attempt
    const { status, worker, metadata } = change
    attempt.showedLife = true
    if (metadata !== null) attempt.metadata = metadata
    if (worker !== null && worker !== attempt.worker) {
      const before = attempt.worker
      attempt.worker = worker
      if (before !== null && isLive(attempt)) this.leave(before, false)
    }
    const hasSettled = !isLive(attempt) && attempt.status !== 'unresponsive'
    const isIgnored =
      status === null ||
      attempt.outcome === 'cancelled' ||
      (!isLive(attempt) && attempt.status === status) ||
      (hasSettled && isFinished(rollout.status)) ||
      // Put back by hand: it waits for the next attempt.
      (hasSettled && rollout.status === 'queuing' && rollout.attempts.at(-1) === attempt)
    if (isIgnored) {
      if (worker !== null) this.sync(attempt)
      return
    }
    if (status === 'preparing' || status === 'running') {
      this.revive(attempt, status)
    } else {
      this.countAgain(attempt)
      const outcome = {
        succeeded: attempt.hasReward ? 'scored' : 'completed',
        failed: 'agent_error',
        timeout: 'timeout',
        unresponsive: 'unresponsive',
      } as const
      this.end(attempt, status, outcome[status])
    }
    if (this.speaks(attempt)) this.follow(attempt)
  }

  release(attempt: ModelAttempt): void {
    if (!isLive(attempt)) return
    attempt.isUncounted = true
    this.end(attempt, 'failed', 'infra_error')
    if (this.speaks(attempt)) this.move(attempt.rollout, 'requeuing')
  }

  cancel(rollout: ModelRollout): boolean {
    if (isFinished(rollout.status)) return false
    this.setStatus(rollout, 'cancelled')
    return true
  }

  setStatus(rollout: ModelRollout, status: RolloutStatus): void {
    if (status === 'cancelled' && rollout.status !== 'cancelled') {
      for (const attempt of rollout.attempts) {
        if (isLive(attempt) || attempt.status === 'unresponsive') this.end(attempt, 'failed', 'cancelled')
      }
    }
    this.move(rollout, status)
  }

  delete(rollout: ModelRollout): boolean {
    if (!isFinished(rollout.status)) return false
    this.rollouts.delete(rollout.id)
    for (const { worker } of rollout.attempts.filter(isLive)) {
      if (worker !== null && this.running(worker) === 0) this.workerOf(worker).status = null
    }
    return true
  }

  /** Time has passed: ends what is past a limit, what was due first before what was due later. */
  advanceTo(now: number): void {
    let previous = -Infinity
    for (;;) {
      const attempts = [...this.rollouts.values()].flatMap((rollout) => rollout.attempts).filter(isLive)
      const due = attempts.filter((attempt) => this.deadline(attempt) < now)
      const [first] = due.sort((a, b) => this.deadline(a) - this.deadline(b))
      if (first === undefined) break
      // What was revived without a sign of life may be long past its limit.
      this.now = Math.max(this.now, this.deadline(first))
      if (this.now - previous > 0.001) this.sharedPlace = this.places++
      previous = this.now
      this.expire(first)
    }
    this.now = now
    this.sharedPlace = null
  }

  running(worker: string): number {
    const attempts = [...this.rollouts.values()].flatMap((rollout) => rollout.attempts)
    return attempts.filter((attempt) => attempt.worker === worker && isLive(attempt)).length
  }

  workerOf(id: string): ModelWorker {
    const worker = this.workers.get(id) ?? { status: 'unknown', capacity: null }
    this.workers.set(id, worker)
    return worker
  }

  private timeout({ start, rollout }: ModelAttempt): number {
    return start + (rollout.config.timeout_seconds ?? Infinity)
  }

  private deadline(attempt: ModelAttempt): number {
    const silence = (attempt.beat ?? attempt.start) + (attempt.rollout.config.unresponsive_seconds ?? Infinity)
    return Math.min(this.timeout(attempt), silence, attempt.leaseEnd ?? Infinity)
  }

  private expire(attempt: ModelAttempt): void {
    const { rollout } = attempt
    const isTimeout = this.timeout(attempt) <= this.now
    const moves = this.speaks(attempt) && !isWaiting(rollout.status)
    if (moves && !isTimeout && attempt.leaseEnd !== null && !attempt.showedLife) {
      const lostBefore = rollout.attempts.filter((other) => other.lostIn === rollout.opening).length
      if (lostBefore >= retriesOfLostClaims) {
        this.end(attempt, 'failed', 'infra_error')
        this.move(rollout, 'failed')
        return
      }
      Object.assign(attempt, { lostIn: rollout.opening, isUncounted: true })
      this.end(attempt, 'unresponsive', 'unresponsive')
      this.move(rollout, 'requeuing')
      return
    }
    const status = isTimeout ? 'timeout' : 'unresponsive'
    this.end(attempt, status, status)
    if (moves) this.follow(attempt)
  }

  /** Whether what happens to the attempt moves its rollout. */
  private speaks(attempt: ModelAttempt): boolean {
    return attempt.rollout.attempts.at(-1) === attempt && !isFinished(attempt.rollout.status)
  }

  private follow({ rollout, status, outcome }: ModelAttempt): void {
    if (status === 'preparing' || status === 'running' || status === 'succeeded') return this.move(rollout, status)
    const tries = rollout.attempts.filter((attempt) => !attempt.isUncounted).length
    const { retry_condition: statuses, retry_outcomes: outcomes, max_attempts: limit } = rollout.config
    const isRetried = (statuses.includes(status) || (outcome !== null && outcomes.includes(outcome))) && tries < limit
    this.move(rollout, isRetried ? 'requeuing' : 'failed')
  }

  private move(rollout: ModelRollout, status: RolloutStatus): void {
    if (isFinished(rollout.status) && !isFinished(status)) rollout.opening++
    rollout.status = status
    if (!isWaiting(status)) rollout.place = null
    else rollout.place ??= this.sharedPlace ?? this.places++
  }

  private end(attempt: ModelAttempt, status: AttemptStatus, outcome: AttemptOutcome): void {
    Object.assign(attempt, { status, outcome, leaseEnd: null, hasEnd: status === 'succeeded' || status === 'failed' })
    this.sync(attempt)
  }

  private revive(attempt: ModelAttempt, status: 'preparing' | 'running'): void {
    this.countAgain(attempt)
    if (!isLive(attempt) && attempt.leaseSeconds !== null) attempt.leaseEnd = this.now + attempt.leaseSeconds
    Object.assign(attempt, { status, outcome: null, hasEnd: false })
    this.sync(attempt)
  }

  private countAgain(attempt: ModelAttempt): void {
    attempt.isUncounted = false
    // Nobody had claimed again: then it was not lost after all.
    if (attempt.rollout.attempts.at(-1) === attempt) attempt.lostIn = null
  }

  /** Its worker hears of it. */
  private sync(attempt: ModelAttempt): void {
    if (attempt.worker === null) return
    if (isLive(attempt)) this.workerOf(attempt.worker).status = 'busy'
    else this.leave(attempt.worker, attempt.status === 'timeout' || attempt.status === 'unresponsive')
  }

  private leave(worker: string, isLost: boolean): void {
    this.workerOf(worker).status = this.running(worker) > 0 ? 'busy' : isLost ? 'unknown' : 'idle'
  }
}
