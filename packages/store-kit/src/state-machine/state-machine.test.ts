import { equal, ok } from 'node:assert/strict'
import type { AttemptStatus, RolloutConfig, RolloutStatus } from '@agl/types'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type AttemptEntry,
  cancelRollout,
  claimRollout,
  createRollout,
  heartbeatArrived,
  isFinished,
  isLive,
  isQueuing,
  maxLostClaims,
  nextDeadline,
  releaseAttempt,
  type RolloutEntry,
  spansArrived,
  sweepAttempt,
  type Transition,
  updateAttempt,
  updateRollout,
} from './index.ts'

const attemptStatuses: readonly AttemptStatus[] = ['preparing', 'running', 'failed', 'succeeded', 'unresponsive', 'timeout']
const rolloutStatuses: readonly RolloutStatus[] = [
  'queuing',
  'preparing',
  'running',
  'failed',
  'succeeded',
  'cancelled',
  'requeuing',
]

/** What may happen to a rollout; `pick` chooses among its attempts. */
type Event =
  | { readonly kind: 'dequeue'; readonly leaseMs: number | null; readonly workerId: string | null }
  | { readonly kind: 'start'; readonly leaseMs: number | null; readonly workerId: string | null }
  | { readonly kind: 'span'; readonly pick: number; readonly hasReward: boolean }
  | { readonly kind: 'heartbeat'; readonly pick: number; readonly leaseMs: number | null }
  | { readonly kind: 'report'; readonly pick: number; readonly status?: AttemptStatus; readonly workerId?: string }
  | { readonly kind: 'release'; readonly pick: number }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'edit'; readonly status: RolloutStatus }
  | { readonly kind: 'time'; readonly seconds: number }

const pick = fc.nat(5)
const claimFields = {
  leaseMs: fc.constantFrom(null, 2000, 20_000),
  workerId: fc.constantFrom(null, '', 'w1', 'w2'),
}
const eventArbitrary: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('dequeue' as const), ...claimFields }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('start' as const), ...claimFields }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('span' as const), pick, hasReward: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('heartbeat' as const), pick, leaseMs: fc.constantFrom(null, 3000) }) },
  {
    weight: 4,
    arbitrary: fc.record(
      {
        kind: fc.constant('report' as const),
        pick,
        status: fc.constantFrom(...attemptStatuses),
        workerId: fc.constantFrom('', 'w1', 'w3'),
      },
      { requiredKeys: ['kind', 'pick'] },
    ),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), pick }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'cancel' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('edit' as const), status: fc.constantFrom(...rolloutStatuses) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('time' as const), seconds: fc.constantFrom(0.5, 3, 12, 40) }) },
)

const configArbitrary: fc.Arbitrary<RolloutConfig> = fc.record({
  timeout_seconds: fc.constantFrom(null, 15),
  unresponsive_seconds: fc.constantFrom(null, 5),
  max_attempts: fc.integer({ min: 1, max: 3 }),
  retry_condition: fc.subarray(['failed', 'timeout', 'unresponsive'] as const),
  retry_outcomes: fc.subarray(['infra_error', 'unresponsive'] as const),
})

/** A store of one rollout that believes the effects, and checks each transition against the records. */
class Model {
  rollout: RolloutEntry
  readonly attempts: AttemptEntry[] = []
  now = 1000
  isQueued = true
  readonly settled: Map<string, boolean> = new Map()
  readonly running: Map<string, Set<string>> = new Map()

  constructor(config: Parameters<typeof createRollout>[0]['request']['config']) {
    const request = { input: 1, config: config ?? null }
    const now = this.now
    this.rollout = createRollout({ request, rolloutId: 'ro', resourcesId: null, resourcesVersion: null, status: 'queuing', now })
  }

