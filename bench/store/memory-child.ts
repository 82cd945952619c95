// Holds spans in a process of its own, so that its memory and its pauses are those of the spans. See memory-footprint.ts.
import { createMemoryStore } from '@agl/store-memory'
import type { NewSpan } from '@agl/types'
import { serveParent } from '../lib/child.ts'
import { measureLoopDelay, nextTimer } from '../lib/loop-delay.ts'
import { collectGarbage } from '../lib/measure.ts'
import { spanTexts } from '../peers/spans.ts'
import { address, type OpenNewSpan, parseFreshNew, withoutSequence } from './fresh-spans.ts'
import { type AttemptKey, keyOf } from './stores.ts'

/** The store with rollouts that finish, or never do; or the least that holds a span: its JSON in a Buffer, by rollout. */
export type HolderKind = 'finished' | 'running' | 'buffers'

export interface Footprint {
  readonly rssPerSpan: number
  readonly heapPerSpan: number
}

export interface Arrivals {
  readonly longestDelayMs: number
  readonly spans: number
}

export type MemoryVerbs = {
  readonly fill: (request: {
    readonly holder: HolderKind
    readonly kind: 'std' | 'tok'
    readonly spans: number
  }) => Promise<Footprint>
  readonly arrive: (request: { readonly perSecond: number; readonly milliseconds: number }) => Promise<Arrivals>
}

/** What holds spans; it gets at most as many at once as still belong to the present rollout. */
interface Holder {
  readonly add: (texts: readonly string[], count: number) => Promise<void>
}

const spansPerRollout = 32

function createStoreHolder({ isFinishing }: { readonly isFinishing: boolean }): Holder {
  // Nothing is to be dropped while it is weighed.
  const store = createMemoryStore({ retention: { maxBytes: null } })
  let added = 0
  let key: AttemptKey | null = null
  return {
    add: async (texts, count) => {
      let left = count
      while (left > 0) {
        if (key === null || added % spansPerRollout === 0) {
          if (key !== null && isFinishing) await store.updateAttempt({ ...key, status: 'succeeded' })
          key = keyOf(await store.startRollout({ rollout: { input: { task: added } } }))
        }
        const size = Math.min(left, spansPerRollout - (added % spansPerRollout))
        const spans: readonly OpenNewSpan[] = parseFreshNew(rotated(texts, added), size)
        for (const span of spans) address(span, key, added++)
        await store.addManySpans({ spans: spans satisfies readonly NewSpan[] })
        left -= size
      }
    },
  }
}

function createBufferHolder(): Holder {
  const rollouts = new Map<number, Buffer[]>()
  let added = 0
  return {
    add: async (texts, count) => {
      for (let index = 0; index < count; index++) {
        const text = texts[added % texts.length]!
        // As the store gets it: an object, which here becomes bytes again.
        const bytes = Buffer.from(JSON.stringify(JSON.parse(text)))
        // A slice of the shared pool would keep the pool alive.
        const own = Buffer.allocUnsafeSlow(bytes.length)
        bytes.copy(own)
        const rollout = Math.floor(added++ / spansPerRollout)
        const held = rollouts.get(rollout)
        if (held === undefined) rollouts.set(rollout, [own])
        else held.push(own)
      }
    },
  }
}

/** A short run of the texts, beginning somewhere else each time, so that all of them are used. */
function rotated(texts: readonly string[], start: number): readonly string[] {
  const from = start % texts.length
  const run = texts.slice(from, from + spansPerRollout)
  return run.length > 0 ? run : texts
}

let holder: Holder | null = null
let texts: readonly string[] = []

serveParent<MemoryVerbs>({
  fill: async ({ holder: which, kind, spans }) => {
    texts = withoutSequence(spanTexts(kind, 512))
    const create = (): Holder =>
      which === 'buffers' ? createBufferHolder() : createStoreHolder({ isFinishing: which === 'finished' })
    // Code and caches that the first spans bring are not counted.
    await create().add(texts, 2_000)
    holder = create()
    collectGarbage()
    const before = process.memoryUsage()
    for (let done = 0; done < spans; done += 1_000) {
      await holder.add(texts, Math.min(1_000, spans - done))
      await nextTimer()
    }
    collectGarbage()
    await nextTimer(50)
    collectGarbage()
    const after = process.memoryUsage()
    return {
      rssPerSpan: (after.rss - before.rss) / spans,
      heapPerSpan: (after.heapUsed + after.external - before.heapUsed - before.external) / spans,
    }
  },
  arrive: async ({ perSecond, milliseconds }) => {
    const held = holder!
    let spans = 0
    const { longestMs } = await measureLoopDelay(async () => {
      const start = performance.now()
      for (let passed = 0; passed < milliseconds; passed = performance.now() - start) {
        // A pause is not made up for in one block, which would be a delay of our own making.
        const due = Math.min(200, Math.ceil((passed / 1000) * perSecond) - spans)
        if (due > 0) await held.add(texts, due)
        spans += Math.max(0, due)
        await nextTimer(1)
      }
    })
    return { longestDelayMs: longestMs, spans }
  },
})
