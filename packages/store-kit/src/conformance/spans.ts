import type { AttemptedRollout } from '@agl/types'
import type { OtelSpan } from '@agl/types/spans'
import { expect } from 'vitest'
import { highestSequenceId } from '../check-sequence-id.ts'
import { claimNext, enqueueAndClaim, keyOf, otelSpanOf, retryAlways, spanOf, statusOf } from './fixtures.ts'
import type { Suite } from './harness.ts'

export function describeSpans({ check, open }: Suite): void {
  check('SPAN-01', 'are answered as stored, with unknown keys and the next sequence id', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const span = { ...spanOf(claimed), kind: 'client' }
    const stored = await store.addSpan(span)
    expect(stored).toEqual({ ...span, sequence_id: 1 })
    expect((await store.querySpans({ rolloutId: claimed.rollout_id })).items).toEqual([stored])
  })

  check('SPAN-02', 'a duplicate is null and no sign of life; the same id in another attempt is another span', async () => {
    const { store } = await open()
    const first = await enqueueAndClaim(store)
    const span = spanOf(first)
    await store.addSpan(span)
    const before = await store.getLatestAttempt({ rolloutId: first.rollout_id })
    expect(await store.addSpan({ ...span, name: 'other' })).toBeNull()
    expect(await store.getLatestAttempt({ rolloutId: first.rollout_id })).toEqual(before)
    const second = await store.startAttempt({ rolloutId: first.rollout_id })
    expect(await store.addSpan({ ...span, attempt_id: second.attempt.attempt_id })).not.toBeNull()
  })

  check('SPAN-03', 'many: answers exactly the new ones, in order', async () => {
    const { store } = await open()
    const [a, b] = [await enqueueAndClaim(store), await enqueueAndClaim(store)]
    const known = spanOf(a)
    await store.addSpan(known)
    const spans = [spanOf(a), known, spanOf(b), spanOf(a)]
    const stored = await store.addManySpans({ spans: [...spans, spans[0]!] })
    expect(stored.map((span) => span.span_id)).toEqual([spans[0], spans[2], spans[3]].map((span) => span!.span_id))
    expect(await store.addManySpans({ spans })).toEqual([])
    expect(await store.addManySpans({ spans: [] })).toEqual([])
    expect((await store.statistics()).total_spans).toBe(4)
  })

  check('SPAN-04', 'many: nothing is stored when one is invalid or of an unknown attempt', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const invalid = spanOf(claimed, { attributes: { mixed: ['a', 1] as never } })
    await expect(store.addManySpans({ spans: [spanOf(claimed), invalid] })).rejects.toMatchObject({ code: 'invalid_argument' })
    const stray = spanOf(claimed, { attempt_id: 'at-x' })
    await expect(store.addManySpans({ spans: [spanOf(claimed), stray] })).rejects.toMatchObject({ code: 'not_found' })
    expect((await store.querySpans({ rolloutId: claimed.rollout_id })).total).toBe(0)
    expect(await statusOf(store, claimed.rollout_id)).toBe('preparing')
  })

  check('SPAN-05', 'unknown ids, in the words of the reference; no counter is made for them', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const { rolloutId, attemptId } = keyOf(claimed)
    await expect(store.addSpan(spanOf(claimed, { rollout_id: 'x' }))).rejects.toThrow('Rollout x not found')
    const stray = store.addSpan(spanOf(claimed, { attempt_id: 'y' }))
    await expect(stray).rejects.toThrow(`Attempt y not found for rollout ${rolloutId}`)
    await expect(store.getNextSpanSequenceId({ rolloutId: 'x', attemptId })).rejects.toMatchObject({ code: 'not_found' })
    const attempts = [
      { rolloutId, attemptId },
      { rolloutId: 'x', attemptId },
    ]
    await expect(store.getManySpanSequenceIds({ attempts })).rejects.toMatchObject({ code: 'not_found' })
    expect(await store.getNextSpanSequenceId({ rolloutId, attemptId })).toBe(1)
    expect((await store.querySpans({ rolloutId: 'x' })).total).toBe(0)
    expect((await store.querySpans({ rolloutId, attemptId: 'y' })).total).toBe(0)
  })

  check('SPAN-06', 'sequence ids count per rollout and never fall behind what spans bring', async () => {
    const { store } = await open()
    const [a, b] = [await enqueueAndClaim(store), await enqueueAndClaim(store)]
    const attempts = [a, b, a, a].map(keyOf)
    expect(await store.getManySpanSequenceIds({ attempts })).toEqual([1, 1, 2, 3])
    await store.addSpan(spanOf(a, { sequence_id: 100 }))
    await store.addSpan(spanOf(a, { sequence_id: 7 }))
    await store.addSpan(spanOf(b, { sequence_id: -3 }))
    const retry = await store.startAttempt({ rolloutId: a.rollout_id })
    expect(await store.getNextSpanSequenceId(keyOf(retry))).toBe(101)
    expect(await store.getNextSpanSequenceId(keyOf(b))).toBe(2)
    // The attempt may be any: the reference counts on for attempts it does not know.
    expect(await store.getNextSpanSequenceId({ rolloutId: b.rollout_id, attemptId: 'elsewhere' })).toBe(3)
    expect(await store.addSpan(spanOf(b))).toMatchObject({ sequence_id: 4 })
    const known = spanOf(b)
    await store.addSpan(known)
    expect(await store.addSpan({ ...known, sequence_id: 50 })).toBeNull()
    expect(await store.getNextSpanSequenceId(keyOf(b))).toBe(51)
    const fresh = await enqueueAndClaim(store)
    await store.addSpan(spanOf(fresh, { sequence_id: 0 }))
    expect(await store.getNextSpanSequenceId(keyOf(fresh))).toBe(1)
  })

  check('SPAN-07', 'the first span makes attempt and rollout run; the heartbeat is the time of the store', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    await store.addSpan(spanOf(claimed, { start_time: 1, end_time: 2 }))
    const rollout = await store.getRolloutById({ rolloutId: claimed.rollout_id })
    expect(rollout).toMatchObject({ status: 'running', attempt: { status: 'running' } })
    const attempt = await store.getLatestAttempt({ rolloutId: claimed.rollout_id })
    expect(attempt!.last_heartbeat_time).toBeGreaterThan(claimed.attempt.start_time)
  })

  for (const status of ['failed', 'timeout'] as const) {
    check('SPAN-08', `a late span does not strand the retry of a ${status} attempt`, async () => {
      const { store } = await open()
      const claimed = await enqueueAndClaim(store, { config: retryAlways })
      await store.updateAttempt({ ...keyOf(claimed), status })
      await store.addSpan(spanOf(claimed))
      const rollout = await store.getRolloutById({ rolloutId: claimed.rollout_id })
      expect(rollout).toMatchObject({ status: 'requeuing', attempt: { status, last_heartbeat_time: expect.any(Number) } })
      expect((await claimNext(store)).attempt.sequence_id).toBe(2)
    })
  }

  check('SPAN-09', 'a span of a live attempt takes its rollout out of the queue', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    await store.updateRollout({ rolloutId: claimed.rollout_id, status: 'queuing' })
    await store.addSpan(spanOf(claimed))
    expect(await statusOf(store, claimed.rollout_id)).toBe('running')
    expect(await store.dequeueRollout()).toBeNull()
  })

  check('SPAN-16', 'a span revives what was told to be unresponsive, and takes it out of the queue', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store, { config: retryAlways })
    await store.updateAttempt({ ...keyOf(claimed), status: 'unresponsive' })
    expect(await statusOf(store, claimed.rollout_id)).toBe('requeuing')
    await store.addSpan(spanOf(claimed))
    expect(await store.getRolloutById({ rolloutId: claimed.rollout_id })).toMatchObject({
      status: 'running',
      attempt: { status: 'running', outcome: null, sequence_id: 1 },
    })
    expect(await store.dequeueRollout()).toBeNull()
  })

  check('SPAN-10', 'a span never reopens a finished rollout', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    await store.updateAttempt({ ...keyOf(claimed), status: 'unresponsive' })
    expect(await statusOf(store, claimed.rollout_id)).toBe('failed')
    await store.addSpan(spanOf(claimed))
    const rollout = await store.getRolloutById({ rolloutId: claimed.rollout_id })
    expect(rollout).toMatchObject({ status: 'failed', attempt: { status: 'running' } })
  })

  check('SPAN-11', 'what OpenTelemetry made is stored as a span, once', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const span = otelSpanOf(11)
    const context = span.spanContext()
    const stored = await store.addOtelSpan({ ...keyOf(claimed), span, sequenceId: 7 })
    expect(stored).toMatchObject({
      rollout_id: claimed.rollout_id,
      attempt_id: claimed.attempt.attempt_id,
      sequence_id: 7,
      trace_id: context.traceId,
      span_id: context.spanId,
      parent_id: 'c'.repeat(16),
      name: 'call',
      status: { status_code: 'ERROR', description: 'no' },
      attributes: { tokens: [1, 2] },
      start_time: 1_800_000_000.5,
      end_time: 1_800_000_001,
    })
    expect((await store.querySpans({ rolloutId: claimed.rollout_id })).items).toEqual([stored])
    expect(await store.addOtelSpan({ ...keyOf(claimed), span })).toBeNull()
    expect(await store.addOtelSpan({ ...keyOf(claimed), span: otelSpanOf(13) })).toMatchObject({ sequence_id: 8 })
    const stray = store.addOtelSpan({ rolloutId: 'x', attemptId: 'y', span })
    await expect(stray).rejects.toMatchObject({ code: 'not_found', message: 'Rollout x not found' })
  })

  check('SPAN-11', 'what is no span of OpenTelemetry is refused, and nothing is stored', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    for (const span of [{}, { name: 'step' }] as unknown as OtelSpan[]) {
      const refused = store.addOtelSpan({ ...keyOf(claimed), span })
      await expect(refused).rejects.toMatchObject({ code: 'invalid_argument' })
    }
    expect((await store.statistics()).total_spans).toBe(0)
  })

  check('SPAN-12', 'an attempt that timed out stays so and is told of the span; nothing else moves', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    await store.updateAttempt({ ...keyOf(claimed), status: 'timeout' })
    const { attempt: before, ...rollout } = (await store.getRolloutById({ rolloutId: claimed.rollout_id })) as AttemptedRollout
    await store.addSpan(spanOf(claimed))
    const { attempt, ...after } = (await store.getRolloutById({ rolloutId: claimed.rollout_id })) as AttemptedRollout
    expect(after).toEqual(rollout)
    expect(attempt).toEqual({ ...before, last_heartbeat_time: expect.any(Number) })
    expect(attempt.last_heartbeat_time).toBeGreaterThan(before.start_time)
  })

  check('SPAN-13', 'numbers come back as they were, the odd ones too', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const attributes = { list: [1, 2.5, -0.125], nan: Number.NaN, huge: Number.POSITIVE_INFINITY, empty: [], text: 'ü “\u0000”' }
    const stored = await store.addSpan(spanOf(claimed, { attributes, start_time: null, end_time: null }))
    expect(stored).toMatchObject({ attributes, start_time: null })
    expect((await store.querySpans({ rolloutId: claimed.rollout_id })).items[0]).toEqual(stored)
  })

  check('SPAN-14', 'statistics count spans and, where the store knows, their bytes', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    expect(await store.statistics()).toMatchObject({ total_spans: 0 })
    await store.addManySpans({ spans: [spanOf(claimed), spanOf(claimed)] })
    const { total_spans: spans, total_span_bytes: bytes } = await store.statistics()
    expect(spans).toBe(2)
    expect(bytes ?? 200).toBeGreaterThan(100)
  })

  check('SPAN-15', 'ids that leave no room behind them are refused, and none past the highest is given', async () => {
    const { store } = await open()
    const claimed = await enqueueAndClaim(store)
    const refused = { code: 'invalid_argument' }
    for (const tooHigh of [Number.MAX_SAFE_INTEGER, highestSequenceId + 1]) {
      await expect(store.addSpan(spanOf(claimed, { sequence_id: tooHigh }))).rejects.toMatchObject(refused)
    }
    await store.addSpan(spanOf(claimed, { sequence_id: highestSequenceId }))
    await expect(store.addSpan(spanOf(claimed))).rejects.toMatchObject(refused)
    await expect(store.getNextSpanSequenceId(keyOf(claimed))).rejects.toMatchObject(refused)
    expect((await store.querySpans({ rolloutId: claimed.rollout_id })).total).toBe(1)
  })
}