  happen(event: Event): void {
    this.now += 0.001
    const chosen = 'pick' in event ? this.attempts[event.pick % Math.max(1, this.attempts.length)] : undefined
    switch (event.kind) {
      case 'dequeue':
        if (this.isQueued) this.claim(event, true)
        return
      case 'start':
        this.claim(event, false)
        return
      case 'cancel':
        this.apply(cancelRollout(this.rollout, this.attempts, this.now), false)
        return
      case 'edit':
        this.apply(updateRollout(this.rollout, this.attempts, { status: event.status }, this.now), true)
        return
      case 'time':
        this.now += event.seconds
        for (const attempt of this.attempts.slice()) this.sweep(attempt)
        return
      default:
    }
    if (chosen === undefined) return
    const subject = this.subject(chosen)
    const before = { rollout: this.rollout.rollout, attempt: chosen.attempt }
    if (event.kind === 'span') this.apply(spansArrived(subject, { hasReward: event.hasReward, now: this.now }), false)
    if (event.kind === 'heartbeat') this.apply(heartbeatArrived(subject, { leaseMs: event.leaseMs, now: this.now }), false)
    if (event.kind === 'release') this.apply(releaseAttempt(subject, this.now), false)
    if (event.kind === 'report') {
      const { kind: _, pick: __, ...change } = event
      this.apply(updateAttempt(subject, change, this.now), false)
    }
    const after = this.attempts.find((entry) => entry.attempt.attempt_id === chosen.attempt.attempt_id)!.attempt
    if (!subject.isLatest) equal(this.rollout.rollout, before.rollout)
    if (before.attempt.outcome === 'cancelled') equal(after.status, before.attempt.status)
    const hadEnded = !isLive(before.attempt.status) && before.attempt.status !== 'unresponsive'
    if (hadEnded && (event.kind !== 'report' || isFinished(before.rollout.status))) equal(after.status, before.attempt.status)
  }

  private subject(attempt: AttemptEntry) {
    return { rollout: this.rollout, attempt, isLatest: this.attempts.at(-1) === attempt }
  }

  private claim(event: { readonly leaseMs: number | null; readonly workerId: string | null }, isFromQueue: boolean): void {
    const attemptId = `at-${this.attempts.length}`
    const { leaseMs, workerId } = event
    const attemptsSoFar = this.attempts.length
    this.apply(claimRollout(this.rollout, { attemptId, attemptsSoFar, workerId, leaseMs, isFromQueue, now: this.now }), true)
    equal(this.rollout.rollout.status, 'preparing')
  }

  private sweep(entry: AttemptEntry): void {
    const deadline = nextDeadline(entry.attempt, this.rollout.rollout)
    const transition = sweepAttempt(this.subject(entry), this.now)
    equal(transition === null, deadline === null || this.now <= deadline)
    if (deadline !== null) equal(sweepAttempt(this.subject(entry), deadline), null)
    if (transition !== null) this.apply(transition, false)
  }

  private apply(transition: Transition, mayReopen: boolean): void {
    const before = this.rollout.rollout.status
    this.rollout = transition.rollout
    for (const entry of transition.attempts) {
      const index = this.attempts.findIndex(({ attempt }) => attempt.attempt_id === entry.attempt.attempt_id)
      if (index === -1) this.attempts.push(entry)
      else this.attempts[index] = entry
    }
    if (isFinished(before) && !mayReopen) equal(this.rollout.rollout.status, before)
    this.follow(transition, before)
    this.check()
  }

  private follow({ effects }: Transition, before: RolloutStatus): void {
    let isDone = isFinished(before)
    for (const effect of effects) {
      switch (effect.kind) {
        case 'enqueue':
          equal(this.isQueued, false)
          this.isQueued = true
          break
        case 'dequeue':
          equal(this.isQueued, true)
          this.isQueued = false
          break
        case 'finished':
        case 'reopened':
          equal(isDone, effect.kind === 'reopened')
          isDone = effect.kind === 'finished'
          break
        case 'settled':
          // Exactly one settlement for each time an attempt was live.
          equal(this.settled.get(effect.attempt.attempt_id) ?? false, false)
          this.settled.set(effect.attempt.attempt_id, true)
          break
        case 'workerBusy':
          this.running.set(effect.workerId, (this.running.get(effect.workerId) ?? new Set()).add(effect.attempt.attempt_id))
          break
        case 'workerLeft':
          this.running.get(effect.workerId)?.delete(effect.attempt.attempt_id)
          break
        default:
          effect satisfies never
      }
    }
    equal(isDone, isFinished(this.rollout.rollout.status))
  }

