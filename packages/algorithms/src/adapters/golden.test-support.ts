/** Test support: the golden traces of packages/algorithms/golden and what the adapters make of them. */
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Span, Triplet } from '@agl/types'
import type { MessagesExample } from './messages-example.ts'
import type { TokenRow } from './token-rows.ts'
import { traceToMessages } from './trace-to-messages.ts'
import { traceToTokenRows } from './trace-to-token-rows.ts'
import { traceToTriplets } from './trace-to-triplets.ts'

const folder = fileURLToPath(new URL('../../golden/', import.meta.url))

/** What is expected of a trace. */
export interface GoldenAnswers {
  readonly triplets: readonly Triplet[]
  readonly messages: readonly MessagesExample[]
  /** Left out where no call has token ids. */
  readonly rows?: readonly TokenRow[]
  /** Of all three, each once: kind and span. */
  readonly findings: readonly string[]
}

export interface GoldenTrace extends Partial<GoldenAnswers> {
  /** Who writes spans of this shape. */
  readonly source: string
  /** The option `agentMatch`. */
  readonly agent_match?: string | null
  readonly spans: readonly Span[]
}

/** The files by their paths, also those in folders below. */
export function readGoldenTraces(): ReadonlyMap<string, GoldenTrace> {
  const names = globSync('**/*.json', { cwd: folder }).toSorted()
  return new Map(names.map((name) => [folder + name, JSON.parse(readFileSync(folder + name, 'utf8')) as GoldenTrace]))
}

/** What the adapters make of a trace now. */
export function answerGolden({ spans, agent_match: agentMatch = null }: GoldenTrace): GoldenAnswers {
  const triplets = traceToTriplets({ agentMatch }).report(spans)
  const messages = traceToMessages({ agentMatch }).report(spans)
  const rows = traceToTokenRows({ agentMatch }).report(spans)
  const findings = [...triplets.findings, ...messages.findings, ...rows.findings].map(({ kind, spanId }) => `${kind} ${spanId}`)
  const answers = {
    triplets: triplets.triplets,
    messages: messages.examples,
    ...(rows.rows.length === 0 ? {} : { rows: rows.rows }),
    findings: [...new Set(findings)],
  }
  // As it is in the file: without what JSON has no form for.
  return JSON.parse(JSON.stringify(answers)) as GoldenAnswers
}
