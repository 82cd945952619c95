import { type Adapter, parseOptions, type Span } from '@agl/types'
import { z } from 'zod'
import type { Finding } from './findings.ts'
import { packTokenRows, type TokenRow } from './token-rows.ts'
import { readTriplets, traceToTripletsDefaults, type TraceToTripletsOptions, tripletOptionsShape } from './trace-to-triplets.ts'

export interface TraceToTokenRowsOptions extends TraceToTripletsOptions {
  /** Rows are cut to this length, at least 1; null = never. */
  readonly maxTokens?: number | null
}

/** The defaults of {@link TraceToTokenRowsOptions}. */
export const traceToTokenRowsDefaults: Readonly<Required<Omit<TraceToTokenRowsOptions, 'onFinding'>>> = Object.freeze({
  ...traceToTripletsDefaults,
  maxTokens: null,
})

/** Rows, and what is not in them. */
export interface TokenRowReport {
  readonly rows: readonly TokenRow[]
  readonly findings: readonly Finding[]
}

/** An adapter to token rows that answers at once and accounts for what it leaves out. */
export interface TokenRowAdapter extends Adapter<readonly TokenRow[]> {
  adapt(spans: readonly Span[]): readonly TokenRow[]
  report(spans: readonly Span[]): TokenRowReport
}

const optionsSchema = z.strictObject({
  ...tripletOptionsShape,
  maxTokens: z.int().min(1).nullable().optional(),
})

/** Spans of one attempt → token rows: the triplets of {@link traceToTriplets}, packed by {@link packTokenRows}. */
export function traceToTokenRows(options: TraceToTokenRowsOptions = {}): TokenRowAdapter {
  const parsed = parseOptions(optionsSchema, options, traceToTokenRowsDefaults, 'options of traceToTokenRows')
  const { maxTokens } = parsed
  const report = (spans: readonly Span[]): TokenRowReport => {
    const findings: Finding[] = []
    const onFinding = (finding: Finding): void => {
      findings.push(finding)
      parsed.onFinding?.(finding)
    }
    return { rows: packTokenRows(readTriplets(spans, parsed, onFinding), { maxTokens, onFinding }), findings }
  }
  return Object.freeze({ report, adapt: (spans: readonly Span[]) => report(spans).rows })
}
