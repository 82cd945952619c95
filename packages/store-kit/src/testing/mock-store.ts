import {
  AglError,
  describeValue,
  implementing,
  type JsonValue,
  type LightningStore,
  parseOptions,
  type Rollout,
} from '@agl/types'
import { buildSpan, rewardSpanName, rewardToAttributes } from '@agl/types/spans'
import { z } from 'zod'
import { createBasicStore } from '../basic-store/index.ts'
import type { Clock } from '../clock.ts'
import { createSeededIds } from './seeded-ids.ts'

/** The verbs of a store, by name. */
export type StoreVerb = Exclude<keyof LightningStore, 'name' | 'capabilities' | 'spec' | symbol>

type RequestOf<Verb extends StoreVerb> = Parameters<LightningStore[Verb]>[0]

/** What a verb resolves to; for `watch` and `exportSnapshot` a list stands for what they yield. */
type ValueOf<Verb extends StoreVerb> =
  ReturnType<LightningStore[Verb]> extends AsyncIterable<infer Item> ? readonly Item[] : Awaited<ReturnType<LightningStore[Verb]>>

/** A value to answer, a function of the request that makes it, or an error to refuse with. */
export type MockAnswer<Verb extends StoreVerb> =
  | ValueOf<Verb>
  | Error
  | ((request: RequestOf<Verb>) => ValueOf<Verb> | Promise<ValueOf<Verb>>)

/** A store for tests: it works, it notes what it was asked, and it says what the test wants it to say. */
export interface MockStore extends LightningStore {
  /** From now on the verb answers this, whatever the store holds. */
  answer<Verb extends StoreVerb>(verb: Verb, answer: MockAnswer<Verb>): MockStore
  /** The next call of the verb answers this, before what {@link answer} says; several are used one after the other. */
  answerOnce<Verb extends StoreVerb>(verb: Verb, answer: MockAnswer<Verb>): MockStore
  /** The requests that came for a verb, in order, those that were refused too. */
  calls<Verb extends StoreVerb>(verb: Verb): readonly RequestOf<Verb>[]
  /** Whether anybody has asked for work to be done: a rollout was enqueued or started. */
  hasReceivedTasks(): boolean
  /** Forgets scripts and calls; what is stored stays. */
  reset(): void
}

/** Options of {@link createMockStore}. */
export interface MockStoreOptions {
  /**
   * Runs the rollouts that are enqueued, at once and without a runner: answers the reward, or null for none; what it throws
   * fails the attempt. Default: rollouts stay in the queue.
   */
  readonly runTask?: (input: JsonValue, rollout: Rollout) => number | null | Promise<number | null>
  /** What a verb without a script does: work on a real store (the default), or be refused. */
  readonly unscripted?: 'work' | 'refuse'
  /** The store that does the work. Default: a basic store in memory with seeded ids. */
  readonly store?: LightningStore
  /** The clock of the default store. Default: the system's. */
  readonly clock?: Clock
}

const optionsSchema = z.strictObject({
  runTask: z.custom((value) => typeof value === 'function', { error: 'expected a function' }).optional(),
  unscripted: z.enum(['work', 'refuse']).optional(),
  store: implementing<LightningStore>('a store', 'enqueueRollout', 'dequeueRollout', 'close').optional(),
  clock: implementing<Clock>('a Clock', 'now', 'schedule', 'wait').optional(),
})

type AnyAnswer = MockAnswer<StoreVerb>
type AnyVerb = (request: unknown) => unknown

/**
 * A store for unit tests of what uses a store, for example an algorithm. Verbs without a script work on a real small store,
 * because code under test calls many verbs and a test wants to say something about one or two of them; a test that wants
 * to know every call beforehand asks for `unscripted: 'refuse'`.
 */
