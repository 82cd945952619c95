import { deepEqual, ok } from 'node:assert/strict'
import type { AttemptedRollout } from '@agl/types'
import { rewardOf, spanOf } from '../fixtures.ts'
import type { StoreUnderTest } from '../harness.ts'
import type { Command } from './commands.ts'
import { adopt, createComparison } from './compare.ts'
import type { ClaimOptions, ModelAttempt, ModelRollout } from './records.ts'
import { Reference } from './reference.ts'

const keyLifetimeSeconds = 600
/** Between commands: which of two limits within one millisecond passes first is not promised. */
const tickMs = 2

/** A write that can be sent again, and what the first answer named. */
interface KeyedWrite {
  at: number
  ids: readonly string[]
  readonly rollouts: () => readonly string[]
  send(): Promise<readonly string[]>
  /** What the model does when the key has been forgotten; the ids are those the store answered now. */
  redo(): Promise<void>
}

/** Does the commands to both, and after each compares everything that can be read. @throws AssertionError */
export async function runCommands(subject: StoreUnderTest, commands: readonly Command[]): Promise<void> {
  const run = createRun(subject)
  for (const command of commands) {
    await run.step(command)
    await run.tick()
    await run.compare()
  }
  await run.drain()
}

function createRun({ store, advance }: StoreUnderTest) {
  const model = new Reference()
  const writes: KeyedWrite[] = []
  let counter = 0
  const spanIds = new WeakMap<ModelAttempt, string>()

  const rollouts = (): readonly ModelRollout[] => [...model.rollouts.values()]
  const attempts = (): readonly ModelAttempt[] => rollouts().flatMap((rollout) => rollout.attempts)
  const oneOf = <Item>(items: readonly Item[], pick: number): Item | undefined => items[pick % Math.max(1, items.length)]
  const keyOf = (attempt: ModelAttempt) => ({ rolloutId: attempt.rollout.id, attemptId: attempt.id })
  const leaseOf = (seconds: number | null) => (seconds === null ? {} : { leaseMs: seconds * 1000 })
  const workerOf = (worker: string | null) => (worker === null ? {} : { workerId: worker })

  const remember = (
    key: string | undefined,
    ids: readonly string[],
    named: readonly ModelRollout[],
    send: KeyedWrite['send'],
    redo: KeyedWrite['redo'],
  ): void => {
    if (key === undefined || ids.length === 0) return
    writes.push({ at: model.now, ids, rollouts: () => named.map((rollout) => rollout.id), send, redo })
  }

  const claim = async (
    send: () => Promise<readonly AttemptedRollout[]>,
    expected: (seen: readonly string[]) => readonly ModelAttempt[],
    key: string | undefined,
  ): Promise<void> => {
    const answers = await send()
    const claimed = expected(answers.map((rollout) => rollout.rollout_id))
    const ids = adopt(answers, claimed)
    const named = claimed.map((attempt) => attempt.rollout)
    const sendAgain = async () => (await send()).map((rollout) => rollout.attempt.attempt_id)
    const redo = (): Promise<void> => claim(send, expected, key)
    remember(key, ids, named, sendAgain, redo)
  }

  const enqueue = async (command: Extract<Command, { kind: 'enqueue' }>, key: string | undefined): Promise<void> => {
    const { priority, config } = command
    const request = {
      input: 1,
      priority,
      config,
      ...(key === undefined ? { rollout_id: `ro-${counter}` } : { idempotency_key: key }),
    }
    const send = () => store.enqueueRollout(request)
    const { rollout_id: id } = await send()
    ok(!model.rollouts.has(id), 'the id of a new rollout is new')
    const rollout = model.enqueue(id, command)
    const sendAgain = async () => [(await send()).rollout_id]
    remember(key, [id], [rollout], sendAgain, () => enqueue(command, key))
  }

  const again = async (pick: number): Promise<void> => {
    const usable = writes.filter((write) => write.rollouts().every((id) => model.rollouts.has(id)))
    const write = oneOf(usable, pick)
    if (write === undefined) return
    if (model.now - write.at <= keyLifetimeSeconds) {
      deepEqual(await write.send(), write.ids, 'a repeated write answers what it answered first')
      return
    }
    writes.splice(writes.indexOf(write), 1)
    await write.redo()
  }

  const step = async (command: Command): Promise<void> => {
    const key = 'isKeyed' in command && command.isKeyed ? `key-${counter}` : undefined
    counter++
    const idempotency = key === undefined ? {} : { idempotencyKey: key }
    switch (command.kind) {
      case 'enqueue':
        return enqueue(command, key)
      case 'startRollout': {
        const { worker, lease, config } = command
        const rollout = { input: 1, rollout_id: `ro-${counter}`, config }
        const started = await store.startRollout({ rollout, ...workerOf(worker), ...leaseOf(lease) })
        const created = model.enqueue(started.rollout_id, { priority: 0, config })
        adopt([started], [model.claim(created, { worker, leaseSeconds: lease })])
        return
      }
      case 'dequeue': {
        const { worker, lease, capacity, limit } = command
        const options: ClaimOptions = { worker, leaseSeconds: lease }
        // A capacity is a worker's: without one it says nothing.
        const slots = worker === null || capacity === null ? {} : { capacity }
        const request = { ...workerOf(worker), ...leaseOf(lease), ...slots, ...idempotency, limit }
        return claim(
          () => store.dequeueManyRollouts(request),
          (seen) => model.dequeue(limit, slots.capacity ?? null, options, seen),
          key,
        )
      }
      case 'startAttempt': {
        const rollout = oneOf(rollouts(), command.pick)
        if (rollout === undefined) return
        const { worker, lease } = command
        const request = { rolloutId: rollout.id, ...workerOf(worker), ...leaseOf(lease), ...idempotency }
        return claim(
          async () => [await store.startAttempt(request)],
          () => [model.claim(rollout, { worker, leaseSeconds: lease })],
          key,
        )
      }
      case 'spans':
        return addSpans(command)
      case 'heartbeat': {
        const { worker, lease } = command
        const attempt = command.pick === null ? null : (oneOf(attempts(), command.pick) ?? null)
        const request = attempt === null ? {} : { attempts: [keyOf(attempt)] }
        const reply = await store.heartbeat({ workerId: worker, ...request, ...leaseOf(lease) })
        const reason = model.heartbeat(worker, attempt, lease)
        deepEqual(reply.stopped, reason === null ? [] : [{ ...keyOf(attempt!), reason }], 'attempts that must stop')
        return
      }
      case 'report': {
        const attempt = oneOf(attempts(), command.pick)
        if (attempt === undefined) return
        const { status, worker, metadata } = command
        await store.updateAttempt({
          ...keyOf(attempt),
          ...(status === null ? {} : { status }),
          ...workerOf(worker),
          ...(metadata === null ? {} : { metadata: { value: metadata } }),
        })
        return model.report(attempt, command)
      }
      case 'release': {
        const attempt = oneOf(attempts(), command.pick)
        if (attempt === undefined) return
        await store.releaseAttempt(keyOf(attempt))
        return model.release(attempt)
      }
      case 'cancel': {
        const chosen = new Set(command.picks.flatMap((pick) => oneOf(rollouts(), pick) ?? []))
        const cancelled = await store.cancelRollouts({ rolloutIds: [...chosen].map((rollout) => rollout.id) })
        const expected = [...chosen].filter((rollout) => model.cancel(rollout))
        deepEqual(
          cancelled.map((rollout) => rollout.rollout_id),
          expected.map((rollout) => rollout.id),
          'cancelled rollouts',
        )
        return
      }
      case 'setStatus': {
        const rollout = oneOf(rollouts(), command.pick)
        if (rollout === undefined) return
        await store.updateRollout({ rolloutId: rollout.id, status: command.status })
        return model.setStatus(rollout, command.status)
      }
      case 'delete': {
        const chosen = new Set(command.picks.flatMap((pick) => oneOf(rollouts(), pick) ?? []))
        const deleted = await store.deleteRollouts({ rolloutIds: [...chosen].map((rollout) => rollout.id) })
        const expected = [...chosen].filter((rollout) => model.delete(rollout)).map((rollout) => rollout.id)
        deepEqual(deleted, expected, 'deleted rollouts')
        return
      }
      case 'lose': {
        const claimed = { kind: 'dequeue', worker: null, lease: 2.1, capacity: null, limit: 1, isKeyed: false } as const
        for (let time = 0; time < command.times; time++) {
          await step(claimed)
          await step({ kind: 'advance', milliseconds: 3200 })
        }
        return
      }
      case 'again':
        return again(command.pick)
      case 'advance':
        await advance(command.milliseconds)
        return model.advanceTo(model.now + command.milliseconds / 1000)
      default:
        return command satisfies never
    }
  }

  const addSpans = async ({ picks, isReward, isAgain }: Extract<Command, { kind: 'spans' }>): Promise<void> => {
    const chosen = picks.flatMap((pick) => oneOf(attempts(), pick) ?? [])
    const spans = chosen.map((attempt) => {
      const id = (isAgain ? spanIds.get(attempt) : undefined) ?? `span-${++counter}`
      spanIds.set(attempt, id)
      const make = isReward ? rewardOf : spanOf
      const claimed = { rollout_id: attempt.rollout.id, attempt: { attempt_id: attempt.id } } as AttemptedRollout
      return { attempt, id, span: { ...make(claimed), span_id: id } }
    })
    const [single] = spans
    const stored =
      spans.length === 1
        ? [await store.addSpan(single!.span)].filter((span) => span !== null)
        : await store.addManySpans({ spans: spans.map(({ span }) => span) })
    const expected = spans.filter(({ attempt, id }) => model.addSpan(attempt, { id, isReward }))
    deepEqual(
      stored.map((span) => [span.rollout_id, span.attempt_id, span.span_id]),
      expected.map(({ attempt, id }) => [attempt.rollout.id, attempt.id, id]),
      'stored spans',
    )
  }

  const tick = async (): Promise<void> => {
    await advance(tickMs)
    model.advanceTo(model.now + tickMs / 1000)
  }

  const shiftModel = (seconds: number): void => {
    model.now += seconds
    for (const write of writes) write.at += seconds
    for (const attempt of attempts()) {
      attempt.start += seconds
      if (attempt.beat !== null) attempt.beat += seconds
      if (attempt.leaseEnd !== null) attempt.leaseEnd += seconds
    }
  }

  const { compare, drain } = createComparison({ store, model, onEpoch: shiftModel })
  return { step, tick, compare, drain }
}
