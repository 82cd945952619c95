import { type Child, openChild } from '../lib/child.ts'
import { interleave } from '../lib/interleave.ts'
import { spreadOf } from '../lib/measure.ts'
import { atMost, constantPeer, measuredPeer } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import { meanBytes, spanTexts } from '../peers/spans.ts'
import { withoutSequence } from './fresh-spans.ts'
import type { Arrivals, Footprint, HolderKind, MemoryVerbs } from './memory-child.ts'

const perSecond = 10_000

/** Scenario 16: what a held span takes, and what holding many does to the event loop. */
const footprint = (
  kind: 'std' | 'tok',
  amounts: { readonly short: number; readonly full: number; readonly limit: number },
): Scenario => ({
  name: `memory-footprint-${kind}`,
  title: `memory of ${formatNumber(amounts.full)} ${kind} spans held, longest loop delay while 10k a second arrive; beside their JSON, and Buffers in a Map`,
  run: async ({ isShort, rounds }) => {
    const spans = isShort ? amounts.short : amounts.full
    const milliseconds = isShort ? 300 : 5_000
    const json = constantPeer('its JSON', meanBytes(withoutSequence(spanTexts(kind, 512))))
    const measure = (holder: HolderKind) => () => runChild(holder, kind, spans, milliseconds)
    const { ours, peer } = await interleave({ rounds: 3, warmUps: 0 }, { ours: measure('finished'), peer: measure('buffers') })
    const running = await runChild('running', kind, spans / 10, 0)
    const name = `memory-footprint-${kind}`
    const bytes = (of: keyof Footprint): readonly number[] => ours.map((sample) => sample[of])
    const bare = `Buffers in a Map take ${formatNumber(spreadOf(peer.map(({ rssPerSpan }) => rssPerSpan)).median)} B`
    return [
      {
        name: `${name}-rss`,
        unit: 'B RSS/span',
        better: 'lower',
        ours: spreadOf(bytes('rssPerSpan')),
        peer: json,
        target: atMost('ratio', amounts.limit),
        note: `${formatNumber(spans)} spans held, 32 in each rollout, all but the last finished; ${bare}`,
      },
      {
        name: `${name}-heap`,
        unit: 'B heap+external/span',
        better: 'lower',
        ours: spreadOf(bytes('heapPerSpan')),
        peer: json,
        target: atMost('ratio', amounts.limit),
        note: `of rollouts that are still running, ${formatNumber(spans / 10)} spans held: ${formatNumber(running.heapPerSpan)} B`,
      },
      {
        name: `${name}-delay`,
        unit: 'ms longest delay',
        better: 'lower',
        ours: spreadOf(ours.map(({ longestDelayMs }) => longestDelayMs)),
        peer: measuredPeer(
          'Buffers in a Map',
          peer.map(({ longestDelayMs }) => longestDelayMs),
        ),
        target: atMost('value', 50),
        note: `${formatNumber(perSecond)} spans a second for ${milliseconds / 1000} s on top; reached ${formatNumber(spreadOf(ours.map((sample) => (sample.spans * 1000) / milliseconds)).median)}/s; ${rounds === 3 ? '' : '3 rounds, '}each in a process of its own`,
      },
    ]
  },
})

export const memoryFootprintStd: Scenario = footprint('std', { short: 40_000, full: 1_000_000, limit: 1.2 })
export const memoryFootprintTok: Scenario = footprint('tok', { short: 10_000, full: 200_000, limit: 0.8 })

async function runChild(
  holder: HolderKind,
  kind: 'std' | 'tok',
  spans: number,
  milliseconds: number,
): Promise<Footprint & Arrivals> {
  const child: Child<MemoryVerbs> = openChild(new URL('./memory-child.ts', import.meta.url))
  try {
    const held = await child.call('fill', { holder, kind, spans })
    const arrived = await child.call('arrive', { perSecond, milliseconds })
    return { ...held, ...arrived }
  } finally {
    await child.close()
  }
}
