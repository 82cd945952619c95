import { type Clock, systemClock } from '@agl/store-kit'
import { createMemoryStore } from '@agl/store-memory'
import type { LightningStore } from '@agl/types'
import { interleave } from '../lib/interleave.ts'
import { measureLoopDelay, nextTimer } from '../lib/loop-delay.ts'
import { measureCost, spreadOf } from '../lib/measure.ts'
import { atMost, measuredPeer, type Result } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import { type AttemptKey, keyOf } from './stores.ts'

const stepSeconds = 60
const farSeconds = 1e6
const expiring = 1_000

/** Scenario 12: limits are noticed without looking at everything that runs. */
export const deadlineSweep: Scenario = {
  name: 'deadline-sweep',
  title: '100k running with limits, 0 and 1,000 of them expired, all of them moved; beside a scan of a Map',
  run: async ({ isShort, rounds }) => {
    const running = isShort ? 20_000 : 100_000
    const scanned = new Map(Array.from({ length: running }, (_, index) => [`ro-${index}`, { deadline: farSeconds }] as const))
    const scan = (): Promise<number> => timeScan(scanned)
    const amount = `${formatNumber(running)} running`
    const results: Result[] = []

    for (const expired of [0, expiring]) {
      const world = await openWorld({ running, expired, steps: rounds + 1 })
      const { ours, peer } = await interleave({ rounds }, { ours: () => timeSweep(world), peer: scan })
      await world.store.close()
      results.push({
        name: `deadline-sweep-${expired}`,
        unit: 'ms CPU',
        better: 'lower',
        ours: spreadOf(ours),
        peer: measuredPeer('scan of a Map', peer),
        target: atMost('value', 2),
        note: `${amount}; from a jump of the clock until ${expired === 0 ? 'a request has found that none has' : `the last of ${formatNumber(expired)} is found to have`} expired`,
      })
    }

    const delayed = await openWorld({ running, expired: expiring, steps: rounds + 1 })
    const delays = await interleave(
      { rounds },
      { ours: () => longestDelay(delayed, { isExpiring: true }), peer: () => longestDelay(delayed, { isExpiring: false }) },
    )
    await delayed.store.close()
    results.push({
      name: 'deadline-sweep-delay',
      unit: 'ms longest',
      better: 'lower',
      ours: spreadOf(delays.ours),
      peer: measuredPeer('the same, nothing expires', delays.peer),
      target: atMost('value', 10),
      note: `${amount}; the longest request or delay of the event loop within 0.3 s, one request a millisecond, while ${formatNumber(expiring)} expire at once`,
    })

    const moving = await openMovingWorld(running)
    const moved = await interleave({ rounds }, { ours: () => sweepMoved(moving), peer: scan })
    await moving.store.close()
    results.push(
      {
        name: 'deadline-sweep-moved',
        unit: 'ms longest',
        better: 'lower',
        ours: spreadOf(moved.ours.map(({ longestMs }) => longestMs)),
        peer: measuredPeer('scan of a Map', moved.peer),
        target: atMost('value', 10),
        note: `${amount}, claimed in one burst and heard of since; the longest request after the moment at which none would live without that`,
      },
      {
        name: 'deadline-sweep-notice',
        unit: 'ms',
        better: 'lower',
        ours: spreadOf(moved.ours.map(({ noticeMs }) => noticeMs)),
        peer: null,
        target: null,
        note: 'until the one among them that has fallen silent is found, though all the others come before it',
      },
    )
    return results
  },
}

/** The system's clock, which can jump ahead, as after the machine has slept. */
interface JumpingClock extends Clock {
  readonly jump: (seconds: number) => void
}

function createJumpingClock(): JumpingClock {
  const system = systemClock()
  let ahead = 0
  return {
    now: () => system.now() + ahead,
    schedule: (at, callback) => system.schedule(at - ahead, callback),
    wait: system.wait,
    jump: (seconds) => void (ahead += seconds),
  }
}

interface World {
  readonly store: LightningStore
  readonly clock: JumpingClock
  /** The attempts that do not expire. */
  readonly keys: readonly AttemptKey[]
  /** Of each step, the one that expires last. */
  readonly lastOfStep: AttemptKey[]
}

const batch = 1_000
const attemptsPerWorker = 50

interface Limits {
  readonly timeout_seconds: number
  readonly unresponsive_seconds: number
}

async function claim(store: LightningStore, count: number, limits: Limits): Promise<readonly AttemptKey[]> {
  const keys: AttemptKey[] = []
  for (let done = 0; done < count; done += batch) {
    const rollouts = Array.from({ length: Math.min(batch, count - done) }, (_, index) => ({
      input: { task: index },
      config: limits,
    }))
    await store.enqueueManyRollouts({ rollouts })
    for (let taken = 0; taken < rollouts.length; taken += attemptsPerWorker) {
      const claimed = await store.dequeueManyRollouts({ limit: attemptsPerWorker, workerId: workerOf(done + taken) })
      keys.push(...claimed.map(keyOf))
    }
  }
  return keys
}

