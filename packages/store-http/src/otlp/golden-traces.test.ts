import { readFileSync } from 'node:fs'
import { parseNewSpans } from '@agl/store-kit'
import type { NewSpan, Span } from '@agl/types'
import { expect, it } from 'vitest'
import { decodeTraces } from './decode-traces.ts'

/** What `interop/python/golden_traces.py` found: payloads as Python writes them, and what the reference's decoder makes of them. */
type Golden = Readonly<Record<string, { readonly hex: string; readonly spans: readonly Span[] }>>
const golden = JSON.parse(readFileSync(new URL('golden-traces.json', import.meta.url), 'utf8')) as Golden

/** The reference numbers spans at once; here the store gives the numbers that are missing. */
function withoutNumber({ sequence_id: sequenceId, ...span }: Span): NewSpan {
  return sequenceId < 0 ? span : { ...span, sequence_id: sequenceId }
}

it.each(Object.entries(golden))('decodes what the reference decodes: %s', (_, { hex, spans }) => {
  const decoded = decodeTraces(Buffer.from(hex, 'hex'), 'application/x-protobuf')
  expect(decoded.spans).toStrictEqual(spans.map(withoutNumber))
  expect(parseNewSpans(decoded.spans)).toStrictEqual(decoded.spans)
})