  private check(): void {
    const { rollout, notes } = this.rollout
    equal(this.isQueued, isQueuing(rollout.status))
    equal(rollout.end_time !== null, isFinished(rollout.status))
    equal(Object.isFrozen(rollout), true)
    equal(notes.uncountedAttempts, this.attempts.filter((entry) => entry.notes.isUncounted).length)
    ok(notes.lostClaims >= 0)
    ok(notes.lostClaims <= maxLostClaims)
    for (const { attempt, notes: own } of this.attempts) {
      const live = isLive(attempt.status)
      equal(attempt.outcome === null, live)
      equal(attempt.end_time !== null, attempt.status === 'succeeded' || attempt.status === 'failed')
      equal(attempt.lease_expires !== null, live && own.leaseMs !== null)
      equal(Object.isFrozen(attempt), true)
      if (own.isUncounted) equal(live, false)
      if (live) this.settled.delete(attempt.attempt_id)
      else equal(this.settled.get(attempt.attempt_id), true)
      for (const [workerId, running] of this.running) {
        equal(running.has(attempt.attempt_id), live && attempt.worker_id === workerId)
      }
    }
  }
}

describe('state machine', () => {
  test('keeps its promises whatever happens in whatever order', () => {
    const check = (): void =>
      fc.assert(
        fc.property(configArbitrary, fc.array(eventArbitrary, { maxLength: 40 }), (config, events) => {
          const model = new Model(config)
          for (const event of events) model.happen(event)
        }),
        { numRuns: 1500, seed: 20261120 },
      )
    expect(check).not.toThrow()
  })

  const claimedAt = (
    now: number,
    limits: { readonly timeout_seconds?: number; readonly unresponsive_seconds?: number },
    leaseMs: number | null,
  ) => {
    const rollout = createRollout({
      request: { input: 1, config: limits },
      rolloutId: 'ro',
      resourcesId: null,
      resourcesVersion: null,
      status: 'queuing',
      now,
    })
    const claim = { attemptId: 'at', attemptsSoFar: 0, workerId: null, leaseMs, isFromQueue: true, now }
    const { claimed, rollout: preparing } = claimRollout(rollout, claim)
    return { rollout: preparing, attempt: claimed, isLatest: true }
  }

  test.each([
    ['timeout', { timeout_seconds: 5 }, null],
    ['unresponsive', { unresponsive_seconds: 5 }, null],
    ['unresponsive', { timeout_seconds: 9 }, 5000],
  ])('%s is after the moment of its limit, not at it (%o, lease %s)', (status, limits, leaseMs) => {
    const subject = claimedAt(1000, limits, leaseMs)
    expect(nextDeadline(subject.attempt.attempt, subject.rollout.rollout)).toBe(1005)
    expect(sweepAttempt(subject, 1005)).toBeNull()
    expect(sweepAttempt(subject, 1005.001)?.attempts[0]?.attempt.status).toBe(status)
  })

  test('timeout comes before silence before lease', () => {
    const subject = claimedAt(1000, { timeout_seconds: 10, unresponsive_seconds: 5 }, 2000)
    const { attempt: claimed, rollout: preparing } = subject
    expect(nextDeadline(claimed.attempt, preparing.rollout)).toBe(1002)
    expect(sweepAttempt(subject, 1011)?.attempts[0]?.attempt.status).toBe('timeout')
    expect(sweepAttempt(subject, 1010)?.attempts[0]?.attempt.status).toBe('unresponsive')
    const alive = { ...subject, attempt: { ...claimed, notes: { ...claimed.notes, showedLife: true } } }
    expect(sweepAttempt(alive, 1003)?.rollout.rollout.status).toBe('failed')
    expect(sweepAttempt(subject, 1003)?.rollout.rollout.status).toBe('requeuing')
  })
})
