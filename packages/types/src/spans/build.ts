import type { Attributes, NewSpan, SpanStatus } from '../span.ts'

/** The parts of a span that a caller decides. */
export interface SpanCore {
  readonly rolloutId: string
  readonly attemptId: string
  readonly name: string
  readonly attributes: Attributes
  /** Epoch seconds. */
  readonly startTime: number
  readonly endTime: number
  /** Default OK. */
  readonly status?: SpanStatus
}

/** A span with fresh random trace and span ids and no parent. */
export function buildSpan(core: SpanCore): NewSpan {
  const traceId = randomHex(16)
  const spanId = randomHex(8)
  return {
    rollout_id: core.rolloutId,
    attempt_id: core.attemptId,
    trace_id: traceId,
    span_id: spanId,
    parent_id: null,
    name: core.name,
    status: core.status ?? { status_code: 'OK', description: null },
    attributes: core.attributes,
    events: [],
    links: [],
    start_time: core.startTime,
    end_time: core.endTime,
    context: { trace_id: traceId, span_id: spanId, is_remote: false, trace_state: {} },
    parent: null,
    resource: { attributes: {}, schema_url: '' },
  }
}

function randomHex(bytes: number): string {
  return Array.from(globalThis.crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )
}
