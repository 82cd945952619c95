import { isDeepStrictEqual } from 'node:util'
import { pageOf as checkedPage, type ParsedSpan, parseNewSpan, parseNewSpans, parseOtelSpan, sortFields } from '@agl/store-kit'
import { AglError, type NewSpan, type Page, type Span, type SpanQuery } from '@agl/types'
import { z } from 'zod'
import type { Client, RequestOf } from './client.ts'
import { aSpan, pageOf, read } from './replies.ts'
import { toWire } from './requests.ts'
import { askPage } from './rollouts.ts'

const spanOrNull = aSpan.nullable()
const places = z.array(z.object({ rollout_id: z.string(), attempt_id: z.string(), span_id: z.string(), sequence_id: z.int() }))
const spanPage = pageOf(aSpan)
const nextId = z.object({ sequence_id: z.int() })
const nextIds = z.object({ sequence_ids: z.array(z.int()) })

export function addSpan(client: Client, span: NewSpan): Promise<Span | null> {
  return send(client, parseNewSpan(span))
}

export function addOtelSpan(client: Client, request: RequestOf<'addOtelSpan'>): Promise<Span | null> {
  return send(client, parseOtelSpan(request))
}

async function send(client: Client, span: ParsedSpan): Promise<Span | null> {
  const { connection } = client
  const numbered = connection.isOurs ? span : await withNumber(client, span)
  const reply = await connection.call({ method: 'POST', path: '/spans', body: numbered })
  const stored = read(reply, spanOrNull)
  return stored === null && reply.isRepeated ? find(client, numbered) : stored
}

/** The Python server gives no sequence ids to spans that bring none. */
async function withNumber(client: Client, span: ParsedSpan): Promise<ParsedSpan> {
  if (span.sequence_id !== undefined) return span
  const { rollout_id: rolloutId, attempt_id: attemptId } = span
  return { ...span, sequence_id: await getNextSpanSequenceId(client, { rolloutId, attemptId }) }
}

/**
 * A span that was sent again and was there already: if it is the very same, an earlier try has stored it, and the answer is
 * the one that was lost. Null for an agent that may add spans and not read them: it is told that the span is there.
 */
async function find(client: Client, sent: ParsedSpan): Promise<Span | null> {
  const { rollout_id: rolloutId, attempt_id: attemptId, span_id: spanId } = sent
  const { items } = await querySpans(client, { rolloutId, attemptId, spanId }).catch((error: unknown) => {
    if (AglError.isInstance(error, 'forbidden')) return { items: [] }
    throw error
  })
  const [stored] = items
  if (stored === undefined) return null
  return isDeepStrictEqual({ ...stored }, { ...sent, sequence_id: sent.sequence_id ?? stored.sequence_id }) ? stored : null
}

export async function addManySpans(client: Client, request: RequestOf<'addManySpans'>): Promise<readonly Span[]> {
  const parsed = parseNewSpans(request.spans)
  if (parsed.length === 0) return []
  const { connection } = client
  if (!connection.isOurs) {
    const stored: Span[] = []
    for (const span of parsed) {
      const answer = await send(client, span)
      if (answer !== null) stored.push(answer)
    }
    return stored
  }
  const reply = await connection.call({ method: 'POST', path: '/spans/batch/ids', body: { spans: parsed } })
  const stored = placed(parsed, read(reply, places))
  return reply.isRepeated && stored.length < parsed.length ? complete(client, parsed, stored) : stored
}

type SpanKey = Pick<Span, 'rollout_id' | 'attempt_id' | 'span_id'>

const keyOf = ({ rollout_id: rolloutId, attempt_id: attemptId, span_id: spanId }: SpanKey): string =>
  JSON.stringify([rolloutId, attemptId, spanId])

/**
 * The spans that were new, with the sequence ids that they got. The server does not send back what it was sent; what it answers is in
 * the order sent, and of a span that was sent twice, the first counts.
 */
function placed(sent: readonly ParsedSpan[], found: readonly (SpanKey & { readonly sequence_id: number })[]): readonly Span[] {
  const spans: Span[] = []
  for (const span of sent) {
    const place = found[spans.length]
    if (place === undefined) break
    if (isSame(place, span)) spans.push(Object.freeze({ ...span, sequence_id: place.sequence_id }))
  }
  return Object.freeze(spans)
}

function isSame(one: SpanKey, other: SpanKey): boolean {
  return one.span_id === other.span_id && one.attempt_id === other.attempt_id && one.rollout_id === other.rollout_id
}

/** The answer of a batch that was sent again: with what an earlier try has stored, in the order sent, each span once. */
async function complete(client: Client, sent: readonly ParsedSpan[], stored: readonly Span[]): Promise<readonly Span[]> {
  const answered = new Map(stored.map((span) => [keyOf(span), span]))
  const found = new Map<string, Span>()
  for (const span of sent) {
    const key = keyOf(span)
    if (found.has(key)) continue
    const item = answered.get(key) ?? (await find(client, span))
    if (item !== null) found.set(key, item)
  }
  return Object.freeze([...found.values()])
}

export async function querySpans(client: Client, query: SpanQuery): Promise<Page<Span>> {
  checkedPage([], null, query, sortFields.spans)
  return askPage(client, query, spanPage, (page) => ({
    method: 'POST',
    path: '/spans/search',
    body: toWire({ ...query, ...page }),
  }))
}

export async function getNextSpanSequenceId(client: Client, request: RequestOf<'getNextSpanSequenceId'>): Promise<number> {
  const reply = await client.connection.call({ method: 'POST', path: '/spans/next', body: toWire(request) })
  return read(reply, nextId).sequence_id
}

export async function getManySpanSequenceIds(
  client: Client,
  { attempts }: RequestOf<'getManySpanSequenceIds'>,
): Promise<readonly number[]> {
  if (attempts.length === 0) return []
  if (!client.connection.isOurs) {
    const ids: number[] = []
    for (const attempt of attempts) ids.push(await getNextSpanSequenceId(client, attempt))
    return ids
  }
  const body = { attempts: attempts.map(toWire) }
  const reply = await client.connection.call({ method: 'POST', path: '/spans/next/batch', body })
  return Object.freeze(read(reply, nextIds).sequence_ids)
}