function workerOf(index: number): string {
  return `w${Math.floor(index / attemptsPerWorker)}`
}

/** `running` attempts with a far limit, and `expired` more that fall due in each of the next steps of the clock. */
async function openWorld(amounts: {
  readonly running: number
  readonly expired: number
  readonly steps: number
}): Promise<World> {
  const clock = createJumpingClock()
  const store = createMemoryStore({ clock })
  const keys = await claim(store, amounts.running, { timeout_seconds: farSeconds, unresponsive_seconds: farSeconds })
  const lastOfStep: AttemptKey[] = []
  for (let step = 0; step < amounts.steps; step++) {
    const limits = { timeout_seconds: (step + 0.5) * stepSeconds, unresponsive_seconds: farSeconds }
    lastOfStep.push(...(await claim(store, amounts.expired, limits)).slice(-1))
  }
  return { store, clock, keys, lastOfStep }
}

/** `running` attempts that must show life once in a step of the clock. */
async function openMovingWorld(running: number): Promise<World> {
  const clock = createJumpingClock()
  const store = createMemoryStore({ clock })
  const keys = await claim(store, running, { timeout_seconds: farSeconds, unresponsive_seconds: stepSeconds })
  clock.jump(stepSeconds / 2)
  return { store, clock, keys, lastOfStep: [] }
}

/** CPU milliseconds from a jump of the clock until all that has expired by then is found, in however many passes. */
async function timeSweep({ store, clock, keys, lastOfStep }: World): Promise<number> {
  const last = lastOfStep.shift()
  clock.jump(stepSeconds)
  const { cpuUs } = await measureCost(1, async () => {
    if (last === undefined) await store.getRolloutById({ rolloutId: keys[0]!.rolloutId })
    else await requestUntilFailed(store, last)
  })
  return cpuUs / 1000
}

/** One request after the other, with the event loop's turn in between; answers how long the longest took. */
async function requestUntilFailed(store: LightningStore, { rolloutId }: AttemptKey): Promise<number> {
  let longestMs = 0
  for (let isFailed = false; !isFailed;) {
    const start = performance.now()
    const rollout = await store.getRolloutById({ rolloutId })
    longestMs = Math.max(longestMs, performance.now() - start)
    isFailed = rollout!.status === 'failed'
    if (!isFailed) await nextTimer()
  }
  return longestMs
}

/** All but one show life, and then the moment passes that would have been their last. */
async function sweepMoved({ store, clock, keys }: World): Promise<{ readonly longestMs: number; readonly noticeMs: number }> {
  for (let start = 0; start < keys.length; start += attemptsPerWorker) {
    await store.heartbeat({ workerId: workerOf(start), attempts: keys.slice(start, start + attemptsPerWorker) })
  }
  // Its limit lies just behind the ones that were moved, which are a second earlier.
  const limits = { timeout_seconds: stepSeconds / 2 + 0.9, unresponsive_seconds: farSeconds }
  const [silent] = await claim(store, 1, limits)
  clock.jump(stepSeconds / 2 + 1)
  const start = performance.now()
  const longestMs = await requestUntilFailed(store, silent!)
  const noticeMs = performance.now() - start
  const { total } = await store.queryRollouts({ statusIn: ['running', 'preparing'], limit: 0 })
  if (total !== keys.length) throw new Error(`Of ${keys.length} attempts that had all shown life, ${total} live.`)
  return { longestMs, noticeMs }
}

async function timeScan(scanned: ReadonlyMap<string, { readonly deadline: number }>): Promise<number> {
  let expired = 0
  const { cpuUs } = await measureCost(1, () => {
    for (const { deadline } of scanned.values()) if (deadline < 0) expired++
  })
  if (expired > 0) throw new Error('Nothing in the scanned Map is due.')
  return cpuUs / 1000
}

/** The longest time that the event loop, or a request, was kept waiting while a thousand attempts expire. */
async function longestDelay({ store, clock, keys }: World, options: { readonly isExpiring: boolean }): Promise<number> {
  let longestRequest = 0
  const { longestMs } = await measureLoopDelay(async () => {
    const middle = performance.now() + 150
    let isAhead = options.isExpiring
    for (let start = performance.now(); start < middle + 150; start = performance.now()) {
      if (isAhead && start > middle) {
        isAhead = false
        clock.jump(stepSeconds)
      }
      await store.getRolloutById({ rolloutId: keys[0]!.rolloutId })
      longestRequest = Math.max(longestRequest, performance.now() - start)
      await nextTimer(1)
    }
  })
  return Math.max(longestMs, longestRequest)
}
