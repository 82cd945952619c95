import { type Adapter, parseOptions, type Span, type Triplet } from '@agl/types'
import { z } from 'zod'
import type { FoundCall } from './find-calls.ts'
import { findRewards } from './find-rewards.ts'
import type { Finding, OnFinding } from './findings.ts'
import { isTrainable, makeTriplet, reportUntrainable } from './make-triplet.ts'
import { matchRewards, type RewardMatch } from './match-rewards.ts'
import { onFindingSchema, patternSchema, toNameTest } from './options.ts'
import { readTrace } from './read-trace.ts'

export interface TraceToTripletsOptions {
  /** Only calls of agents whose name this matches; null = all calls. */
  readonly agentMatch?: RegExp | string | null
  /** Only spans whose name this matches can be calls; null = every span that records a model call in a form that is known. */
  readonly callMatch?: RegExp | string | null
  /** Whether calls below a reward (a judge's) are left out. */
  readonly excludeCallsInReward?: boolean
  /** Where a reward goes that names no call by a link. */
  readonly rewardMatch?: RewardMatch
  /** Whether spans that float at the top are hung where they ran by time. */
  readonly repairHierarchy?: boolean
  /** Whether calls without token ids are left out; rewards then go to the others. */
  readonly skipCallsWithoutTokenIds?: boolean
  /** Whether several records of one call count once. */
  readonly dedupe?: boolean
  /** The reward of the last triplet, whatever the spans say; null = what they say. */
  readonly finalReward?: number | null
  /** Told what was left out, folded or could not be read, by `adapt` as by `report`. */
  readonly onFinding?: OnFinding
}

/** The defaults of {@link TraceToTripletsOptions}. */
export const traceToTripletsDefaults: Readonly<Required<Omit<TraceToTripletsOptions, 'onFinding'>>> = Object.freeze({
  agentMatch: null,
  callMatch: null,
  excludeCallsInReward: true,
  rewardMatch: 'first_occurrence',
  repairHierarchy: true,
  skipCallsWithoutTokenIds: false,
  dedupe: true,
  finalReward: null,
})

/** Triplets, and what is not among them. */
export interface TripletReport {
  readonly triplets: readonly Triplet[]
  readonly findings: readonly Finding[]
}

/** An adapter to triplets that answers at once and accounts for what it leaves out. */
export interface TripletAdapter extends Adapter<readonly Triplet[]> {
  adapt(spans: readonly Span[]): readonly Triplet[]
  report(spans: readonly Span[]): TripletReport
}

/** The options of every adapter that reads triplets first. */
export const tripletOptionsShape: Readonly<Record<keyof TraceToTripletsOptions, z.ZodType>> = {
  agentMatch: patternSchema.nullable().optional(),
  callMatch: patternSchema.nullable().optional(),
  excludeCallsInReward: z.boolean().optional(),
  rewardMatch: z.enum(['first_occurrence', 'first_sibling']).nullable().optional(),
  repairHierarchy: z.boolean().optional(),
  skipCallsWithoutTokenIds: z.boolean().optional(),
  dedupe: z.boolean().optional(),
  finalReward: z.number().nullable().optional(),
  onFinding: onFindingSchema.optional(),
}

const optionsSchema = z.strictObject(tripletOptionsShape)

/**
 * Spans of one attempt → one triplet per model call, in the order of time. It never throws, whatever the spans; everything
 * that is not among the triplets is among the findings.
 *
 * A call that several tracers recorded counts once: the record that says most stands for it, at the place of the earliest.
 * A reward that names its call by links goes there; each of the others goes by `rewardMatch`.
 */
export function traceToTriplets(options: TraceToTripletsOptions = {}): TripletAdapter {
  const parsed = parseOptions(optionsSchema, options, traceToTripletsDefaults, 'options of traceToTriplets')
  return createTripletAdapter(parsed.onFinding, (spans, report) => readTriplets(spans, parsed, report))
}

/** An adapter around a function that reports as it goes. */
export function createTripletAdapter(
  onFinding: OnFinding | undefined,
  read: (spans: readonly Span[], report: OnFinding) => readonly Triplet[],
): TripletAdapter {
  const report = (spans: readonly Span[]): TripletReport => {
    const findings: Finding[] = []
    const triplets = read(spans, (finding) => {
      findings.push(finding)
      onFinding?.(finding)
    })
    return { triplets, findings }
  }
  return Object.freeze({ report, adapt: (spans: readonly Span[]) => report(spans).triplets })
}

/** What {@link readTriplets} goes by; `sequence` orders calls and rewards by sequence ids alone, whatever the clocks say. */
export interface TripletReading extends Required<Omit<TraceToTripletsOptions, 'onFinding' | 'rewardMatch'>> {
  readonly rewardMatch: RewardMatch | 'sequence'
}

/** The work of the adapters to triplets. */
export function readTriplets(spans: readonly Span[], reading: TripletReading, report: OnFinding): readonly Triplet[] {
  const { skipCallsWithoutTokenIds, finalReward, rewardMatch } = reading
  const filter = { ...reading, agentTest: toNameTest(reading.agentMatch), callTest: toNameTest(reading.callMatch) }
  const trace = readTrace(spans, filter, report)
  const inOrder = rewardMatch === 'sequence' ? trace.calls.toSorted((a, b) => a.sequence - b.sequence) : trace.calls
  const leftOut = new Set(trace.leftOut)
  const kept: { readonly found: FoundCall; readonly triplet: Triplet }[] = []
  for (const found of inOrder) {
    const triplet = makeTriplet(found, report)
    reportUntrainable(triplet, skipCallsWithoutTokenIds, report)
    if (skipCallsWithoutTokenIds && !isTrainable(triplet)) for (const node of found.records) leftOut.add(node)
    else kept.push({ found, triplet })
  }
  const calls = kept.map(({ found }) => found)
  const rewards = matchRewards(trace.tree, { calls, leftOut }, findRewards(trace.tree, report), rewardMatch, report)
  return kept.map(({ found, triplet }, index) => {
    const dimensions = rewards.get(found) ?? []
    const reward = dimensions[0]?.value ?? null
    const isLast = index === kept.length - 1
    return {
      ...triplet,
      reward: isLast ? (finalReward ?? reward) : reward,
      metadata: { ...triplet.metadata, rewards: dimensions },
    }
  })
}
