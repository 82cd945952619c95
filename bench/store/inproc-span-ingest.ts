import { createMemoryStore } from '@agl/store-memory'
import { interleave } from '../lib/interleave.ts'
import { type Cost, measureCost, spreadOf } from '../lib/measure.ts'
import { atMost, measuredPeer } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import { meanBytes, spanTexts } from '../peers/spans.ts'
import { address, parseFreshNew, withoutSequence } from './fresh-spans.ts'
import { claimNew } from './stores.ts'

const batchSize = 64

/** Scenario 2: what the store adds to a span that has just been parsed: the check, the copy that it keeps, its indexes. */
const ingest = (kind: 'std' | 'tok', batches: { readonly short: number; readonly full: number }): Scenario => ({
  name: `inproc-span-ingest-${kind}`,
  title: `addManySpans of ${batchSize} ${kind} spans; beside JSON.parse of the same bytes`,
  run: async ({ isShort, rounds }) => {
    const count = (isShort ? batches.short : batches.full) * batchSize
    const texts = withoutSequence(spanTexts(kind, 256))
    const { ours, peer } = await interleave(
      { rounds, warmUps: 2 },
      { ours: () => runStore(texts, count), peer: () => measureCost(count, () => void parseFreshNew(texts, count)) },
    )
    const cpu = (costs: readonly Cost[]): readonly number[] => costs.map(({ cpuUs }) => cpuUs)
    const wall = spreadOf(ours.map(({ wallUs }) => 1e6 / wallUs)).median
    return [
      {
        name: `inproc-span-ingest-${kind}`,
        unit: 'us CPU/span',
        better: 'lower',
        ours: spreadOf(cpu(ours)),
        peer: measuredPeer('JSON.parse', cpu(peer)),
        target: atMost('ratio', 1.5),
        note: `${formatNumber(count)} spans of ${formatNumber(meanBytes(texts))} B JSON, parsed before; ${formatNumber(wall)} spans/s by the wall`,
      },
    ]
  },
})

export const inprocSpanIngestStd: Scenario = ingest('std', { short: 100, full: 320 })
export const inprocSpanIngestTok: Scenario = ingest('tok', { short: 30, full: 64 })

async function runStore(texts: readonly string[], count: number): Promise<Cost> {
  const store = createMemoryStore()
  const keys = await claimNew(store, count / batchSize)
  const spans = parseFreshNew(texts, count)
  for (const [index, span] of spans.entries()) address(span, keys[Math.floor(index / batchSize)]!, index)
  const cost = await measureCost(count, async () => {
    for (let start = 0; start < count; start += batchSize) {
      await store.addManySpans({ spans: spans.slice(start, start + batchSize) })
    }
  })
  await store.close()
  return cost
}
