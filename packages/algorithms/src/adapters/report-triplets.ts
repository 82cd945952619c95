import type { Adapter, Span, Triplet } from '@agl/types'
import type { Finding } from './findings.ts'
import { reportUntrainable } from './make-triplet.ts'
import type { TripletReport } from './trace-to-triplets.ts'

/** What an adapter makes of the spans, with its findings; of one that only adapts, the calls that cannot be trained on. */
export async function reportTriplets(adapter: Adapter<readonly Triplet[]>, spans: readonly Span[]): Promise<TripletReport> {
  if (canReport(adapter)) return await adapter.report(spans)
  const triplets = await adapter.adapt(spans)
  const findings: Finding[] = []
  for (const triplet of triplets) reportUntrainable(triplet, false, (finding) => findings.push(finding))
  return { triplets, findings }
}

interface ReportingAdapter {
  report(spans: readonly Span[]): TripletReport | Promise<TripletReport>
}

function canReport(adapter: object): adapter is ReportingAdapter {
  return 'report' in adapter && typeof adapter.report === 'function'
}
