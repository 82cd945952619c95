import { parseNewSpan } from '@agl/store-kit'
import { AglError, type NewSpan, type Span, type SpanQuery } from '@agl/types'
import { z } from 'zod'
import { wireNewSpanSchema, wireSpanSchema } from '../../wire/schemas.ts'
import { authorizeAttempt } from '../auth/index.ts'
import { misfit } from '../problems.ts'
import { spanQuerySchema, toVerbQuery, type WireQuery } from '../query.ts'
import type { Listing } from '../read-rows.ts'
import { toNullable, toSpan } from '../records.ts'
import { type Call, type Route, route } from '../route.ts'
import { asksOnlyFor, sendRows } from '../send-rows.ts'
import { newSpan, spanPage } from '../shapes.ts'

const attemptKey = z.object({ rollout_id: z.string(), attempt_id: z.string() })
const sequenceId = z.object({ sequence_id: z.int() })
const spanPlace = z.object({ rollout_id: z.string(), attempt_id: z.string(), span_id: z.string(), sequence_id: z.int() })

/**
 * A span as the store takes it. Most are right as they come, and checking that by hand costs a tenth of the schema, which is
 * asked only for what is to be converted as Pydantic does.
 */
function readSpan(value: unknown): NewSpan {
  try {
    return parseNewSpan(value) as NewSpan
  } catch (error) {
    if (!AglError.isInstance(error)) throw error
    const lax = wireNewSpanSchema.safeParse(value)
    if (!lax.success) throw misfit(lax.error.issues, value, 'body')
    return lax.data
  }
}

function checkOwn(call: Call, span: { readonly rollout_id: string; readonly attempt_id: string }): void {
  authorizeAttempt(call.identity, span.rollout_id, span.attempt_id)
}

const batch = z.strictObject({ spans: z.array(z.unknown()) })
const describedBatch = z.object({ spans: z.array(newSpan) })

async function addBatch(call: Call<z.infer<typeof batch>>): Promise<readonly Span[]> {
  const spans = call.body.spans.map(readSpan)
  for (const span of spans) checkOwn(call, span)
  return await call.store.addManySpans({ spans })
}

async function listSpans(call: Call, query: WireQuery): Promise<void> {
  const request = toVerbQuery(query, call.isOurs) as unknown as SpanQuery
  const { sortBy = 'sequence_id' } = request
  const isIndexed = asksOnlyFor(request, 'rolloutId', 'attemptId', 'sortBy') && (sortBy === null || sortBy === 'sequence_id')
  const listing: Listing<Span> = {
    read: (page) => call.store.querySpans({ ...request, ...page }),
    keyOf: (span) => JSON.stringify([span.attempt_id, span.span_id]),
    partSize: isIndexed ? call.maxPageSize : Infinity,
  }
  await sendRows(call, listing, request, (span) => toSpan(call, span))
}

export const spanRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/spans',
    action: 'report',
    status: 201,
    summary: 'Adds a span; null for one that is there already',
    numbers: 'attributes',
    body: z.unknown(),
    describedBody: newSpan,
    answer: wireSpanSchema.nullable(),
    async handle(call) {
      const span = readSpan(call.body)
      checkOwn(call, span)
      return toNullable(await call.store.addSpan(span), (stored) => toSpan(call, stored))
    },
  }),
  route({
    method: 'POST',
    path: '/spans/batch',
    action: 'report',
    status: 201,
    summary: 'Adds spans, all or none; answers those that were new',
    numbers: 'attributes',
    body: batch,
    describedBody: describedBatch,
    answer: z.array(wireSpanSchema),
    async handle(call) {
      return (await addBatch(call)).map((span) => toSpan(call, span))
    },
  }),
  route({
    method: 'POST',
    path: '/spans/batch/ids',
    action: 'report',
    status: 201,
    summary: 'Adds spans, all or none; answers the ids of those that were new',
    numbers: 'attributes',
    body: batch,
    describedBody: describedBatch,
    answer: z.array(spanPlace),
    async handle(call) {
      // Whoever sent the spans has them: sending them back costs more than storing them.
      return (await addBatch(call)).map(({ rollout_id, attempt_id, span_id, sequence_id }) => ({
        rollout_id,
        attempt_id,
        span_id,
        sequence_id,
      }))
    },
  }),
  route({
    method: 'GET',
    path: '/spans',
    action: 'read',
    summary: 'The spans of a rollout, page by page',
    query: spanQuerySchema,
    answer: spanPage,
    handle: (call) => listSpans(call, call.query),
  }),
  route({
    method: 'POST',
    path: '/spans/search',
    action: 'read',
    summary: 'The spans of a rollout, page by page',
    body: spanQuerySchema,
    answer: spanPage,
    handle: (call) => listSpans(call, call.body),
  }),
  route({
    method: 'POST',
    path: '/spans/next',
    action: 'report',
    summary: "Takes the rollout's next sequence id",
    body: attemptKey,
    answer: sequenceId,
    async handle(call) {
      const { rollout_id: rolloutId, attempt_id: attemptId } = call.body
      checkOwn(call, call.body)
      return { sequence_id: await call.store.getNextSpanSequenceId({ rolloutId, attemptId }) }
    },
  }),
  route({
    method: 'POST',
    path: '/spans/next/batch',
    action: 'report',
    summary: 'Takes many sequence ids',
    body: z.strictObject({ attempts: z.array(attemptKey) }),
    answer: z.object({ sequence_ids: z.array(z.int()) }),
    async handle(call) {
      const { attempts } = call.body
      for (const attempt of attempts) checkOwn(call, attempt)
      const keys = attempts.map(({ rollout_id: rolloutId, attempt_id: attemptId }) => ({ rolloutId, attemptId }))
      return { sequence_ids: await call.store.getManySpanSequenceIds({ attempts: keys }) }
    },
  }),
]
