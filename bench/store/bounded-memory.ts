import { openChild } from '../lib/child.ts'
import { spreadOf } from '../lib/measure.ts'
import { atMost, constantPeer, measuredPeer } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import type { BoundedVerbs, Passage } from './bounded-child.ts'

const mebibyte = 2 ** 20

/** However much passes through a store with `retention.maxBytes`, it stays within them. */
export const boundedMemory: Scenario = {
  name: 'bounded-memory',
  title: '5 million spans pass through a store with retention.maxBytes; beside the bound',
  run: async ({ isShort }) => {
    const maxBytes = (isShort ? 16 : 256) * mebibyte
    // Three passes share the spans: 5 million in all, the bound filled many times over in each.
    const rounds = 3
    const spans = Math.ceil((isShort ? 120_000 : 5_000_000) / rounds)
    const passages: Passage[] = []
    for (let round = 0; round < rounds; round++) passages.push(await pass(maxBytes, spans))
    const bound = constantPeer('retention.maxBytes', maxBytes / mebibyte)
    const mebibytes = (of: 'peakCounted' | 'peakHeld' | 'peakRss'): ReturnType<typeof spreadOf> =>
      spreadOf(passages.map((passage) => passage[of] / mebibyte))
    const kept = passages.at(-1)!.keptSpans
    return [
      {
        name: 'bounded-memory',
        unit: 'MiB counted, peak',
        better: 'lower',
        ours: mebibytes('peakCounted'),
        peer: bound,
        target: atMost('ratio', 1),
        note: `${rounds} x ${formatNumber(spans)} std spans, 64 a rollout; ${formatNumber(kept)} kept at the end`,
      },
      {
        name: 'bounded-memory-held',
        unit: 'MiB heap+external, peak',
        better: 'lower',
        ours: mebibytes('peakHeld'),
        peer: bound,
        target: atMost('ratio', 1.2),
        note: 'of the whole process after a collection, over its start: rollouts and attempts of evicted spans included',
      },
      {
        name: 'bounded-memory-rss',
        unit: 'MiB RSS, peak',
        better: 'lower',
        ours: mebibytes('peakRss'),
        peer: bound,
        target: null,
      },
      {
        name: 'bounded-memory-cpu',
        unit: 'us CPU/span',
        better: 'lower',
        ours: spreadOf(passages.map(({ cpuUsPerSpan }) => cpuUsPerSpan)),
        peer: measuredPeer(
          'JSON.parse alone',
          passages.map(({ parseUsPerSpan }) => parseUsPerSpan),
        ),
        target: null,
        note: 'the whole way of a span: parsed, added, packed when its rollout has ended, dropped; its share of the rollout included',
      },
    ]
  },
}

async function pass(maxBytes: number, spans: number): Promise<Passage> {
  const child = openChild<BoundedVerbs>(new URL('./bounded-child.ts', import.meta.url))
  try {
    return await child.call('pass', { maxBytes, spans })
  } finally {
    await child.close()
  }
}
