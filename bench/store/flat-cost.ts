import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Child, openChild } from '../lib/child.ts'
import { interleave } from '../lib/interleave.ts'
import { spreadOf } from '../lib/measure.ts'
import { atMost, measuredPeer, type Result } from '../lib/result.ts'
import type { BenchContext, Scenario } from '../lib/scenario.ts'
import { formatNumber } from '../lib/table.ts'
import type { FlatVerb, FlatVerbs } from './flat-child.ts'
import { loadSqlite, type StoreKind } from './stores.ts'

const verbs: readonly FlatVerb[] = ['enqueue', 'claim', 'get', 'update', 'wait', 'span']
const few = 10_000

interface Pair {
  readonly many: Child<FlatVerbs>
  readonly few: Child<FlatVerbs>
  readonly stored: number
  /** For files. */
  readonly folder: string
}

/** The cost of a verb must not grow with what the store holds. One scenario per verb; all share the two filled stores. */
export function flatCosts(kind: StoreKind): readonly Scenario[] {
  let shared: Promise<Pair> | null = null
  return verbs.map((verb) => ({
    name: nameOf(kind, verb),
    title: `${verb} with 1M rollouts stored${kind === 'memory' ? '' : ` in ${kind}`}; beside 10k stored`,
    run: async (context): Promise<readonly Result[]> => {
      // Filling takes far longer than measuring: the first verb that is measured fills for all.
      shared ??= openPair(kind, context)
      const pair = await shared
      const result = await measureVerb(kind, verb, pair, context)
      return kind === 'memory' && verb === 'get' ? [result, await measureBare(pair, context)] : [result]
    },
  }))
}

function nameOf(kind: StoreKind, verb: FlatVerb): string {
  return kind === 'memory' ? `flat-cost-${verb}` : `flat-cost-${kind}-${verb}`
}

async function measureVerb(kind: StoreKind, verb: FlatVerb, pair: Pair, context: BenchContext): Promise<Result> {
  const operations = kind === 'memory' ? 1_000 : context.isShort ? 50 : 200
  // What is measured adds to the store: the small one begins anew with each verb, or it would not stay small.
  await pair.few.call('fill', { kind, file: join(pair.folder, `few-${verb}.db`), rollouts: few })
  const measure = (child: Child<FlatVerbs>) => () => child.call('measure', { verb, operations })
  // More rounds than elsewhere: they are short, and a collection of the big heap falls into one or the other.
  const { ours, peer } = await interleave(
    { rounds: context.rounds + 2, warmUps: 2 },
    { ours: measure(pair.many), peer: measure(pair.few) },
  )
  return {
    name: nameOf(kind, verb),
    unit: 'us CPU',
    better: 'lower',
    ours: spreadOf(ours.map(({ cpuUs }) => cpuUs)),
    peer: measuredPeer(
      `${formatNumber(few)} stored`,
      peer.map(({ cpuUs }) => cpuUs),
    ),
    target: atMost('ratio', 1.5),
    ...(verb === verbs[0]
      ? { note: `${formatNumber(pair.stored)} stored in ${kind}; ${formatNumber(operations)} operations a round` }
      : {}),
  }
}

/** The same reads of a bare Map: how much of the growth is the processor's caches, which no store can help. */
async function measureBare(pair: Pair, { rounds }: BenchContext): Promise<Result> {
  const measure = (child: Child<FlatVerbs>) => () => child.call('measureBare', { operations: 1_000 })
  const { ours, peer } = await interleave(
    { rounds: rounds + 2, warmUps: 2 },
    { ours: measure(pair.many), peer: measure(pair.few) },
  )
  return {
    name: 'flat-cost-get-bare',
    unit: 'us CPU',
    better: 'lower',
    ours: spreadOf(ours.map(({ cpuUs }) => cpuUs)),
    peer: measuredPeer(
      `${formatNumber(few)} stored`,
      peer.map(({ cpuUs }) => cpuUs),
    ),
    target: null,
    note: 'no store: a Map with a small record for each rollout, read at random as in flat-cost-get',
  }
}

async function openPair(kind: StoreKind, { isShort, onEnd }: BenchContext): Promise<Pair> {
  if (kind === 'sqlite') await loadSqlite()
  const stored = isShort ? (kind === 'memory' ? 200_000 : 20_000) : 1_000_000
  const folder = await mkdtemp(join(tmpdir(), 'agl-bench-'))
  const open = (): Child<FlatVerbs> => openChild(new URL('./flat-child.ts', import.meta.url))
  const pair: Pair = { many: open(), few: open(), stored, folder }
  onEnd(async () => {
    for (const child of [pair.many, pair.few]) {
      await child.call('close', null)
      await child.close()
    }
    await rm(folder, { recursive: true, force: true })
  })
  await pair.many.call('fill', { kind, file: join(folder, 'many.db'), rollouts: stored })
  return pair
}