export function createMockStore(options: MockStoreOptions = {}): MockStore {
  const { runTask, unscripted } = parseOptions(
    optionsSchema,
    options,
    { unscripted: 'work' as const },
    'options of createMockStore',
  )
  const basic = { name: 'MockStore', ids: createSeededIds(), ...(options.clock === undefined ? {} : { clock: options.clock }) }
  const store = options.store ?? createBasicStore(basic)
  const always = new Map<string, AnyAnswer>()
  const once = new Map<string, AnyAnswer[]>()
  const received = new Map<string, unknown[]>()
  let hasTasks = false

  const work = (verb: StoreVerb, request: unknown): unknown => {
    if (unscripted === 'work' || verb === 'close') return (store[verb] as AnyVerb)(request)
    throw new AglError({
      code: 'not_supported',
      message: `The mock store was asked for ${verb}, which has no script: add mock.answer('${verb}', …), or leave out unscripted: 'refuse'.`,
      data: { verb },
    })
  }
  const call = (verb: StoreVerb, request: unknown): unknown => {
    received.set(verb, [...(received.get(verb) ?? []), request])
    const [next] = once.get(verb)?.splice(0, 1) ?? []
    const script = next ?? always.get(verb)
    return script === undefined ? work(verb, request) : play(script, request)
  }

  const runTasks = async (run: NonNullable<MockStoreOptions['runTask']>): Promise<void> => {
    for (;;) {
      const claimed = await store.dequeueRollout({ workerId: 'mock-runner' })
      if (claimed === null) return
      const key = { rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id }
      const startTime = Date.now() / 1000
      const outcome = await Promise.resolve()
        .then(() => run(claimed.input, claimed))
        .then(checkReward)
        .catch((error: unknown) => ({ error }))
      if (typeof outcome === 'number') {
        const attributes = rewardToAttributes(outcome)
        await store.addSpan(buildSpan({ ...key, name: rewardSpanName, attributes, startTime, endTime: Date.now() / 1000 }))
      }
      await store.updateAttempt({ ...key, status: typeof outcome === 'object' && outcome !== null ? 'failed' : 'succeeded' })
    }
  }
  const afterTasks = (): void => {
    hasTasks = true
    if (runTask === undefined) return
    // Once the caller has its answer. A store that was closed in the meantime has no tasks to run.
    setImmediate(() => {
      void runTasks(runTask).catch((error: unknown) => {
        if (!AglError.isInstance(error, 'closed')) throw error
      })
    })
  }

  const promised = (verb: StoreVerb) => async (request: unknown) => {
    const answer = await call(verb, request)
    const isTask = verb === 'enqueueRollout' || verb === 'startRollout'
    if (isTask || (verb === 'enqueueManyRollouts' && Array.isArray(answer) && answer.length > 0)) afterTasks()
    return answer
  }
  const checkVerb = (verb: string): void => {
    if (names.includes(verb as StoreVerb)) return
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected a verb of a store (${names.join(', ')}); got ${describeValue(verb)}.`,
    })
  }
  const iterated = (verb: 'watch' | 'exportSnapshot') => (request: unknown) => toIterable(() => call(verb, request))

  const names = Object.keys(store).filter((key): key is StoreVerb => typeof store[key as StoreVerb] === 'function')
  const verbs = names.map((verb) => [verb, verb === 'watch' || verb === 'exportSnapshot' ? iterated(verb) : promised(verb)])
  const mock: MockStore = {
    ...(Object.fromEntries(verbs) as Omit<LightningStore, 'name' | 'capabilities' | 'spec' | typeof Symbol.asyncDispose>),
    name: store.name,
    capabilities: store.capabilities,
    [Symbol.asyncDispose]: () => mock.close(),
    answer(verb, answer) {
      checkVerb(verb)
      always.set(verb, answer as AnyAnswer)
      return mock
    },
    answerOnce(verb, answer) {
      checkVerb(verb)
      once.set(verb, [...(once.get(verb) ?? []), answer as AnyAnswer])
      return mock
    },
    calls: <Verb extends StoreVerb>(verb: Verb) => [...(received.get(verb) ?? [])] as RequestOf<Verb>[],
    hasReceivedTasks: () => hasTasks,
    reset() {
      hasTasks = false
      for (const map of [always, once, received]) map.clear()
    },
  }
  return mock
}

/** @throws AglError `invalid_argument`, which fails the attempt as anything does that a task throws */
function checkReward(reward: unknown): number | null {
  if (reward === null || Number.isFinite(reward)) return reward as number | null
  throw new AglError({
    code: 'invalid_argument',
    message: `Expected runTask to answer a reward or null; got ${describeValue(reward)}.`,
  })
}

function play(script: AnyAnswer, request: unknown): unknown {
  if (script instanceof Error) throw script
  return typeof script === 'function' ? (script as AnyVerb)(request) : script
}

/** What a scripted list or a store yields. The call is made at the first read, as a real one may be. */
async function* toIterable(call: () => unknown): AsyncGenerator<never, void, void> {
  const source = await call()
  yield* source as AsyncIterable<never>
}
