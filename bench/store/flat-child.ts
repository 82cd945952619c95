// Holds a store of a given size in a process of its own and measures verbs on it. See flat-cost.ts.
import type { EnqueueRolloutRequest, LightningStore, NewSpan } from '@agl/types'
import { serveParent } from '../lib/child.ts'
import { collectGarbage, type Cost, measureCost } from '../lib/measure.ts'
import { createSpanFactory, spanTexts } from '../peers/spans.ts'
import { address, parseFreshNew, withoutSequence } from './fresh-spans.ts'
import { type AttemptKey, claimNew, keyOf, openStore, type StoreKind } from './stores.ts'

export type FlatVerb = 'enqueue' | 'claim' | 'get' | 'update' | 'wait' | 'span'

export type FlatVerbs = {
  /** Fills a new store: four fifths finished, the rest in the queue. */
  readonly fill: (request: { readonly kind: StoreKind; readonly file: string; readonly rollouts: number }) => Promise<void>
  readonly measure: (request: { readonly verb: FlatVerb; readonly operations: number }) => Promise<Cost>
  /** As `get`, of a Map that holds a small record for each stored rollout: what the caches of the processor cost alone. */
  readonly measureBare: (request: { readonly operations: number }) => Promise<Cost>
  readonly close: (request: null) => Promise<void>
}

interface Filled {
  readonly store: LightningStore
  /** Some of the stored rollouts, from all ages. */
  readonly known: readonly string[]
  readonly bare: ReadonlyMap<string, BareRecord>
}

interface BareRecord {
  readonly id: string
  readonly input: { readonly task: number }
}

const batch = 1_000
const texts = withoutSequence(spanTexts('std', 256))
const { integer } = createSpanFactory(7)
let filled: Filled | null = null
let isWarm = false

serveParent<FlatVerbs>({
  fill: async ({ kind, file, rollouts }) => {
    await filled?.store.close()
    filled = null
    // A small store must not be measured with colder code than a big one, whose filling alone compiles everything.
    if (!isWarm) await warmUp()
    isWarm = true
    filled = await fill(kind, file, rollouts)
    collectGarbage()
  },
  measure: ({ verb, operations }) => measureVerb[verb](filled!, operations),
  measureBare: ({ operations }) => measureBareGet(filled!, operations),
  close: async () => filled?.store.close(),
})

async function fill(kind: StoreKind, file: string, rollouts: number): Promise<Filled> {
  const store = await openStore(kind, file)
  const known: string[] = []
  const bare = new Map<string, BareRecord>()
  for (let done = 0; done < rollouts; done += batch) {
    const added = await store.enqueueManyRollouts({ rollouts: tasks(batch) })
    for (const [index, { rollout_id: id }] of added.entries()) {
      if (index % 10 === 0) known.push(id)
      if (kind === 'memory') bare.set(id, { id, input: { task: index } })
    }
    const claimed = await store.dequeueManyRollouts({ limit: (batch * 4) / 5, workerId: `w${(done / batch) % 64}` })
    // At once, because a store on disk writes what comes together in one commit.
    await Promise.all(claimed.map((rollout) => store.updateAttempt({ ...keyOf(rollout), status: 'succeeded' })))
  }
  return { store, known, bare }
}

async function warmUp(): Promise<void> {
  const warm = await fill('memory', '', 20_000)
  for (let round = 0; round < 3; round++) {
    for (const measure of [...Object.values(measureVerb), measureBareGet]) await measure(warm, 2_000)
  }
  await warm.store.close()
}

/** Each prepares what it needs outside the measurement, and leaves the shares of queued and finished rollouts about as they were. */
const measureVerb: Readonly<Record<FlatVerb, (filled: Filled, operations: number) => Promise<Cost>>> = {
  enqueue: ({ store }, operations) => {
    const requests = tasks(operations)
    return measureCost(operations, async () => {
      for (const request of requests) await store.enqueueRollout(request)
    })
  },
  claim: async ({ store }, operations) => {
    // The queue of a small store would run dry, and a claim that finds nothing costs nothing.
    await store.enqueueManyRollouts({ rollouts: tasks(operations) })
    return measureCost(operations, async () => {
      for (let index = 0; index < operations; index++) {
        if ((await store.dequeueRollout({ workerId: `w${index % 64}` })) === null) throw new Error('The queue is empty.')
      }
    })
  },
  get: ({ store, known }, operations) => {
    const ids = pick(known, operations)
    return measureCost(operations, async () => {
      for (const rolloutId of ids) await store.getRolloutById({ rolloutId })
    })
  },
  update: async ({ store }, operations) => {
    const keys = await claimNew(store, operations)
    return measureCost(operations, async () => {
      for (const key of keys) await store.updateAttempt({ ...key, status: 'succeeded' })
    })
  },
  wait: async ({ store }, operations) => {
    const keys = await claimNew(store, operations)
    return measureCost(operations, async () => {
      const waits = keys.map(({ rolloutId }) => store.waitForRollouts({ rolloutIds: [rolloutId], timeoutMs: 60_000 }))
      for (const key of keys) await store.updateAttempt({ ...key, status: 'succeeded' })
      await Promise.all(waits)
    })
  },
  span: async ({ store }, operations) => {
    const keys = await claimNew(store, Math.ceil(operations / 10))
    const spans: readonly NewSpan[] = addressed(keys, operations)
    const cost = await measureCost(operations, async () => {
      for (const span of spans) await store.addSpan(span)
    })
    for (const key of keys) await store.updateAttempt({ ...key, status: 'succeeded' })
    return cost
  },
}

async function measureBareGet({ known, bare }: Filled, operations: number): Promise<Cost> {
  const ids = pick(known, operations)
  let found = 0
  const cost = await measureCost(operations, async () => {
    for (const id of ids) found += (await Promise.resolve(copyOf(bare.get(id)!))).input.task
  })
  if (found < 0) throw new Error('Tasks are counted from 0.')
  return cost
}

function copyOf(record: BareRecord): BareRecord {
  return { ...record }
}

function tasks(count: number): readonly EnqueueRolloutRequest[] {
  return Array.from({ length: count }, (_, index) => ({ input: { task: index } }))
}

function pick(known: readonly string[], count: number): readonly string[] {
  return Array.from({ length: count }, () => known[integer(0, known.length - 1)]!)
}

function addressed(keys: readonly AttemptKey[], count: number): readonly NewSpan[] {
  const spans = parseFreshNew(texts, count)
  for (const [index, span] of spans.entries()) address(span, keys[index % keys.length]!, index)
  return spans
}
