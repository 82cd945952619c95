// Lets spans pass through a bounded store in a process of its own. See bounded-memory.ts.
import { createMemoryStore } from '@agl/store-memory'
import { serveParent } from '../lib/child.ts'
import { nextTimer } from '../lib/loop-delay.ts'
import { collectGarbage, measureCost } from '../lib/measure.ts'
import { spanTexts } from '../peers/spans.ts'
import { address, parseFreshNew, withoutSequence } from './fresh-spans.ts'
import { keyOf } from './stores.ts'

export interface Passage {
  /** The most that the store itself counted. */
  readonly peakCounted: number
  /** The most that it held after a collection, by the process's own count; looked at 20 times. */
  readonly peakHeld: number
  /** The most that the process grew by, garbage included. */
  readonly peakRss: number
  readonly keptSpans: number
  readonly cpuUsPerSpan: number
  /** Of JSON.parse alone, in the same process. */
  readonly parseUsPerSpan: number
}

export type BoundedVerbs = {
  readonly pass: (request: { readonly maxBytes: number; readonly spans: number }) => Promise<Passage>
}

const spansPerRollout = 64
const looks = 20

serveParent<BoundedVerbs>({
  pass: async ({ maxBytes, spans }) => {
    const store = createMemoryStore({ retention: { maxBytes } })
    const texts = withoutSequence(spanTexts('std', 256))
    collectGarbage()
    const before = process.memoryUsage()
    const cpuBefore = process.cpuUsage()
    let [peakCounted, peakHeld, peakRss] = [0, 0, 0]
    const lookEvery = Math.max(spansPerRollout, Math.floor(spans / looks))
    let nextLook = lookEvery
    for (let done = 0; done < spans; done += spansPerRollout) {
      const key = keyOf(await store.startRollout({ rollout: { input: { task: done } } }))
      const batch = parseFreshNew(texts, spansPerRollout)
      for (const [index, span] of batch.entries()) address(span, key, done + index)
      await store.addManySpans({ spans: batch })
      await store.updateAttempt({ ...key, status: 'succeeded' })
      const { total_span_bytes: counted } = await store.statistics()
      peakCounted = Math.max(peakCounted, counted ?? Number.NaN)
      if (done % (spansPerRollout * 64) === 0) {
        peakRss = Math.max(peakRss, process.memoryUsage.rss() - before.rss)
        await nextTimer()
      }
      if (done >= nextLook) {
        nextLook += lookEvery
        collectGarbage()
        const now = process.memoryUsage()
        peakHeld = Math.max(peakHeld, now.heapUsed + now.external - before.heapUsed - before.external)
      }
    }
    const { user, system } = process.cpuUsage(cpuBefore)
    const { total_spans: keptSpans } = await store.statistics()
    await store.close()
    collectGarbage()
    const parsed = 20_000
    const { cpuUs: parseUsPerSpan } = await measureCost(parsed, () => {
      for (let done = 0; done < parsed; done += spansPerRollout) parseFreshNew(texts, spansPerRollout)
    })
    return { peakCounted, peakHeld, peakRss, keptSpans, cpuUsPerSpan: (user + system) / spans, parseUsPerSpan }
  },
})
